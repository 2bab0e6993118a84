"""What libcluster's Gossip strategy sends: bytes and back, no sockets.

    heartbeat::  term_to_binary(#{node => 'kate@127.0.0.1'})
    IV(16)       the same by AES-256 in CBC mode, PKCS #7; the key is the SHA-256 of the secret

Nothing proves who has sent a packet: with a secret it is harder to make one, no more.  What
comes is bounded and may be anything.

Source: libcluster 3.5, strategy/gossip.ex.
Proof: tests/services/cluster/test_cluster_gossip.py, with packets made by Elixir.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Final

from pyerlnode.errors import ConfigError, TermDecodeError
from pyerlnode.protocol.names import has_odd_characters, name_fault
from pyerlnode.term import Atom, decode, encode
from pyerlnode.term.limits import Limits

__all__ = ["Cipher", "pack", "unpack"]

_PREFIX: Final = b"heartbeat::"
_NODE: Final = Atom("node")
# The longest name makes a packet of a few hundred bytes.
MAX_PACKET = 2048
_LIMITS: Final = Limits(depth=8, elements=64, new_atoms=8, integer_bytes=64, inflated_bytes=MAX_PACKET)
_IV = 16


class Cipher:
    """Encrypts and decrypts by a secret that all nodes share."""

    def __init__(self, secret: str) -> None:
        self._aes = _cryptography()
        self._key = hashlib.sha256(secret.encode()).digest()

    def encrypt(self, plain: bytes, iv: bytes | None = None) -> bytes:
        """The initial vector, by default a random one, and the ciphertext."""
        iv = os.urandom(_IV) if iv is None else iv
        padding = _IV - len(plain) % _IV
        encryptor = self._of(iv).encryptor()
        return iv + bytes(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize())

    def decrypt(self, data: bytes) -> bytes | None:
        """The plain text; None for what was not encrypted with this secret."""
        iv, ciphertext = data[:_IV], data[_IV:]
        if not ciphertext or len(ciphertext) % _IV:
            return None
        decryptor = self._of(iv).decryptor()
        padded = bytes(decryptor.update(ciphertext) + decryptor.finalize())
        size = padded[-1]
        if not 1 <= size <= _IV or padded[-size:] != bytes([size]) * size:
            return None
        return padded[:-size]

    def _of(self, iv: bytes) -> Any:
        return self._aes.Cipher(self._aes.algorithms.AES(self._key), self._aes.modes.CBC(iv))


def pack(node: str, cipher: Cipher | None = None) -> bytes:
    """The packet that says that `node` is there."""
    plain = _PREFIX + encode({_NODE: Atom(node)})
    return plain if cipher is None else cipher.encrypt(plain)


def unpack(packet: bytes, cipher: Cipher | None = None) -> str | None:
    """The node that a packet names; None for anything else."""
    if len(packet) > MAX_PACKET:
        return None
    plain = packet if cipher is None else cipher.decrypt(packet)
    if plain is None or not plain.startswith(_PREFIX):
        return None
    try:
        term = decode(plain[len(_PREFIX) :], limits=_LIMITS)
    except TermDecodeError:
        return None
    name = term.get(_NODE) if isinstance(term, dict) else None
    if not isinstance(name, Atom) or name_fault(name) is not None or has_odd_characters(name):
        return None
    return name


def _cryptography() -> Any:
    try:
        from cryptography.hazmat.primitives import ciphers
        from cryptography.hazmat.primitives.ciphers import algorithms, modes
    except ImportError as missing:
        raise ConfigError(
            f"gossip with a secret needs cryptography: pip install cryptography ({missing})"
        ) from None
    assert ciphers.algorithms is algorithms and ciphers.modes is modes
    return ciphers
