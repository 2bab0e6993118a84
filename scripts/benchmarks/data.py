"""The terms that the codecs are measured with; the same in every run.

Each has what msgspec.msgpack would be given in its place: the same document, with text for
atoms and a list for a pid or a reference.
"""

from __future__ import annotations

import random
from typing import Any

from pyerlnode.term import Atom, ImproperList, Pid, Reference, charlist

#: How deep `nested` goes in one place.
DEPTH = 60


def terms() -> dict[str, Any]:
    """Name -> term."""
    source = random.Random(1)
    return {
        "call": call(),
        "maps100": [person(number) for number in range(100)],
        "nested": nested(source),
        "100k ints": [source.randrange(-(2**31), 2**31) for _ in range(100_000)],
        "100k floats": [source.random() for _ in range(100_000)],
        "10k charlist": charlist("".join(chr(source.randrange(97, 123)) for _ in range(10_000))),
        "10 MB binary": source.randbytes(10_000_000),
        "1000 bigints": [source.getrandbits(200) for _ in range(1000)],
    }


def call() -> Any:
    """What `GenServer.call` sends: 117 bytes with the version byte."""
    node = Atom("alex@localhost")
    pid = Pid(node, 117, 0, 1_700_000_000)
    tag = ImproperList([Atom("alias")], Reference(node, 1_700_000_000, (131_072, 4_113_760_257, 9_214)))
    return (Atom("$gen_call"), (pid, tag), (Atom("echo"), b"twelve bytes"))


def person(number: int) -> dict[Atom, Any]:
    """A map of five atom keys, of about 90 bytes."""
    return {
        Atom("id"): number,
        Atom("name"): f"the user number {number:07}".encode(),
        Atom("active"): number % 3 == 0,
        Atom("score"): number * 1.5,
        Atom("role"): Atom("member"),
    }


def nested(source: random.Random) -> list[Any]:
    """A document as JSON knows them, with binaries for keys; 522 kB."""
    deep: Any = b"bottom"
    for level in range(DEPTH):
        deep = {b"level": level, b"child": deep} if level % 2 else [level, deep]
    return [deep, *(_record(source, number) for number in range(2732))]


def _record(source: random.Random, number: int) -> dict[bytes, Any]:
    return {
        b"id": number,
        b"title": source.randbytes(12).hex().encode(),
        b"price": round(source.random() * 1000, 2),
        b"tags": [b"alpha", b"beta", str(number).encode()],
        b"stock": {b"here": source.randrange(100), b"there": source.randrange(100_000)},
        b"visible": number % 2 == 0,
        b"next": None,
    }


def plain(term: Any) -> Any:
    """The same document for a codec that knows neither atoms nor pids."""
    match term:
        case Atom():
            return str(term)
        case Pid():
            return [str(term.node), term.id, term.serial, term.creation]
        case Reference():
            return [str(term.node), term.creation, list(term.words)]
        case ImproperList():
            return [*map(plain, term.elements), plain(term.tail)]
        case tuple() | list():
            return [plain(part) for part in term]
        case dict():
            return {plain(key): plain(value) for key, value in term.items()}
    return term
