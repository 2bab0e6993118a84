"""Erlang's `=:=`, for any depth, by the bytes that `_encode.exact_bytes` gives.

Proof: tests/term/test_compare.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.term._choice import native

__all__ = ["equal", "exact_bytes"]

if TYPE_CHECKING or native is None:
    from pyerlnode.term._encode import exact_bytes
    from pyerlnode.term.types import Atom, Pid, Port, Reference

    _PLAIN = frozenset({Atom, int, bytes, str, bool, type(None), Pid, Port, Reference})

    def equal(a: Any, b: Any) -> bool:
        """Whether `a =:= b` in Erlang (OTP 27): 1 is not 1.0, 0.0 not -0.0, an atom not its text.

        "text" is b"text", True is Atom("true").  Raises TermEncodeError for an object that
        is no term.
        """
        kind = type(a)
        if kind is type(b) and kind in _PLAIN:
            return bool(a == b)
        return exact_bytes(a) == exact_bytes(b)

else:
    equal, exact_bytes = native.equal, native.exact_bytes
