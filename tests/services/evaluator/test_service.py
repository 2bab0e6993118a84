"""Who may run what: modes, groups, funs of other kinds, and calls from Python."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from closure_tools import atom, clause, closure, form, integer, op, remote, run, started, thunk, var

from pyerlnode.errors import ErlangError, UsageError
from pyerlnode.process import Runtime, self, this_process
from pyerlnode.services import builtins, evaluator
from pyerlnode.services.modules import Module
from pyerlnode.term import Atom, Export, Fun, decode, encode, equal

BY_APPLY = [(Atom("erlang"), Atom("apply"), 2, [])]
greeter = Module("Greeter")


@greeter.export
async def greet(name: str) -> str:
    await asyncio.sleep(0)
    return f"hi {name}"


@pytest.fixture
async def runtime() -> Any:
    builtins.load()
    made = started()
    yield made
    await made.stop(Atom("shutdown"))


def binary(text: str) -> Any:
    return form(
        "bin", [form("bin_element", form("string", list(text.encode())), Atom("default"), Atom("default"))]
    )


GREETING = thunk(remote("Elixir.Greeter", "greet", binary("kate")))
REVERSED = thunk(remote("lists", "reverse", form("nil")))
SUM = thunk(op("+", integer(1), integer(2)))


@pytest.mark.parametrize(
    ("mode", "sums", "greets", "reverses"),
    [("builtins", True, True, True), ("exported", True, True, False), ("off", False, False, False)],
)
async def test_modes(runtime: Runtime, mode: str, sums: bool, greets: bool, reverses: bool) -> None:
    evaluator.configure(runtime, mode)
    outcomes = [await run(runtime, fun) for fun in (SUM, GREETING, REVERSED)]
    values = (3, b"hi kate", [])
    for outcome, may, value in zip(outcomes, (sums, greets, reverses), values, strict=True):
        assert (outcome == ("ok", value)) is may
        if not may:
            assert outcome[0] == "error"
            assert outcome[1] == "undef" if mode == "exported" else outcome[1][0] == "badfun"


async def test_groups_can_be_turned_off(runtime: Runtime) -> None:
    evaluator.configure(runtime, groups={"pure"})
    assert await run(runtime, REVERSED) == ("ok", [])
    for name, args in (("spawn", [form("nil")]), ("system_time", []), ("whereis", [atom("x")])):
        assert await run(runtime, thunk(remote("erlang", name, *args))) == ("error", "undef")
    with pytest.raises(UsageError, match="no group"):
        evaluator.configure(runtime, groups={"files"})
    with pytest.raises(UsageError, match="closures are"):
        evaluator.configure(runtime, "on")


async def test_what_is_no_closure(runtime: Runtime) -> None:
    compiled = Fun(
        arity=0, uniq=bytes(16), index=1, module="Elixir.Foo", old_index=1, old_uniq=1, pid=SUM.pid, free=()
    )
    broken = Fun(
        arity=0, uniq=bytes(16), index=1, module="erl_eval", old_index=1, old_uniq=1, pid=SUM.pid, free=(5,)
    )
    stacks = {}

    async def body() -> None:
        for each, args in (
            (compiled, []),
            (broken, []),
            (5, []),
            (SUM, [1]),
            (Export("lists", "sum", 1), []),
        ):
            with pytest.raises(ErlangError) as caught:
                evaluator.apply(each, args)
            stacks[len(stacks)] = (caught.value.reason, caught.value.stack)

    process = runtime.spawn(body())
    while process.alive:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert stacks[0] == ("undef", [(compiled, [], [])])
    assert stacks[1] == ((Atom("badfun"), broken), BY_APPLY)
    assert stacks[2] == ((Atom("badfun"), 5), BY_APPLY)
    assert stacks[3] == ((Atom("badarity"), (SUM, [1])), BY_APPLY)
    assert stacks[4][0][0] == "badarity"


@pytest.mark.parametrize(
    "forms", [[5], [(Atom("atom"),)], [form("var", 5)], [form("nothing", 1)], 5], ids=str
)
async def test_what_is_no_form(runtime: Runtime, forms: Any) -> None:
    fun = closure(form("clause", [], [], forms))
    assert await run(runtime, fun) == ("error", "function_clause")


async def test_names_are_keys_of_a_table_only(runtime: Runtime) -> None:
    for module, name in (("os", "getcwd"), ("builtins", "eval"), ("pyerlnode", "Node"), ("sys", "exit")):
        assert await run(runtime, thunk(remote(module, name))) == ("error", "undef")


async def test_a_function_of_python_calls_a_closure(runtime: Runtime) -> None:
    add = closure(clause([var("A"), var("B")], op("+", var("A"), var("B"))))
    outcome = []

    async def body() -> None:
        outcome.append(await evaluator.call(add, 1, 2))
        outcome.append(await evaluator.call(Export("Elixir.Greeter", "greet", 1), b"you"))
        outcome.append(self() == this_process().pid)

    process = runtime.spawn(body())
    while process.alive:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert outcome == [3, "hi you", True]


async def test_closures_that_closures_make(runtime: Runtime) -> None:
    made = form("fun", (Atom("clauses"), [clause([var("X")], op("+", var("X"), var("N")))]))
    outcome, fun = await run(runtime, closure(clause([var("N")], made)), [40])
    assert outcome == "ok"
    sent = decode(encode(fun))
    assert (sent.module, sent.index, sent.arity, sent.uniq) == ("erl_eval", 42, 1, SUM.uniq)
    assert sent.free[0][1] == {Atom("N"): 40}
    assert equal(sent, fun)
    assert await run(runtime, sent, [2]) == ("ok", 42)
    shell = closure(clause([var("N")], made), bindings=[])
    _, of_erlang = await run(runtime, shell, [1])
    assert of_erlang.free[0][1] == [(Atom("N"), 1)]


async def test_what_is_called_is_logged(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "pyerlnode.evaluator"):
        await run(runtime, GREETING)
    (record,) = caplog.records
    assert "calls Elixir.Greeter:greet/1" in record.getMessage()
    assert "alex@localhost" in record.getMessage()


CONTROL = [
    (remote("erlang", "throw", integer(1)), ("throw", 1)),
    (remote("erlang", "exit", integer(1)), ("exit", 1)),
    (remote("erlang", "error", integer(1)), ("error", 1)),
    (remote("erlang", "apply", atom("erlang"), atom("abs"), form("value", [-1])), ("ok", 1)),
    (remote("erlang", "apply", atom("lists"), atom("reverse"), form("value", [[]])), ("error", "undef")),
    (op("!", remote("erlang", "self"), integer(1)), ("ok", 1)),
    (remote("erlang", "system_time"), ("error", "undef")),
    (remote("Elixir.Enum", "sum", form("value", [1])), ("error", "undef")),
]


@pytest.mark.parametrize(("expression", "expected"), CONTROL)
async def test_without_the_library_the_language_is_whole(
    runtime: Runtime, expression: Any, expected: tuple[str, Any]
) -> None:
    evaluator.configure(runtime, "exported")
    assert await run(runtime, thunk(expression)) == expected


async def test_without_the_library_elixir_raises(runtime: Runtime) -> None:
    evaluator.configure(runtime, "exported")
    error = remote("Elixir.RuntimeError", "exception", binary("boom"))
    kind, reason = await run(runtime, thunk(remote("erlang", "error", error)))
    assert (kind, reason[Atom("message")]) == ("error", b"boom")


@pytest.mark.parametrize(("mode", "there"), [("builtins", True), ("exported", False), ("off", False)])
async def test_the_library_is_there_for_who_asks(runtime: Runtime, mode: str, there: bool) -> None:
    evaluator.configure(runtime, mode)
    seen = await asked(runtime, "code", "ensure_loaded", Atom("Elixir.Enum"))
    assert seen == ((Atom("module"), "Elixir.Enum") if there else (Atom("error"), "nofile"))
    assert await asked(runtime, "erlang", "module_loaded", Atom("lists")) is there
    for name, arity, is_function in (("chunk_every", 2, True), ("chunk_every", 9, False)):
        function = (Atom("Elixir.Enum"), Atom(name), arity)
        assert await asked(runtime, "erlang", "function_exported", *function) is (there and is_function)
    everything = await asked(runtime, "code", "all_loaded")
    assert ((Atom("Elixir.Stream"), Atom("preloaded")) in everything) is there
    # It was never a file's, and what opens a prompt is another matter.
    for absent in ("Elixir.File", "Elixir.IEx", "shell"):
        assert await asked(runtime, "erlang", "module_loaded", Atom(absent)) is False


async def test_what_the_library_has_is_listed_for_the_groups_that_are_on(runtime: Runtime) -> None:
    evaluator.configure(runtime, groups={"pure"})
    listed = await asked(runtime, "Elixir.Kernel", "__info__", Atom("functions"))
    assert ("inspect", 1) in listed and ("function_exported?", 3) in listed
    assert ("spawn", 1) not in listed
    lists = await asked(runtime, "lists", "module_info", Atom("exports"))
    assert ("foldl", 3) in lists and not [name for name, _ in lists if name.startswith("-")]


async def asked(runtime: Runtime, module: str, name: str, *args: Any) -> Any:
    """What a function that is named gives, as by rpc."""
    outcome, value = await run(runtime, Export(module, name, len(args)), list(args))
    assert outcome == "ok"
    return value
