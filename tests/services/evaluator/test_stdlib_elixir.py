"""Elixir's functions that closures call, against what Elixir 1.18 answered, and within their limits."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from closure_tools import Screen, clause, closure, integer, op, remote, run, started, thunk, var
from closure_tools import atom as atom_form

from pyerlnode.errors import ErlangError
from pyerlnode.services import builtins, local
from pyerlnode.services.evaluator import Limits, set_limits
from pyerlnode.services.evaluator.machine import Machine
from pyerlnode.services.evaluator.service import Settings, resolve
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom, Export, Map, Term, decode, encode, equal, parse_elixir, to_elixir

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

# Written by Elixir 1.18 for calls that interop/test_evaluator_elixir.py made up; of errors the kind.
ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "vectors" / "elixir_stdlib.jsonl").read_text().splitlines()
]
MODULES = sorted({module for module, *_ in ROWS})
WRONG = frozenset({"badarg", "function_clause", "badmap", "badfun", "case_clause", "badmatch"})


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    registry.load()


def read(text: str) -> Term:
    """A term of Elixir's, structs as maps."""
    return decode(encode(parse_elixir(text)), structs=False)


def call(function: str, *args: Term) -> Term:
    """The value of a function, called as a closure calls it."""
    module, name = function.rsplit(".", 1)
    machine = Machine(partial(resolve, Settings()), None)  # type: ignore[arg-type]  # nothing waits
    done = machine.apply(Export(f"Elixir.{module}", name, len(args)), args)
    while not done:
        done = machine.advance()
    return machine.result


def outcome(function: str, args: list[Term]) -> tuple[Atom, Term]:
    try:
        return Atom("ok"), call(function, *args)
    except ErlangError as error:
        return Atom("error"), kind(error.reason)


def kind(reason: Term) -> Term:
    """The exception's module, or the tag of Erlang's reason."""
    if isinstance(reason, (dict, Map)):
        return reason[Atom("__struct__")]
    tag = reason[0] if isinstance(reason, tuple) else reason
    return Atom("badarg") if tag in WRONG else tag


@pytest.mark.parametrize("module", MODULES)
def test_every_function_gives_what_elixir_gives(module: str) -> None:
    wrong = []
    for of, name, args, expected in ROWS:
        if of == module:
            here = outcome(f"{of}.{name}", read(args))
            if not equal(here, read(expected)):
                wrong.append(f"{of}.{name}({args[1:-1]}): {expected}, here {to_elixir(here)}")
    assert wrong == []


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("Enum.to_list", "[1..100000000000]"),
        ("Enum.map", "[1..100000000000, &Kernel.-/1]"),
        ("List.duplicate", "[:a, 100000000000]"),
        ("Tuple.duplicate", "[:a, 100000000000]"),
        ("String.duplicate", '["ab", 100000000000]'),
        ("String.pad_leading", '["ab", 100000000000]'),
        ("Kernel.**", "[2, 100000000000]"),
        ("Integer.pow", "[7, 100000000000]"),
    ],
)
def test_what_would_be_too_large_is_not_made(function: str, args: str) -> None:
    assert outcome(function, read(args)) == ("error", "system_limit")


def test_an_endless_stream_is_not_made_a_list() -> None:
    endless = call("Stream.cycle", [1])
    before = set_limits(Limits(length=1000))
    try:
        assert outcome("Enum.to_list", [endless]) == ("error", "system_limit")
    finally:
        set_limits(before)


def test_a_stream_of_too_many_steps_is_not_opened() -> None:
    stream: Term = [1]
    for _ in range(100):
        stream = call("Stream.with_index", stream)
    assert outcome("Enum.to_list", [stream]) == ("error", "system_limit")


def test_large_ranges_need_no_list() -> None:
    numbers = read("1..1000000000000")
    assert call("Enum.count", numbers) == 10**12
    assert call("Enum.sum", numbers) == 10**12 * (10**12 + 1) // 2
    assert call("Enum.member?", numbers, 10**12) is True
    assert call("Enum.take", numbers, 2) == [1, 2]
    assert call("Enum.at", numbers, -1) == 10**12


# --- streams ----------------------------------------------------------------------------------


def test_a_stream_asks_for_no_more_than_is_wanted() -> None:
    numbers = call("Stream.iterate", 1, adding(1))
    is_even = op("=:=", op("rem", var("X"), integer(2)), integer(0))
    even = call("Stream.filter", numbers, closure(clause([var("X")], is_even)))
    assert call("Enum.take", even, 3) == [2, 4, 6]
    assert call("Enum.at", even, 3) == 8
    assert call("Enum.find", even, closure(clause([var("X")], op(">", var("X"), integer(6))))) == 8


def adding(number: int) -> Term:
    return closure(clause([var("X")], op("+", var("X"), integer(number))))


def test_streams_are_put_together() -> None:
    pairs = call("Stream.zip", call("Stream.cycle", [1, 2]), [Atom("a"), Atom("b"), Atom("c")])
    assert call("Enum.to_list", pairs) == [(1, "a"), (2, "b"), (1, "c")]
    chunks = call("Stream.chunk_every", call("Stream.take", call("Stream.from_index", 5), 5), 2)
    assert call("Enum.to_list", chunks) == [[5, 6], [7, 8], [9]]
    scanned = call("Stream.scan", read("1..4"), Export("erlang", "+", 2))
    assert call("Enum.to_list", call("Stream.concat", scanned, [0])) == [1, 3, 6, 10, 0]
    assert call("Enum.to_list", call("Stream.drop", call("Stream.take", read("1..9"), -3), 1)) == [8, 9]


async def test_a_resource_is_given_back_when_nobody_wants_more() -> None:
    runtime = ready()
    start = thunk(remote("erlang", "put", atom_form("state"), atom_form("open")), integer(1))
    following = closure(
        clause([var("N")], (Atom("tuple"), 1, [cons(var("N")), op("+", var("N"), integer(1))]))
    )
    after = closure(clause([var("N")], remote("erlang", "put", atom_form("state"), atom_form("closed"))))
    fun = closure(
        clause(
            [var("Stream")],
            (Atom("match"), 1, var("Taken"), remote("Elixir.Enum", "take", var("Stream"), integer(2))),
            (Atom("tuple"), 1, [var("Taken"), remote("erlang", "get", atom_form("state"))]),
        )
    )
    stream = call("Stream.resource", start, following, after)
    assert await run(runtime, fun, [stream]) == ("ok", ([1, 2], "closed"))
    await runtime.stop(Atom("shutdown"))


def cons(head: Term) -> Term:
    return (Atom("cons"), 1, head, (None, 1))


# --- processes ----------------------------------------------------------------------------------


def ready() -> Runtime:
    builtins.load()
    runtime = started()
    local.remember(SimpleNamespace(runtime=runtime, is_alive=False, nodes=lambda kind="visible": []))
    return runtime


async def test_tasks_and_agents_run_closures() -> None:
    runtime = ready()
    task = remote("Elixir.Task", "async", form_of(adding_two()))
    assert await run(runtime, thunk(remote("Elixir.Task", "await", task))) == ("ok", 3)
    agent = closure(
        clause(
            [var("Start"), var("Change"), var("Read")],
            match_ok(var("Pid"), remote("Elixir.Agent", "start_link", var("Start"))),
            remote("Elixir.Agent", "update", var("Pid"), var("Change")),
            remote("Elixir.Agent", "get", var("Pid"), var("Read")),
        )
    )
    assert await run(runtime, agent, [adding_two(), adding(1), adding(10)]) == ("ok", 14)
    await runtime.stop(Atom("shutdown"))


def adding_two() -> Term:
    return thunk(op("+", integer(1), integer(2)))


def form_of(fun: Term) -> Term:
    """`fun () -> ... end` as a form."""
    return (Atom("fun"), 1, (Atom("clauses"), fun.free[0][5]))


def match_ok(pattern: Term, value: Term) -> Term:
    return (Atom("match"), 1, (Atom("tuple"), 1, [atom_form("ok"), pattern]), value)


async def test_what_is_written_goes_to_the_group_leader() -> None:
    runtime = ready()
    screen = Screen(runtime)
    fun = closure(
        clause(
            [var("X")],
            remote("Elixir.IO", "puts", integer(42)),
            remote("Elixir.IO", "write", var("X")),
            remote("Elixir.IO", "inspect", var("X"), var("Options")),
            remote("Elixir.IO", "gets", var("X")),
        ),
        bindings={Atom("Options"): [(Atom("label"), b"seen")]},
    )
    assert await run(runtime, fun, [b"hi "], leader=screen.process.pid) == ("ok", b"kate\n")
    assert screen.text == '42\nhi seen: "hi "\nhi '
    await runtime.stop(Atom("shutdown"))


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "options", "text"),
    [
        ("[1, 2, 3]", "[limit: 2]", "[1, 2, ...]"),
        ("{1, 2, 3}", "[limit: 2]", "{1, 2, ...}"),
        ("~c'abc'", "[charlists: :as_lists]", "[97, 98, 99]"),
        ('"abc"', "[binaries: :as_binaries]", "<<97, 98, 99>>"),
        ("[255, -16]", "[base: :hex]", "[0xFF, -0x10]"),
    ],
)
def test_inspect_takes_options(term: str, options: str, text: str) -> None:
    given = [97, 98, 99] if term.startswith("~c") else read(term)
    assert call("Kernel.inspect", given, read(options)) == text.encode()


def test_messages_of_exceptions() -> None:
    for reason, text in {
        "{:badmatch, 1}": b"no match of right hand side value: 1",
        "{:badkey, :a, %{}}": b"key :a not found in: %{}",
        ":badarith": b"bad argument in arithmetic expression",
        "{:case_clause, [1]}": b"no case clause matching: [1]",
        "{:badfun, 5}": b"expected a function, got: 5",
        ":other": b"Erlang error: :other",
    }.items():
        error = call("Exception.normalize", Atom("error"), read(reason), [])
        assert call("Exception.message", error) == text


@pytest.mark.parametrize(
    ("text", "port", "path", "again"),
    [
        (b"https://u:p@a.b:8080/x/y?q=1#f", 8080, b"/x/y", b"https://u:p@a.b:8080/x/y?q=1#f"),
        (b"HTTP://A/%20", 80, b"/%20", b"http://A/%20"),
        (b"mailto:a@b.c", None, b"a@b.c", b"mailto:a@b.c"),
        (b"http://[::1]:80/a", 80, b"/a", b"http://[::1]/a"),
    ],
)
def test_addresses(text: bytes, port: int | None, path: bytes, again: bytes) -> None:
    address = call("URI.parse", text)
    assert (address[Atom("port")], address[Atom("path")]) == (port, path)
    assert call("String.Chars.to_string", address) == again


def test_a_time_in_a_zone_that_is_not_known_is_refused() -> None:
    given = call("DateTime.from_unix!", 0)
    assert call("DateTime.to_iso8601", given) == b"1970-01-01T00:00:00Z"
    elsewhere = {**given, Atom("time_zone"): b"Europe/Paris"}
    assert outcome("DateTime.to_unix", [elsewhere]) == ("error", "undef")
