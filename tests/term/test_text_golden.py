"""Printing is what real nodes printed, and reading that gives what the bytes decode to.

tests/vectors/text.jsonl was written by Elixir 1.18 on OTP 27, the native records by Elixir 1.20 on
OTP 29: `inspect(t, limit: :infinity, printable_limit: :infinity, width: :infinity,
custom_options: [sort_maps: true])` and `io_lib:format("~0tkp", [t])` under `+pc unicode`, with the
table index of pids, ports and references set to 0.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from golden import GOLDEN, Golden, lines
from hypothesis import given
from strategies import references, terms

from pyerlnode.term import (
    Atom,
    Fun,
    Record,
    decode,
    encode,
    equal,
    parse_elixir,
    parse_erlang,
    to_elixir,
    to_erlang,
)

TEXTS = lines("text.jsonl")
NOTATIONS = [("elixir", to_elixir, parse_elixir), ("erlang", to_erlang, parse_erlang)]
NUMBERED = re.compile(r"(?:#PID|#Port|#Reference|#Ref|(?<!<))<0[.>]")
CLOSURE = re.compile(r"#Fun")


@pytest.mark.parametrize(("name", "show", "read"), NOTATIONS)
def test_prints_what_a_beam_printed(name: str, show: Any, read: Any) -> None:
    for line in TEXTS:
        term = decode(bytes.fromhex(line["hex"]))
        assert show(term, node_number=lambda _: 0) == line[name], line["hex"]


@pytest.mark.parametrize(("name", "show", "read"), NOTATIONS)
def test_reads_what_a_beam_printed(name: str, show: Any, read: Any) -> None:
    read_back = 0
    for line in TEXTS:
        if not CLOSURE.search(line[name]) and not NUMBERED.search(line[name]):
            term = decode(bytes.fromhex(line["hex"]))
            assert equal(read(line[name]), term), line[name]
            read_back += 1
    assert read_back > 400


@pytest.mark.parametrize("structs", [True, False])
@pytest.mark.parametrize(("name", "show", "read"), NOTATIONS)
@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_reads_back_every_golden_term_that_it_printed(
    golden: Golden, name: str, show: Any, read: Any, structs: bool
) -> None:
    term = decode(golden.data, structs=structs)
    text = show(term)
    assert "\n" not in text
    if not CLOSURE.search(text):
        back = read(text)
        assert equal(back, term), text
        assert type(back) is type(decode(golden.data))


def _without_closures(term: Any) -> bool:
    # A fun within a fun's free values is not printed.
    return CLOSURE.search(to_elixir(term)) is None


@pytest.mark.parametrize(("name", "show", "read"), NOTATIONS)
@given(term=terms(records=False).filter(_without_closures))
def test_reading_what_was_printed_gives_an_equal_term(name: str, show: Any, read: Any, term: Any) -> None:
    assert equal(read(show(term)), term)


@pytest.mark.parametrize(("name", "show", "read"), NOTATIONS)
@given(term=references())
def test_references_keep_every_word(name: str, show: Any, read: Any, term: Any) -> None:
    assert read(show(term)).words == term.words


@pytest.mark.parametrize(("name", "show", "read"), NOTATIONS)
def test_a_native_record_reads_back_inside_anything(name: str, show: Any, read: Any) -> None:
    inner = Record("m", "it's", (("f", {Atom("a"): b"x"}), ("g", Record("m", "n", ()))))
    term = [{Atom("k"): (inner, b"after")}]
    assert equal(read(show(term)), term)


def test_numbers_instead_of_text_are_what_tw_prints() -> None:
    term = {b"\xc3\xbc": [97, 98], b"": []}
    assert to_erlang(term, strings=False) == "#{<<>> => [],<<195,188>> => [97,98]}"
    assert to_erlang(term) == '#{<<>> => [],<<"ü"/utf8>> => "ab"}'


def test_a_closure_is_named_by_its_place_in_the_module() -> None:
    for line in TEXTS:
        term = decode(bytes.fromhex(line["hex"]))
        if type(term) is Fun:
            assert encode(term) == bytes.fromhex(line["hex"])
            assert to_elixir(term) == line["elixir"]
            break
    else:
        raise AssertionError("no closure among the vectors")
