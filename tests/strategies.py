"""Hypothesis strategies for Erlang terms, for every test that needs any term."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Map,
    Pid,
    Port,
    Record,
    Reference,
    encode,
    equal,
)

_U32 = st.integers(0, 2**32 - 1)
# A fixed set: every atom that a test makes stays for the whole run.
_TEXTS = ["", "a", "b", "ok", "error", "undefined", "Elixir.Foo", "it's", "é", "日本", "x" * 255, "😀" * 255]
_EDGES = [n + d for n in (0, 255, 2**31, -(2**31), 2**63, 2**2040, -(2**2040)) for d in (-1, 0, 1)]
_NODES = st.sampled_from([Atom("a@localhost"), Atom("b@host.example"), Atom("nonode@nohost")])


def atoms() -> st.SearchStrategy[Atom]:
    # By index: Hypothesis shows strategies in full, and these texts are long.
    return st.integers(0, len(_TEXTS) - 1).map(lambda at: Atom(_TEXTS[at]))


def pids() -> st.SearchStrategy[Pid]:
    return st.builds(Pid, _NODES, _U32, _U32, _U32)


def references() -> st.SearchStrategy[Reference]:
    return st.builds(Reference, _NODES, _U32, st.lists(_U32, min_size=1, max_size=5).map(tuple))


def numbers() -> st.SearchStrategy[int | float]:
    edges = st.integers(0, len(_EDGES) - 1).map(lambda at: _EDGES[at])
    floats = st.floats(allow_nan=False, allow_infinity=False)
    return st.one_of(edges, st.integers(), floats, st.sampled_from([0.0, -0.0]))


def bitstrings() -> st.SearchStrategy[BitString]:
    return st.builds(BitString, st.binary(min_size=1, max_size=9), st.integers(1, 7))


def exports() -> st.SearchStrategy[Export]:
    return st.builds(Export, atoms(), atoms(), st.integers(0, 255))


def scalars() -> st.SearchStrategy[Any]:
    """Terms without terms inside."""
    return st.one_of(
        atoms(),
        st.sampled_from([True, False, None]),
        numbers(),
        st.binary(max_size=20),
        bitstrings(),
        pids(),
        st.builds(Port, _NODES, st.integers(0, 2**64 - 1), _U32),
        references(),
        exports(),
    )


def funs(free: st.SearchStrategy[Any]) -> st.SearchStrategy[Fun]:
    return st.builds(
        Fun,
        arity=st.integers(0, 255),
        uniq=st.binary(min_size=16, max_size=16),
        index=_U32,
        module=atoms(),
        old_index=st.integers(0, 2**27),
        old_uniq=st.integers(0, 2**27),
        pid=pids(),
        free=st.lists(free, max_size=3).map(tuple),
    )


def _improper(children: st.SearchStrategy[Any]) -> st.SearchStrategy[ImproperList]:
    return st.builds(ImproperList, st.lists(children, min_size=1, max_size=4), scalars())


def _maps(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.lists(st.tuples(children, children), max_size=4).map(_without_twins)
    return st.one_of(
        st.dictionaries(st.one_of(atoms(), st.integers(), st.binary(max_size=5)), children, max_size=4),
        pairs.map(Map),
    )


def _without_twins(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    kept: list[tuple[Any, Any]] = []
    for pair in pairs:
        if not any(equal(pair[0], key) for key, _ in kept):
            kept.append(pair)
    return kept


def _records(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Record]:
    fields = st.lists(st.tuples(atoms(), children), max_size=3).map(_without_twins)
    return st.builds(Record, atoms(), atoms(), fields.map(tuple), st.integers(0, 1))


def terms(*, records: bool = True) -> st.SearchStrategy[Any]:
    """Any term, as `decode` gives it; `records=False` leaves out those of OTP 29."""

    def extend(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        kinds = [
            st.lists(children, max_size=5),
            st.lists(st.integers(0, 255), max_size=20),
            st.lists(children, max_size=5).map(tuple),
            _improper(children),
            _maps(children),
            funs(children),
        ]
        return st.one_of(*kinds, *([_records(children)] if records else []))

    return st.recursive(scalars(), extend, max_leaves=12)


def encoded() -> st.SearchStrategy[bytes]:
    """External term format of any term."""
    return terms().map(encode)


def mutated() -> st.SearchStrategy[bytes]:
    """A term's bytes with one to four of them changed, removed or added."""
    change = st.tuples(st.sampled_from(["set", "cut", "add"]), st.integers(0, 10_000), st.integers(0, 255))
    return st.builds(_mutate, encoded(), st.lists(change, min_size=1, max_size=4))


def _mutate(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    octets = bytearray(data)
    for what, where, octet in changes:
        at = where % len(octets) if octets else 0
        if what == "add" or not octets:
            octets.insert(at, octet)
        elif what == "set":
            octets[at] = octet
        else:
            del octets[at]
    # The version byte is kept: without it every mutation would look the same.
    return b"\x83" + bytes(octets[1:])
