"""The recorded connections of tests/vectors/dist, and Erlang text as they hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyerlnode.term import Atom, Export, Fun, ImproperList, Map, Pid, Reference

VECTORS = Path(__file__).parent.parent / "vectors"
NODE_PAIRS = sorted(path.stem for path in (VECTORS / "dist").glob("otp*.jsonl"))
FOREIGN = sorted(
    path.stem for path in (VECTORS / "dist").glob("*-otp??.jsonl") if path.stem not in NODE_PAIRS
)


def lines(name: str) -> list[dict[str, Any]]:
    """The lines of a file of tests/vectors, without its suffix."""
    text = (VECTORS / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def readable(term: Any) -> str:
    """Erlang text in the way of the recordings: pids and references with all their numbers."""
    match term:
        case True | False:
            return str(term).lower()
        case None:
            return "nil"
        case Pid(node, number, serial, creation):
            return f"<{node}.{number}.{serial}/{creation}>"
        case Reference():
            words = ".".join(map(str, term.words))
            return f"#Ref<{term.node}/{term.creation}.{words}>"
        case Atom():
            return _atom(term)
        case bytes():
            return f'<<"{term.decode("latin-1")}">>' if term else "<<>>"
        case tuple():
            return "{" + ",".join(map(readable, term)) + "}"
        case list():
            if term and all(type(x) is int and 32 <= x < 127 for x in term):
                return '"' + bytes(term).decode() + '"'
            return "[" + ",".join(map(readable, term)) + "]"
        case ImproperList():
            return "[" + ",".join(map(readable, term.elements)) + "|" + readable(term.tail) + "]"
        case Export(module, function, arity):
            return f"fun {_atom(module)}:{_atom(function)}/{arity}"
        case Fun():
            return f"#Fun<{term.module}.{term.old_index}.{term.old_uniq}/{term.arity}>"
        case int() | float():
            return repr(term)
        case dict() | Map():
            return "#{" + ",".join(f"{readable(key)}=>{readable(value)}" for key, value in term.items()) + "}"
    return f"a {type(term).__name__}"


def _atom(text: str) -> str:
    plain = text[:1].isalpha() and text[:1].islower() and all(c.isalnum() or c in "_@" for c in text)
    return str(text) if plain and text[:1].isascii() else f"'{text}'"
