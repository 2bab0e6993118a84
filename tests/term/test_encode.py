"""What each Python object encodes to, and what is refused."""

from __future__ import annotations

import collections
import enum
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from strategies import terms

from pyerlnode.errors import TermEncodeError, UsageError
from pyerlnode.term import (
    Atom,
    Fun,
    ImproperList,
    Pid,
    Port,
    Reference,
    compare,
    decode,
    decode_at,
    encode,
    encode_parts,
    equal,
)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 300


class Word(enum.StrEnum):
    HELLO = "hello"


Point = collections.namedtuple("Point", "x y")


class Text(str):
    __slots__ = ()


@given(terms())
def test_every_term_comes_back_exactly(term: Any) -> None:
    data = encode(term)
    again = decode(data)
    assert equal(again, term)
    assert equal(term, again)
    assert compare(again, term) == 0
    assert encode(again) == data
    assert equal(decode(encode(term, compressed=True)), term)


@pytest.mark.parametrize(
    ("obj", "same"),
    [
        (True, Atom("true")),
        (False, Atom("false")),
        (None, Atom("nil")),
        ("é", "é".encode()),
        (bytearray(b"x"), b"x"),
        (memoryview(b"abc")[::2], b"ac"),
        (Level.LOW, 1),
        ([Level.LOW, 2], [1, 2]),
        ([Level.HIGH], [300]),
        (Word.HELLO, b"hello"),
        (Text("t"), b"t"),
        (Point(1, 2), (1, 2)),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, {1: 2}), {1: 2}),
    ],
    ids=repr,
)
def test_python_types_encode_as_their_erlang_like(obj: Any, same: Any) -> None:
    assert encode(obj) == encode(same)
    assert equal(obj, same)
    assert compare(obj, same) == 0


def test_a_list_of_bytes_is_a_string_up_to_65535() -> None:
    assert encode([0, 255])[1] == 107
    assert encode([1] * 65535)[1] == 107
    assert encode([1] * 65536)[1] == 108
    for elements in ([1, 256], [1, -1], [1, True], [1, 1.0], [True], [1, Atom("a")]):
        assert encode(elements)[1] == 108
        assert equal(decode(encode(elements)), elements)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(TermEncodeError, match=str(value)):
        encode([value])


@pytest.mark.parametrize(
    "obj",
    [
        object(),
        1j,
        [object()],
        {(): [lambda: 0]},
        len,
        "\ud800",
        Pid("a@h", -1, 0, 0),
        Pid("a@h", 2**32, 0, 0),
        Port("a@h", 2**64, 0),
        Reference("a@h", 0, (1,) * 6),
        Reference("a@h", 0, (-1,)),
        1 << (8 * 524_280),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_what_has_no_term_is_refused(obj: Any) -> None:
    with pytest.raises(TermEncodeError):
        encode(obj)


def test_the_largest_integer_that_a_beam_takes_is_sent() -> None:
    value = -(1 << (8 * 524_280)) + 1
    assert decode(encode(value)) == value


def test_nothing_is_left_behind_by_a_refusal() -> None:
    out = bytearray(b"before")
    for obj in ([1, [2, object()]], (1, Pid("a@h", -1, 0, 0))):
        with pytest.raises(TermEncodeError):
            encode_parts(obj, out)
        assert out == b"before"


def test_what_contains_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TermEncodeError, match="contains itself"):
        encode(endless)
    # A million generators would take ten seconds.
    monkeypatch.setattr("pyerlnode.term._compare.MAX_DEPTH", 10_000)
    another: list[Any] = []
    another.append(another)
    with pytest.raises(TermEncodeError, match="contains itself"):
        compare(endless, another)


def test_a_failing_callback_leaves_nothing_behind() -> None:
    out = bytearray(b"before")
    with pytest.raises(ZeroDivisionError):
        encode_parts((1, Atom("ok")), out, lambda atom: 1 // 0)
    assert out == b"before"


def test_compressed_only_where_it_is_shorter() -> None:
    long = [Atom("abc")] * 100
    assert encode(long, compressed=True)[:2] == b"\x83P"
    assert len(encode(long, compressed=9)) <= len(encode(long, compressed=1)) < len(encode(long))
    assert decode(encode(long, compressed=6)) == long
    assert encode(1, compressed=True) == b"\x83a\x01"
    with pytest.raises(UsageError, match="10"):
        encode(1, compressed=10)


CACHED = [Atom("ok"), Atom("a@h"), Atom("true"), Atom("nil"), Atom("m")]


@given(terms())
def test_atoms_of_the_cache_become_references_to_it(term: Any) -> None:
    out = bytearray(b"..")
    encode_parts(term, out, lambda atom: CACHED.index(atom) if atom in CACHED else None)
    found, end = decode_at(bytes(out), 2, atoms=CACHED)
    assert end == len(out)
    assert equal(found, term)


def test_every_atom_is_asked_for() -> None:
    pid = Pid("a@h", 1, 2, 3)
    fun = Fun(arity=0, uniq=bytes(16), index=0, module="m", old_index=0, old_uniq=0, pid=pid, free=())
    term = (Atom("ok"), True, None, pid, Reference("a@h", 1, (1,)), {Atom("m"): fun, 1: 2})
    out = bytearray()
    encode_parts(term, out, CACHED.index)
    assert b"w\x02ok" not in out
    assert out.count(b"R\x01") == 3
    assert out[:8] == b"h\x06R\x00R\x02R\x03"


def test_a_fun_goes_back_byte_for_byte_and_from_its_fields() -> None:
    pid = Pid("a@h", 1, 2, 3)
    fun = Fun(
        arity=2,
        uniq=bytes(range(16)),
        index=7,
        module="m",
        old_index=300,
        old_uniq=2**27,
        pid=pid,
        free=([1], {b"k": ImproperList([1], 2)}),
    )
    data = encode(fun)
    assert struct.unpack(">I", data[2:6])[0] == len(data) - 2
    came = decode(data)
    assert came.raw == data[1:]
    assert came == fun
    # The same fun with another way to write its parts: it is kept.
    odd = data.replace(b"w\x01m", b"d\x00\x01m")
    assert encode(decode(odd)) == odd
    assert encode([decode(odd), 1]) == b"\x83l\x00\x00\x00\x02" + odd[1:] + b"a\x01j"


def test_a_fun_with_references_to_the_cache_is_written_from_its_fields() -> None:
    fun = Fun(
        arity=0,
        uniq=bytes(16),
        index=0,
        module="m",
        old_index=0,
        old_uniq=0,
        pid=Pid("a@h", 1, 2, 3),
        free=(1,),
    )
    out = bytearray()
    encode_parts((Atom("ok"), fun, fun), out, CACHED.index)
    came = decode_at(bytes(out), 0, atoms=CACHED)[0][1]
    assert came.raw is None
    assert came == fun
    assert encode(came) == encode(fun)
