"""The codec that runs: see `_choice.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.term._choice import native

if TYPE_CHECKING or native is None:
    from pyerlnode.term._decode import decode, decode_at
    from pyerlnode.term._encode import encode, encode_parts
else:
    decode, decode_at = native.decode, native.decode_at
    encode, encode_parts = native.encode, native.encode_parts

__all__ = ["decode", "decode_at", "encode", "encode_parts"]
