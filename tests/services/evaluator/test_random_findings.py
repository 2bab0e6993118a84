"""What random expressions have found; real nodes say so in interop/test_random_closures.py."""

from __future__ import annotations

from typing import Any

import pytest
from closure_tools import atom, call, form, integer, op, remote, run, started, thunk, var

from pyerlnode.services.evaluator import bitstrings
from pyerlnode.term import Atom, Export, ImproperList, encode

BADARG = ("error", Atom("badarg"))
IMPROPER = ImproperList([1.0], ())


async def outcome(module: str, name: str, *args: Any) -> tuple[str, Any]:
    return await run(started(), thunk(remote(module, name, *(form("value", arg) for arg in args))))


@pytest.mark.parametrize(("bits", "infinity"), [(16, 0x7C00), (32, 0x7F800000)])
def test_a_number_too_large_for_a_short_float_is_infinity(bits: int, infinity: int) -> None:
    assert bitstrings.float_bits(1.0e300, bits) == infinity
    assert bitstrings.float_bits(-1.0e300, bits) == infinity | 1 << bits - 1
    assert bitstrings.float_bits(1 << 200, bits) == infinity
    assert bitstrings.float_of(infinity, bits) is None


def test_the_largest_half_float() -> None:
    assert bitstrings.float_bits(65519.0, 16) == 0x7BFF
    assert bitstrings.float_bits(65520.0, 16) == 0x7C00
    assert bitstrings.float_of(0x7BFF, 16) == 65504.0


async def test_the_arguments_of_a_function_that_is_not_there_are_not_evaluated() -> None:
    fun = thunk(call(atom("nothere"), remote("erlang", "throw", integer(1))))
    assert await run(started(), fun) == ("error", Atom("undef"))


async def test_a_key_of_a_list_that_is_no_keyword() -> None:
    assert await outcome("Elixir.Access", "get", IMPROPER, Atom("a")) == BADARG
    one = [(Atom("a"),)]
    assert await outcome("Elixir.Access", "get", one, Atom("a")) == (
        "error",
        (Atom("case_clause"), (Atom("a"),)),
    )
    assert await outcome("Elixir.Access", "get", [(Atom("a"), 1)], Atom("a")) == ("ok", 1)
    assert await outcome("Elixir.Access", "get", [(Atom("b"), 1)], Atom("a")) == ("ok", None)


async def test_a_member_of_an_improper_list() -> None:
    assert await outcome("Elixir.Enum", "member?", IMPROPER, 2) == BADARG
    assert await outcome("Elixir.Enum", "member?", IMPROPER, 1.0) == ("ok", True)


@pytest.mark.parametrize("value", [None, True, False, 2.0, [1], (1, 2)])
async def test_a_field_of_what_has_none(value: Any) -> None:
    """The code that asks raises the error: that of Elixir 1.20 this one, that of older ones `badkey`."""
    expected = ("ok", (Atom("error"), (Atom("badmap"), value)))
    assert await outcome("elixir_erl_pass", "no_parens_remote", value, Atom("a")) == expected


async def test_a_field_of_a_map_without_it_and_of_a_module() -> None:
    expected = ("ok", (Atom("error"), (Atom("badkey"), Atom("a"), {})))
    assert await outcome("elixir_erl_pass", "no_parens_remote", {}, Atom("a")) == expected
    node = ("ok", (Atom("ok"), Atom("nonode@nohost")))
    assert await outcome("elixir_erl_pass", "no_parens_remote", Atom("erlang"), Atom("node")) == node


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([ImproperList([1], 2)], "function_clause"),
        ([ImproperList([1, 2], 3)], "badarg"),
        ([ImproperList([1], 2), [3]], "badarg"),
    ],
)
async def test_the_reverse_of_an_improper_list(args: list[Any], reason: str) -> None:
    assert await outcome("Elixir.Enum", "reverse", *args) == ("error", Atom(reason))


FAILS = remote("erlang", "hd", form("nil"))
REST = form("bin_element", var("V"), Atom("default"), [Atom("bits")])
BY_SIZE = form("bin", [form("bin_element", var("_"), FAILS, Atom("default")), REST])
BY_KEY = form("map", [form("map_field_exact", FAILS, var("_"))])


@pytest.mark.parametrize(("pattern", "value"), [(BY_SIZE, b"ab"), (BY_KEY, {})])
async def test_a_pattern_whose_size_or_key_fails_does_not_fit(pattern: Any, value: Any) -> None:
    fun = thunk(form("match", pattern, form("value", value)))
    assert await run(started(), fun) == ("error", (Atom("badmatch"), value))


async def test_a_pattern_whose_size_is_not_bound() -> None:
    pattern = form("bin", [form("bin_element", var("_"), var("X"), Atom("default")), REST])
    fun = thunk(form("match", pattern, form("value", b"ab")))
    assert await run(started(), fun) == ("error", (Atom("unbound_var"), Atom("X")))


EMPTY = form("bin", [])
TOO_SMALL = form("bin", [form("bin_element", atom("a"), integer(8), Atom("default"))])


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (op(">", op("+", EMPTY, integer(1)), integer(2)), ("ok", [])),
        (op("==", TOO_SMALL, EMPTY), ("ok", [])),
        (op("==", form("map", integer(1), []), integer(1)), ("ok", [])),
        (op("==", op("++", integer(1), form("nil")), integer(1)), ("error", Atom("badarg"))),
    ],
)
async def test_a_filter_that_might_be_a_guard_fails_as_one(test: Any, expected: tuple[str, Any]) -> None:
    generator = form("generate", var("X"), form("value", [1, 2]))
    assert await run(started(), thunk(form("lc", var("X"), [generator, test]))) == expected


@pytest.mark.parametrize("code", [-7, 0xD800, 0x110000, 1 << 70])
async def test_what_is_left_from_a_code_point_that_is_none(code: int) -> None:
    expected = ("ok", (Atom("error"), b"a", [code, 98]))
    assert await outcome("unicode", "characters_to_binary", [97, code, 98]) == expected


async def test_a_list_that_is_no_text_says_so_as_elixir_does() -> None:
    kind, error = await outcome("Elixir.List", "to_string", [1, False])
    assert kind == "error"
    assert b"got:\n\n[1, false]\n" in encode(error)


@pytest.mark.parametrize(("value", "expected"), [(1, ("ok", 4)), ({}, ("error", Atom("function_clause")))])
async def test_a_pattern_that_no_value_fits_is_an_error_only_where_a_map_meets_it(
    value: Any, expected: tuple[str, Any]
) -> None:
    """Elixir writes `%{(case x do %{1 => 2} -> 3; _ -> 4 end) => 5}` with such a pattern."""
    field = form("map_field_assoc", integer(1), integer(2))
    clauses = [
        form("clause", [form("map", [field])], [], [integer(3)]),
        form("clause", [form("var", Atom("_"))], [], [integer(4)]),
    ]
    assert await run(started(), thunk(form("case", form("value", value), clauses))) == expected


async def test_a_size_sees_what_its_value_binds() -> None:
    def bound(value: int) -> Any:
        return form("block", [form("match", var("X"), integer(value)), var("X")])

    segments = [
        form("bin_element", bound(8), bound(8), Atom("default")),
        form("bin_element", var("X"), Atom("default"), Atom("default")),
    ]
    assert await run(started(), thunk(form("bin", segments))) == ("ok", bytes([8, 8]))
    clash = form("bin", [form("bin_element", bound(8), bound(9), Atom("default"))])
    assert await run(started(), thunk(clash)) == ("error", (Atom("badmatch"), 9))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (ImproperList([1], 2), [3], ("ok", [(1, 3)])),
        ([3, 4], ImproperList([1], 2), ("error", Atom("function_clause"))),
        ([3], ImproperList([1], 2), ("ok", [(3, 1)])),
        (ImproperList([1], 2), ImproperList([1], 2), ("error", Atom("function_clause"))),
        ([1, 2, 3], {4: 5}, ("ok", [(1, (4, 5))])),
    ],
)
async def test_lists_are_zipped_up_to_the_end_of_the_shorter_one(
    left: Any, right: Any, expected: tuple[str, Any]
) -> None:
    assert await outcome("Elixir.Enum", "zip", left, right) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            ImproperList([1, 1 << 64], Atom("b")),
            ("ok", (Atom("error"), b"\x01", ImproperList([1 << 64], Atom("b")))),
        ),
        ([1, 1 << 64, 1.5], ("ok", (Atom("error"), b"\x01", [1 << 64, 1.5]))),
        (ImproperList([1, 0xD800], 5), BADARG),
        ([1.5, 1 << 64], BADARG),
    ],
)
async def test_nobody_looks_behind_a_large_integer_in_text(data: Any, expected: tuple[str, Any]) -> None:
    assert await outcome("unicode", "characters_to_binary", data) == expected


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (ImproperList([1, 1 << 64], Atom("b")), b"invalid code point 18446744073709551616"),
        ([1, [[0xD800], 3], 4], b"invalid code point 55296"),
        ([1, b"\xffab", 4], b"invalid encoding starting at <<255, 97, 98>>"),
    ],
)
async def test_what_could_not_be_text_is_named(items: Any, text: bytes) -> None:
    kind, error = await outcome("Elixir.List", "to_string", items)
    assert (kind, error[Atom("message")], error[Atom("encoded")]) == ("error", text, b"\x01")


@pytest.mark.parametrize("name", ["map", "each"])
async def test_a_fun_is_called_up_to_the_end_of_an_improper_list(name: str) -> None:
    items = ImproperList([1, 2], 3)
    assert await outcome("Elixir.Enum", name, items, Export("erlang", "throw", 1)) == ("throw", 1)
    expected = ("error", Atom("function_clause"))
    assert await outcome("Elixir.Enum", name, items, Export("erlang", "abs", 1)) == expected
