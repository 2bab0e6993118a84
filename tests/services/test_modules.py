"""Exported functions: what can be called, how arguments are converted, and what everything else ends in."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.errors import ErlangError, Exit, UsageError
from pyerlnode.otp import (
    Agent,
    DynamicSupervisor,
    GenServer,
    GenStatem,
    Ignore,
    Supervision,
    Supervisor,
    child_spec,
    on_call,
)
from pyerlnode.process import Runtime, current_runtime, process_flag, stacktrace, this_process, whereis
from pyerlnode.services import builtins, modules
from pyerlnode.services.modules import Module
from pyerlnode.term import Atom, Export, Fun, Pid, equal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_numbers = itertools.count(1)


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime("here@localhost", 1)
    current_runtime.set(made)
    builtins.load()
    made.apply_hook = modules.apply
    yield made
    await made.stop(Atom("shutdown"))


@pytest.fixture
def module() -> Module:
    """A module that no other test has."""
    return Module(f"Test{next(_numbers)}")


def call(module: Module, function: str, *args: Any) -> Any:
    return modules.apply(Export(module.name, Atom(function), len(args)), list(args))


def failure(module: Module, function: str, *args: Any) -> ErlangError:
    with pytest.raises(ErlangError) as caught:
        call(module, function, *args)
    return caught.value


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Kate", "Elixir.Kate"),
        ("Chat.Server", "Elixir.Chat.Server"),
        ("Elixir.Kate", "Elixir.Kate"),
        ("kate", "kate"),
        (":kate", "kate"),
        (":Kate", "Kate"),
    ],
)
def test_names_are_elixirs_or_erlangs(given: str, name: str) -> None:
    assert modules.module_name(given) == name


@pytest.mark.parametrize("name", ["", ":"])
def test_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        Module(name)


async def test_a_function_is_called_with_converted_arguments(module: Module) -> None:
    @module.export
    def greet(name: str, times: int = 1) -> str:
        return f"hi {name} " * times

    @module.export("adult?")
    async def is_adult(age: int) -> bool:
        return age >= 18

    assert greet("kate") == "hi kate "  # it is what it was
    assert call(module, "greet", b"kate") == "hi kate "
    assert call(module, "greet", b"kate", 2) == "hi kate hi kate "
    assert await call(module, "adult?", 20) is True


def test_arguments_that_do_not_fit_are_a_function_clause_with_file_and_line(module: Module) -> None:
    @module.export
    def half(n: int) -> float:
        return n / 2

    error = failure(module, "half", b"x")
    assert error.reason == "function_clause"
    [(name, function, args, location)] = error.stack or []
    assert (name, function, args) == (module.name, "half", [b"x"])
    assert dict(location)["file"] == list(b"test_modules.py")


def test_what_is_not_exported_is_undef_with_its_arguments(module: Module) -> None:
    @module.export
    def one(x: Any) -> Any:
        return x

    def hidden() -> None: ...

    for function, args in (("hidden", []), ("one", []), ("one", [1, 2])):
        error = failure(module, function, *args)
        assert error.reason == "undef"
        assert equal(error.stack, [(module.name, Atom(function), args, [])])
    hidden()


def test_arities_by_default_arguments_and_more(module: Module) -> None:
    @module.export
    def some(a: Any, *rest: int) -> Any:
        return [a, *rest]

    assert call(module, "some", 1) == [1]
    assert call(module, "some", 1, 2, 3) == [1, 2, 3]
    assert modules.function_exported(module.name, "some", 3)
    assert not modules.function_exported(module.name, "some", 0)


def test_one_name_may_have_several_functions_of_different_arities(module: Module) -> None:
    @module.export("f")
    def none() -> int:
        return 0

    @module.export("f")
    def two(a: int, b: int) -> int:
        return a + b

    assert (call(module, "f"), call(module, "f", 1, 2)) == (0, 3)
    with pytest.raises(UsageError, match="exported already"):
        module.export("f")(lambda a, b, c=1: None)


def test_two_modules_of_one_name_are_one(module: Module) -> None:
    again = Module(module.name)

    @again.export
    def there() -> int:
        return 1

    assert call(module, "there") == 1


@pytest.mark.parametrize("nothing", [5, None, int, Runtime])
def test_only_functions_and_servers_are_exported(module: Module, nothing: Any) -> None:
    with pytest.raises(UsageError):
        module.export(nothing)


def test_a_function_with_a_needed_keyword_cannot_be_called_from_elsewhere(module: Module) -> None:
    def odd(*, key: int) -> int:
        return key

    with pytest.raises(UsageError, match="key"):
        module.export(odd)


def test_an_error_is_shown_at_the_exported_name_with_file_and_line(module: Module) -> None:
    @module.export("divide!")
    def divide(a: int, b: int) -> float:
        return a / b

    with pytest.raises(ZeroDivisionError) as caught:
        call(module, "divide!", 1, 0)
    frame: Any = stacktrace(caught.value)[0]
    assert frame[:3] == (module.name, "divide!", 2)
    assert dict(frame[3])["line"] > 0


def test_a_closure_is_a_badfun() -> None:
    fun = Fun(
        arity=0,
        uniq=bytes(16),
        index=0,
        module=Atom("m"),
        old_index=0,
        old_uniq=0,
        pid=Pid("a@b", 1, 0, 1),
        free=(),
    )
    with pytest.raises(ErlangError) as caught:
        modules.apply(fun, [])
    assert equal(caught.value.reason, (Atom("badfun"), fun))


def test_modules_tell_what_they_export(module: Module) -> None:
    @module.export
    def b(x: int, y: int = 0) -> None: ...

    @module.export("a?")
    def a() -> None: ...

    listed = [("a?", 0), ("b", 1), ("b", 2)]
    assert call(module, "__info__", Atom("functions")) == listed
    assert call(module, "__info__", Atom("macros")) == []
    assert call(module, "__info__", Atom("module")) == module.name
    assert failure(module, "__info__", Atom("nonsense")).reason == "function_clause"
    exports = call(module, "module_info", Atom("exports"))
    assert exports == [("__info__", 1), *listed, ("module_info", 0), ("module_info", 1)]
    assert dict(call(module, "module_info"))["exports"] == exports
    assert failure(module, "module_info", Atom("nonsense")).reason == "badarg"


def test_what_erlang_has_no_info_for() -> None:
    erlangs = Module(":test_of_erlang")
    erlangs.export("f")(lambda: 1)
    assert not modules.function_exported("test_of_erlang", "__info__", 1)
    assert modules.function_exported("test_of_erlang", "module_info", 0)
    assert not modules.function_exported("test_of_nobody", "module_info", 0)


class Counter(GenServer):
    def init(self, first: int, step: int = 1) -> None:
        self.count = first

    @on_call
    def get(self) -> int:
        return self.count


async def test_a_server_class_brings_start_link_start_and_child_spec(
    runtime: Runtime, module: Module
) -> None:
    module.export(Counter)
    ok, pid = await call(module, "start", 5)
    assert ok == "ok"
    assert await GenServer.call(pid, Atom("get")) == 5
    ok, linked = await call(module, "start_link", 6, 2)
    links = this_process().links
    assert links is not None
    assert linked in links.active()
    spec = call(module, "child_spec", 7)
    assert equal(spec[Atom("start")], (module.name, Atom("start_link"), [7]))
    assert failure(module, "start_link").reason == "undef"
    assert await call(module, "start", b"no number") is not None


class Tree(Supervisor):
    def init(self, counts: int) -> Supervision:
        if counts < 0:
            raise Exit(Atom("negative"))
        return Supervision([child_spec((Counter, n), id=n) for n in range(counts)], strategy="one_for_one")


class Named(DynamicSupervisor):
    """Has a start_link of its own, which takes nothing."""

    def init(self, limit: int) -> dict[str, int]:
        return {"max_children": limit}

    @classmethod
    async def start_link(cls) -> Pid | None:  # type: ignore[override]
        return await super().start_link(1, name="named")


class Specified(Agent):
    @classmethod
    def child_spec(cls, first: int) -> dict[str, object]:
        return {"id": ("agent", first), "start": (cls.start_link, [first]), "restart": "transient"}


async def test_a_supervisor_class_brings_what_use_supervisor_brings(runtime: Runtime, module: Module) -> None:
    module.export(Tree)
    start = (module.name, Atom("start_link"), [2])
    spec = {Atom("id"): module.name, Atom("start"): start, Atom("type"): Atom("supervisor")}
    assert equal(call(module, "child_spec", 2), spec)
    ok, pid = await call(module, "start_link", 2)
    assert ok == "ok"
    assert (await Supervisor.count_children(pid))[Atom("active")] == 2
    process_flag("trap_exit", True)
    assert await call(module, "start_link", -1) == ("error", "negative")
    assert failure(module, "start_link").reason == "undef"
    assert failure(module, "start", 1).reason == "undef"


async def test_a_start_link_of_its_own_says_what_it_takes(runtime: Runtime, module: Module) -> None:
    module.export(Named)
    assert equal(call(module, "child_spec", [])[Atom("start")], (module.name, Atom("start_link"), []))
    ok, pid = await call(module, "start_link")
    assert (ok, whereis("named")) == ("ok", pid)
    assert await call(module, "start_link") == ("error", ("already_started", pid))
    assert await DynamicSupervisor.start_child(pid, (Counter, 1))
    with pytest.raises(Exit, match="max_children"):
        await DynamicSupervisor.start_child(pid, (Counter, 1))


async def test_a_child_spec_of_its_own_names_the_exported_module(runtime: Runtime, module: Module) -> None:
    module.export(Specified)
    spec = call(module, "child_spec", 5)
    assert spec[Atom("id")] == ("agent", 5)
    assert equal(spec[Atom("start")], (module.name, Atom("start_link"), [5]))
    assert (spec[Atom("restart")], spec[Atom("modules")]) == ("transient", [module.name])
    ok, pid = await call(module, "start_link", 5)
    assert ok == "ok"
    assert await Agent.get(pid, lambda state: state) == 5


async def test_an_ignored_start_and_a_machine(runtime: Runtime, module: Module) -> None:
    class Nobody(GenStatem):
        def init(self) -> Ignore:
            return Ignore()

    module.export(Nobody)
    assert await call(module, "start_link") == "ignore"
    assert await call(module, "start") == "ignore"
    assert equal(call(module, "child_spec", [])[Atom("start")], (module.name, Atom("start_link"), []))


async def test_what_is_written_out_goes_before_what_a_class_brings(runtime: Runtime, module: Module) -> None:
    module.export(Counter)

    @module.export
    def start_link(first: int) -> str:
        return "mine"

    assert call(module, "start_link", 1) == "mine"
    assert (await call(module, "start_link", 1, 2))[0] == "ok"


def test_builtins_can_be_added_to() -> None:
    builtins.load()
    Module(":erlang").export("of_the_test")(lambda: 5)
    assert modules.apply(Export(Atom("erlang"), Atom("of_the_test"), 0), []) == 5
    assert modules.function_exported("erlang", "node", 0)
