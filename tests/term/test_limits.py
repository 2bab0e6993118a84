"""Each limit refuses what is beyond it, names itself, and lets through what is not."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.errors import TermDecodeError, TermLimitError
from pyerlnode.term import Atom, Limits, decode, encode


def atom_bytes(text: str) -> bytes:
    return bytes((119, len(text))) + text.encode()


@pytest.mark.parametrize(
    ("limit", "allowed", "fits", "beyond"),
    [
        ("depth", 2, [(1,)], [[(1,)]]),
        ("elements", 3, [300, 301, 302], [300, (301, 302)]),
        ("elements", 3, [1, 2, 3], [1, 2, 3, 4]),
        ("elements", 4, {1: 2, 3: 4}, [{1: 2, 3: 4}]),
        ("integer_bytes", 8, 2**64 - 1, 2**64),
    ],
)
def test_refuses_what_is_beyond_and_names_the_limit(limit: str, allowed: int, fits: Any, beyond: Any) -> None:
    settings = Limits(**{limit: allowed})
    assert decode(encode(fits), limits=settings) == fits
    with pytest.raises(TermLimitError, match=limit) as caught:
        decode(encode(beyond), limits=settings)
    assert caught.value.limit == limit
    assert isinstance(caught.value, TermDecodeError)


def test_lists_that_go_on_in_their_tail_count_all_their_elements() -> None:
    data = b"\x83" + b"l\x00\x00\x00\x01a\x01" * 5 + b"j"
    assert decode(data, limits=Limits(elements=5, depth=1)) == [1] * 5
    with pytest.raises(TermLimitError):
        decode(data, limits=Limits(elements=4))


def test_new_atoms_are_counted_in_one_term() -> None:
    new = [atom_bytes(f"limit_{n}") for n in range(4)]
    data = b"\x83l\x00\x00\x00\x04" + b"".join(new) + b"j"
    with pytest.raises(TermLimitError) as caught:
        decode(data, limits=Limits(new_atoms=3))
    assert caught.value.limit == "new_atoms"
    assert caught.value.offset == len(data) - 1 - len(new[3])
    # The first three are known by now.
    assert len(decode(data, limits=Limits(new_atoms=1))) == 4
    assert len(decode(data, limits=Limits(new_atoms=0))) == 4


def test_a_full_atom_table_refuses_new_atoms_only(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Atom("ok")
    monkeypatch.setattr(Atom, "TABLE_LIMIT", 0)
    assert decode(b"\x83w\x02ok") is known
    with pytest.raises(TermLimitError, match="atom table is full") as caught:
        decode(b"\x83" + atom_bytes("table_is_full"))
    assert caught.value.limit == "Atom.TABLE_LIMIT"


def test_compressed_terms_are_bounded_before_and_while_inflating() -> None:
    data = encode(b"x" * 1000, compressed=True)
    assert len(decode(data, limits=Limits(inflated_bytes=1005))) == 1000
    with pytest.raises(TermLimitError) as caught:
        decode(data, limits=Limits(inflated_bytes=1004))
    assert caught.value.limit == "inflated_bytes"
    lying = data[:2] + (900).to_bytes(4, "big") + data[6:]
    with pytest.raises(TermDecodeError, match="900 bytes announced"):
        decode(lying)
