"""Headers of frames: what a BEAM wrote, and that a reader follows our writer."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.errors import PeerError
from pyerlnode.protocol._choice import native
from pyerlnode.protocol.atom_cache import MAX_REFS, SLOTS, AtomCacheReader, AtomCacheWriter
from pyerlnode.term import Atom

# From a connection between two nodes of OTP 27; BEFORE fills the two slots that are not new in FIRST.
BEFORE = bytes.fromhex("02 89 00 8e 0d" + b"a27@127.0.0.1".hex() + "05 00")
FIRST = bytes.fromhex(
    "06 01ffff00 8e 05 86 0a 6e6f737563686e616d65 87 05 616c706861 88 04 62657461 89 05 67616d6d61"
)
SECOND = bytes.fromhex("06 01777700 8e 05 86 87 88 89")
ATOMS = ["a27@127.0.0.1", "", "nosuchname", "alpha", "beta", "gamma"]


def test_headers_of_a_beam_are_read_as_documented() -> None:
    reader = AtomCacheReader()
    reader.read(BEFORE, 0)
    assert reader.read(FIRST + b"rest", 0) == (ATOMS, len(FIRST))
    assert reader.read(SECOND, 0) == (ATOMS, len(SECOND))


def test_a_slot_that_was_never_filled_is_an_error() -> None:
    with pytest.raises(PeerError, match=r"slot 398 at byte 5 was never filled"):
        AtomCacheReader().read(FIRST, 0)


@pytest.mark.parametrize("size", range(len(FIRST)))
def test_every_prefix_of_a_header_is_an_error(size: int) -> None:
    reader = AtomCacheReader()
    reader.read(BEFORE, 0)
    with pytest.raises(PeerError):
        reader.read(FIRST[:size], 0)


@pytest.mark.parametrize("text", ["ff", "c0 80", "ed a0 80", "80"])
def test_text_that_is_no_utf_8_is_an_error(text: str) -> None:
    body = bytes.fromhex(text)
    with pytest.raises(PeerError, match="no atom at byte 4"):
        AtomCacheReader().read(bytes((1, 8, 0, len(body))) + body, 0)


def test_an_atom_of_more_than_255_characters_is_an_error() -> None:
    with pytest.raises(PeerError, match="256 characters"):
        AtomCacheReader().read(bytes((1, 0x18, 0, 1, 0)) + b"x" * 256, 0)


Writers = Callable[[], Any]
WRITERS = {"in_python": AtomCacheWriter} | ({} if native is None else {"native": native.AtomCacheWriter})
either = pytest.mark.parametrize("new_writer", WRITERS.values(), ids=WRITERS)


def write(writer: Any, atoms: list[Atom]) -> tuple[list[int | None], bytes]:
    writer.start()
    refs = [writer.ref(atom) for atom in atoms]
    return refs, writer.header()


def check(writer: Any, reader: AtomCacheReader, atoms: list[Atom]) -> list[int | None]:
    refs, header = write(writer, atoms)
    found, end = reader.read(header, 0)
    assert end == len(header)
    assert len(found) == len({ref for ref in refs if ref is not None})
    for atom, number in zip(atoms, refs, strict=True):
        assert number is None or found[number] is atom
    return refs


@either
def test_the_second_time_an_atom_is_one_byte(new_writer: Writers) -> None:
    writer = new_writer()
    _, first = write(writer, [Atom("alpha"), Atom("beta"), Atom("alpha")])
    _, second = write(writer, [Atom("beta"), Atom("alpha")])
    assert b"alpha" in first and first.count(b"alpha") == 1
    assert len(second) == 1 + 2 + 2


@either
def test_a_message_without_atoms_has_an_empty_header(new_writer: Writers) -> None:
    assert write(new_writer(), []) == ([], b"\0")


@either
def test_more_atoms_than_slots_are_followed_by_the_reader(new_writer: Writers) -> None:
    writer, reader = new_writer(), AtomCacheReader()
    texts = [Atom(f"cached_{number}") for number in range(3 * SLOTS)]
    chance = random.Random(1)
    for _ in range(2000):
        check(writer, reader, chance.choices(texts, k=20))


@either
def test_atoms_beyond_255_in_one_message_have_no_ref(new_writer: Writers) -> None:
    atoms = [Atom(f"cached_{number}") for number in range(400)]
    writer, reader = new_writer(), AtomCacheReader()
    refs = check(writer, reader, atoms)
    given_ = [ref for ref in refs if ref is not None]
    assert given_ == list(range(MAX_REFS))
    assert refs[-1] is None


@either
def test_two_atoms_of_one_message_never_share_a_slot(new_writer: Writers) -> None:
    first = Atom("cached_0")
    others = (Atom(f"cached_{number}") for number in range(1, 20 * SLOTS))
    slot = AtomCacheWriter.slot_of(first)
    other = next(atom for atom in others if AtomCacheWriter.slot_of(atom) == slot)
    writer = new_writer()
    reader = AtomCacheReader()
    assert check(writer, reader, [first, other, first]) == [0, None, 0]
    assert check(writer, reader, [other, first, other]) == [0, None, 0]


@either
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_texts_beyond_255_bytes_make_all_lengths_of_the_header_long(new_writer: Writers, count: int) -> None:
    writer, reader = new_writer(), AtomCacheReader()
    atoms = [Atom("😀" * 255), *(Atom(f"cached_{number}") for number in range(count))]
    check(writer, reader, atoms)
    check(writer, reader, atoms[1:])


@either
def test_a_message_that_cannot_be_encoded_leaves_the_cache_as_it_was(new_writer: Writers) -> None:
    writer, reader = new_writer(), AtomCacheReader()
    atoms = [Atom(f"cached_{number}") for number in range(3 * SLOTS)]
    chance = random.Random(2)
    for _ in range(500):
        writer.start()
        for atom in chance.choices(atoms, k=20):
            writer.ref(atom)
        writer.undo()
        check(writer, reader, chance.choices(atoms, k=20))


@either
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "é", "日" * 200, "", "ok", "true"]), max_size=6), max_size=6)
)
def test_the_reader_follows_the_writer(new_writer: Writers, messages: list[list[str]]) -> None:
    writer, reader = new_writer(), AtomCacheReader()
    for message in messages:
        check(writer, reader, [Atom(text) for text in message])


@given(st.binary(max_size=60))
def test_garbage_gives_atoms_or_a_peer_error(data: bytes) -> None:
    try:
        atoms, end = AtomCacheReader().read(data, 0)
    except PeerError:
        return
    assert end <= len(data) and len(atoms) == data[0]
