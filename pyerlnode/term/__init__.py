"""Erlang's terms: their Python types, and the external term format.

    encode(("ok", 1, Atom("ok")))      bytes of {<<"ok">>, 1, ok}
    decode(data, text=True)            binaries that are UTF-8 as str
    equal(1, 1.0), compare(1, 1.0)     Erlang's =:= (False) and its term order (0)
    phash2("key", 4)                   Erlang's portable hash

Everything else in the package imports from here only.  Which implementation runs is
chosen once, in `_choice.py`; `IMPLEMENTATION` names it.
"""

from __future__ import annotations

from pyerlnode.term._choice import IMPLEMENTATION
from pyerlnode.term._codec import decode, decode_at, encode, encode_parts
from pyerlnode.term._compare import compare
from pyerlnode.term._exact import equal, exact_bytes
from pyerlnode.term._map import Map
from pyerlnode.term.limits import DEFAULT_LIMITS, Limits
from pyerlnode.term.phash2 import phash2
from pyerlnode.term.structs import URI, DateTime, MapSet, Time, register_struct, struct
from pyerlnode.term.text import parse_elixir, parse_erlang, to_elixir, to_erlang
from pyerlnode.term.types import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Pid,
    Port,
    Record,
    Reference,
    Term,
    charlist,
)

__all__ = [
    "DEFAULT_LIMITS",
    "IMPLEMENTATION",
    "URI",
    "Atom",
    "BitString",
    "DateTime",
    "Export",
    "Fun",
    "ImproperList",
    "Limits",
    "Map",
    "MapSet",
    "Pid",
    "Port",
    "Record",
    "Reference",
    "Term",
    "Time",
    "charlist",
    "compare",
    "decode",
    "decode_at",
    "encode",
    "encode_parts",
    "equal",
    "exact_bytes",
    "parse_elixir",
    "parse_erlang",
    "phash2",
    "register_struct",
    "struct",
    "to_elixir",
    "to_erlang",
]
