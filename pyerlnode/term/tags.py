"""Tag numbers of the external term format, each with what follows it.

Sizes are in bytes and big-endian unless said otherwise.

Source: ERTS manual, "External Term Format" (OTP 27; RECORD of OTP 29).
Proof: tests/term/test_decode.py reads every tag from bytes that a BEAM wrote.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 131
"""Stands before a term that is not inside a distribution frame."""

RECORD: Final = 67
"""Native record of OTP 29: fields:4, flags:1, module, name, field names, values."""
NEW_FLOAT: Final = 70
"""IEEE 754 double:8; infinities and NaN are not terms."""
BIT_BINARY: Final = 77
"""length:4, bits used in the last byte (1 to 8, from the top):1, data."""
COMPRESSED: Final = 80
"""Uncompressed size:4, zlib data; only directly after VERSION."""
ATOM_CACHE_REF: Final = 82
"""index:1 into the atoms of the frame's distribution header; only in frames."""
NEW_PID: Final = 88
"""node, id:4, serial:4, creation:4."""
NEW_PORT: Final = 89
"""node, id:4, creation:4."""
NEWER_REFERENCE: Final = 90
"""words:2 (at most 5), node, creation:4, words of 4 each."""
SMALL_INTEGER: Final = 97
"""0 to 255:1."""
INTEGER: Final = 98
"""signed:4."""
FLOAT: Final = 99
"""Text of 31 characters, filled with zeros; written by `{minor_version, 0}` only."""
ATOM: Final = 100
"""length:2, Latin-1; written up to OTP 25."""
REFERENCE: Final = 101
"""node, id:4 (18 bits), creation:1 (2 bits); no longer written."""
PORT: Final = 102
"""node, id:4, creation:1 (2 bits); no longer written."""
PID: Final = 103
"""node, id:4, serial:4, creation:1 (2 bits); no longer written."""
SMALL_TUPLE: Final = 104
"""arity:1, elements."""
LARGE_TUPLE: Final = 105
"""arity:4, elements."""
NIL: Final = 106
"""The empty list; nothing follows."""
STRING: Final = 107
"""length:2, bytes: a list of integers 0 to 255."""
LIST: Final = 108
"""length:4, elements, tail."""
BINARY: Final = 109
"""length:4, bytes."""
SMALL_BIG: Final = 110
"""n:1, sign:1 (0 is plus), n bytes, little-endian."""
LARGE_BIG: Final = 111
"""n:4, sign:1 (0 is plus), n bytes, little-endian."""
NEW_FUN: Final = 112
"""size:4 (counts itself), arity:1, uniq:16, index:4, free:4, module, old index, old uniq, pid, free terms."""
EXPORT: Final = 113
"""module, function, arity as SMALL_INTEGER."""
NEW_REFERENCE: Final = 114
"""words:2, node, creation:1 (2 bits), words of 4 each, the first of 18 bits; no longer written."""
SMALL_ATOM: Final = 115
"""length:1, Latin-1; no longer written."""
MAP: Final = 116
"""pairs:4, key, value, ..."""
ATOM_UTF8: Final = 118
"""length:2, UTF-8."""
SMALL_ATOM_UTF8: Final = 119
"""length:1, UTF-8."""
V4_PORT: Final = 120
"""node, id:8, creation:4."""
