"""The value types: equality, hashing, immutability, and what cannot be made."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest
from hypothesis import given
from strategies import terms

from pyerlnode.errors import TermEncodeError, UsageError
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
    charlist,
    equal,
)


def fun(**changes: Any) -> Fun:
    fields: dict[str, Any] = {
        "arity": 1,
        "uniq": bytes(16),
        "index": 2,
        "module": "m",
        "old_index": 3,
        "old_uniq": 4,
        "pid": Pid("a@h", 1, 0, 1),
        "free": (1, b"x"),
    }
    return Fun(**{**fields, **changes})


VALUES = [
    Atom("ok"),
    Pid("a@h", 1, 2, 3),
    Port("a@h", 1, 2),
    Reference("a@h", 1, (2, 3)),
    BitString(b"\x80", 1),
    ImproperList([1], 2),
    Export("m", "f", 0),
    fun(),
    Map([(1, 2), (1.0, 3)]),
    Record("m", "n", (("a", 1),)),
]


def test_an_atom_is_its_text_and_made_once() -> None:
    assert Atom("ok") == "ok"
    assert hash(Atom("ok")) == hash("ok")
    assert Atom("ok") is Atom("o" + "k")
    assert Atom(Atom("ok")) is Atom("ok")
    assert str(Atom("ok")) == "ok"
    assert type(str(Atom("ok"))) is str
    assert repr(Atom("ok")) == "Atom('ok')"
    match Atom("get"):
        case "get":
            pass
        case _:
            pytest.fail("an atom must match its text")


def test_threads_that_make_the_same_atom_get_the_same_object() -> None:
    made: list[list[Atom]] = []
    barrier = threading.Barrier(4)

    def make() -> None:
        barrier.wait()
        made.append([Atom(f"thread_{n}") for n in range(200)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(atom is made[0][n] for atoms in made for n, atom in enumerate(atoms))


def test_an_atom_has_at_most_255_characters() -> None:
    assert len(Atom("😀" * 255)) == 255
    with pytest.raises(TermEncodeError, match="256 characters"):
        Atom("x" * 256)
    with pytest.raises(TermEncodeError, match="UTF-8"):
        Atom("\ud800")
    with pytest.raises(TermEncodeError, match="bytes"):
        Atom(b"x")  # type: ignore[arg-type]


def test_a_full_atom_table_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Atom, "TABLE_LIMIT", 0)
    assert Atom("ok") == "ok"
    with pytest.raises(UsageError, match="atom table is full"):
        Atom("one that was never made before")


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_survives_copy_and_pickle(value: Any) -> None:
    again = pickle.loads(pickle.dumps(value))
    assert again == value
    assert equal(again, value)
    assert hash(again) == hash(value)
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_cannot_be_changed(value: Any) -> None:
    name = next(name for name in dir(value) if not name.startswith("__"))
    with pytest.raises(AttributeError, match="immutable"):
        setattr(value, name, 1)
    with pytest.raises(AttributeError):
        value.something = 1


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_differs_from_values_of_other_types(value: Any) -> None:
    assert value != (1, 2)
    assert all((value == other) == (value is other) for other in VALUES)


@given(terms())
def test_repr_shows_every_term(term: Any) -> None:
    assert repr(term)


def test_texts_of_pids_ports_and_references_are_those_of_iex() -> None:
    assert str(Pid("a@h", 105, 2, 3)) == "#PID<a@h.105.2>"
    assert str(Port("a@h", 6, 3)) == "#Port<a@h.6>"
    assert str(Reference("a@h", 9, (1, 2, 3))) == "#Reference<a@h.3.2.1>"
    assert eval(repr(Pid("a@h", 105, 2, 3))) == Pid("a@h", 105, 2, 3)


def test_a_reference_is_the_same_with_zeros_behind_it() -> None:
    short, long = Reference("a@h", 1, (5,)), Reference("a@h", 1, (5, 0, 0))
    assert short == long
    assert hash(short) == hash(long)
    assert equal(short, long)
    assert long.words == (5, 0, 0)


def test_unused_bits_of_a_bitstring_are_zero() -> None:
    assert BitString(b"\xff", 3) == BitString(b"\xe0", 3)
    assert BitString(b"\xff", 3).data == b"\xe0"
    assert len(BitString(b"\xff\xff", 3)) == 11


@pytest.mark.parametrize(("data", "bits"), [(b"x", 0), (b"x", 8), (b"", 3), (b"x", -1)])
def test_whole_bytes_are_no_bitstring(data: bytes, bits: int) -> None:
    with pytest.raises(TermEncodeError):
        BitString(data, bits)


def test_an_improper_list_ends_in_something_else_than_a_list() -> None:
    assert ImproperList([1], ImproperList([2], 3)) == ImproperList((1, 2), 3)
    for elements, tail in [([1], []), ([1], [2]), ([], 1)]:
        with pytest.raises(TermEncodeError):
            ImproperList(elements, tail)


def test_the_arity_of_an_export_fits_a_byte() -> None:
    for arity in (-1, 256):
        with pytest.raises(TermEncodeError, match="0 to 255"):
            Export("m", "f", arity)


def test_funs_are_equal_by_code_and_values() -> None:
    assert fun() == fun(pid=Pid("b@h", 9, 9, 9), old_index=9, raw=b"p")
    for change in (
        {"free": (1,)},
        {"index": 3},
        {"arity": 2},
        {"module": "n"},
        {"uniq": b"x" * 16},
        {"old_uniq": 5},
    ):
        assert fun(**change) != fun()
        assert not equal(fun(**change), fun())


def test_a_record_names_no_field_twice() -> None:
    with pytest.raises(TermEncodeError, match="twice"):
        Record("m", "n", (("a", 1), ("a", 2)))


def test_a_charlist_holds_code_points() -> None:
    assert charlist("aé😀") == [97, 233, 0x1F600]
