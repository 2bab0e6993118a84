"""`crypto`: hashes, MACs and random bytes, as Python's `hashlib` and `secrets` have them.

Source: module `crypto` of the Crypto reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import badarg, is_integer
from pyerlnode.services.evaluator.stdlib.erlang_binaries import iolist
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

crypto = Library("crypto")

_HMAC: Final = Atom("hmac")
# Crypto's names and Python's.
_NAMES: Final = {
    "md5": "md5",
    "sha": "sha1",
    **{name: name for name in ("sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s")},
    **{f"sha3_{bits}": f"sha3_{bits}" for bits in (224, 256, 384, 512)},
}


def _name(kind: Term) -> str:
    if not isinstance(kind, Atom) or kind not in _NAMES:
        raise badarg()
    return _NAMES[str(kind)]


@crypto.function("hash", 2)
def hash_of(kind: Term, data: Term) -> Term:
    return hashlib.new(_name(kind), iolist(data), usedforsecurity=False).digest()


@crypto.function("mac", 4)
def mac(kind: Term, sub_kind: Term, key: Term, data: Term) -> Term:
    if kind is not _HMAC:
        raise badarg()
    return hmac.digest(iolist(key), iolist(data), _name(sub_kind))


@crypto.function("strong_rand_bytes", 1)
def strong_rand_bytes(count: Term) -> Term:
    if not is_integer(count, 0):
        raise badarg()
    limits.check_binary(count)
    return secrets.token_bytes(count)


@crypto.function("exor", 2)
def exor(left: Term, right: Term) -> Term:
    a, b = iolist(left), iolist(right)
    if len(a) != len(b):
        raise badarg()
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


@crypto.function("hash_equals", 2)
def hash_equals(left: Term, right: Term) -> Term:
    if not isinstance(left, bytes) or not isinstance(right, bytes) or len(left) != len(right):
        raise badarg()
    return hmac.compare_digest(left, right)
