"""The functions of OTP that closures call, against what OTP 27 answered, and within their limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from stdlib_calls import outcome, run

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import Limits, set_limits
from pyerlnode.services.evaluator.requests import Remote
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom, Export, Term, equal, parse_erlang, to_erlang

if TYPE_CHECKING:
    from collections.abc import Iterator

# Written by OTP 27 for calls that interop/test_evaluator_stdlib.py made up.
ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "vectors" / "stdlib.jsonl").read_text().splitlines()
]
MODULES = sorted({module for module, *_ in ROWS})


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    registry.load()


def text_of(module: str, name: str, args: str) -> str:
    return to_erlang(outcome(module, name, parse_erlang(args)))


@pytest.mark.parametrize("module", MODULES)
def test_every_function_gives_what_otp_gives(module: str) -> None:
    wrong = []
    for of, name, args, expected in ROWS:
        if of == module:
            here = outcome(module, name, parse_erlang(args))
            if not equal(here, parse_erlang(expected)):
                wrong.append(f"{of}:{name}({args[1:-1]}): {expected}, here {to_erlang(here)}")
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "name", "args"),
    [
        ("lists", "seq", "[1,100000000000]"),
        ("lists", "seq", "[1,100000000000,3]"),
        ("lists", "duplicate", "[100000000000,a]"),
        ("lists", "append", "[[[1,2,3,4,5,6],[7,8,9,10,11,12]]]"),
        ("lists", "zip", "[[1,2,3,4,5,6,7,8,9,10,11],[],{pad,{0,0}}]"),
        ("string", "pad", '["a",100000000000]'),
        ("string", "copies", '["ab",100000000000]'),
        ("string", "chars", "[97,100000000000]"),
        ("string", "left", '["ab",100000000000]'),
        ("string", "to_integer", '["' + "9" * 200 + '"]'),
        ("binary", "copy", '[<<"ab">>,100000000000]'),
        ("binary", "encode_hex", '[<<"0123456789">>]'),
        ("binary", "bin_to_list", '[<<"0123456789ab">>]'),
        ("binary", "decode_unsigned", '[<<"0123456789ab">>]'),
        ("erlang", "make_tuple", "[100000000000,a]"),
        ("erlang", "list_to_integer", '["' + "9" * 200 + '"]'),
        ("erlang", "list_to_binary", '[["0123456789",<<"0123456789">>]]'),
        ("erlang", "binary_to_list", '[<<"0123456789ab">>]'),
        ("maps", "put", "[a,1,#{1=>1,2=>2,3=>3,4=>4,5=>5,6=>6,7=>7,8=>8,9=>9,10=>10}]"),
        ("base64", "encode", '[<<"0123456789ab">>]'),
        ("crypto", "strong_rand_bytes", "[100000000000]"),
        ("rand", "bytes", "[100000000000]"),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_made(
    module: str, name: str, args: str, small: None
) -> None:
    assert text_of(module, name, args) == "{error,system_limit}"


@pytest.fixture
def small() -> Iterator[None]:
    before = set_limits(Limits(integer_bits=64, binary_bytes=16, length=10))
    yield
    set_limits(before)


def test_atoms_that_are_there_are_found_and_others_are_not_made() -> None:
    assert text_of("erlang", "binary_to_existing_atom", '[<<"true">>]') == "{ok,true}"
    assert text_of("erlang", "list_to_existing_atom", '["nil"]') == "{ok,nil}"
    assert text_of("erlang", "list_to_existing_atom", '["ok"]') == "{ok,ok}"
    name = b"nobody has made this one"
    assert outcome("erlang", "binary_to_existing_atom", [name])[0] == "error"
    assert outcome("erlang", "binary_to_atom", [b"x" * 256]) == (Atom("error"), Atom("system_limit"))


def test_closures_make_only_so_many_atoms(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyerlnode.services.evaluator.stdlib import erlang_conversions

    monkeypatch.setattr(erlang_conversions, "NEW_ATOMS", erlang_conversions._Made.count + 1)
    assert outcome("erlang", "binary_to_atom", [b"the last atom of this test"])[0] == "ok"
    assert outcome("erlang", "binary_to_atom", [b"one too many"]) == (Atom("error"), Atom("system_limit"))


def test_long_integers_are_written_and_read() -> None:
    value = 7**5000
    text: Any = run(Remote("erlang", "integer_to_binary", (value,)))
    assert run(Remote("erlang", "binary_to_integer", (text,))) == value
    assert len(text) == 4226


def test_keys_that_python_would_merge_are_different_keys() -> None:
    made: Any = run(Remote("maps", "from_list", ([(1, b"a"), (1.0, b"b"), (True, b"c")],)))
    assert [run(Remote("maps", "get", (key, made))) for key in (1, 1.0, True)] == [b"a", b"b", b"c"]
    assert run(Remote("lists", "member", (1.0, [1, True]))) is False
    assert run(Remote("lists", "uniq", ([1, 1.0, True, 1],))) == [1, 1.0, True]


def test_an_ordered_iterator_gives_its_pairs_in_order() -> None:
    given = {3: b"c", 1: b"a", 2: b"b"}
    iterator = run(Remote("maps", "iterator", (given, Atom("reversed"))))
    assert run(Remote("maps", "to_list", (iterator,))) == [(3, b"c"), (2, b"b"), (1, b"a")]
    key, value, rest = run(Remote("maps", "next", (iterator,)))
    assert (key, value) == (3, b"c")
    assert run(Remote("maps", "to_list", (rest,))) == [(2, b"b"), (1, b"a")]
    by_fun: Term = run(Remote("maps", "iterator", (given, Export("erlang", ">=", 2))))
    assert [pair[0] for pair in run(Remote("maps", "to_list", (by_fun,)))] == [3, 2, 1]


def test_a_deep_list_is_flattened_without_recursion() -> None:
    deep: Term = [1]
    for _ in range(50_000):
        deep = [deep]
    assert run(Remote("lists", "flatten", (deep,))) == [1]
    assert run(Remote("erlang", "iolist_to_binary", (deep,))) == b"\x01"


def test_clusters_of_characters_count_as_one() -> None:
    family = "👨‍👩‍👧🇩🇪é\r\n한".encode()
    assert run(Remote("string", "length", (family,))) == 5
    assert run(Remote("string", "slice", (family, 1, 1))) == "🇩🇪".encode()


def test_a_fun_that_fails_is_no_fault_of_the_library() -> None:
    with pytest.raises(ErlangError) as raised:
        run(Remote("lists", "map", (Export("erlang", "hd", 1), [[]])))
    assert raised.value.reason == "badarg"
