"""`erlang`: calls, ends, and the processes that closures start.

Links, monitors, names and more of the kind are those that `services.builtins` answers to rpc.

Source: module `erlang` of the ERTS reference manual.
Proof: tests/services/evaluator/test_expressions.py, tests/services/evaluator/test_corpus.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyerlnode.process as processes
from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.process import Process, this_process
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import badarg
from pyerlnode.services.evaluator.stdlib.registry import Library, TailCall, TailRemote
from pyerlnode.term import Atom, Export, Fun, Term

if TYPE_CHECKING:
    from collections.abc import Callable

erlang = Library("erlang")

_SYSTEM_LIMIT = Atom("system_limit")
_BADARG: Final = Atom("badarg")

_F = TypeVar("_F", bound="Callable[..., Any]")

# The processes that closures have started and that have not ended.
_started: set[Process] = set()


def _process(name: str, arity: int) -> Callable[[_F], _F]:
    return erlang.function(name, arity, group="process")


# --- calls and ends -----------------------------------------------------------------------


@erlang.function("apply", 2)
def apply(fun: Any, args: Any) -> TailCall:
    if type(args) is not list:
        raise badarg()
    return TailCall(fun, args)


@erlang.function("apply", 3)
def apply_named(module: Any, name: Any, args: Any) -> TailRemote:
    if type(args) is not list or type(module) is not Atom or type(name) is not Atom:
        raise badarg()
    return TailRemote(module, name, args)


def _failed(reason: Term) -> ErlangError:
    """An error whose stack begins where a closure's code runs, not in `error/1`."""
    return ErlangError(reason, [(Atom("erl_eval"), Atom("expr"), 6, [])])


@erlang.function("error", 1)
def error(reason: Any) -> None:
    raise _failed(reason)


@erlang.function("error", 2)
def error_with(reason: Any, args: Any) -> None:
    raise _failed(reason)


@erlang.function("error", 3)
def error_with_options(reason: Any, args: Any, options: Any) -> None:
    raise _failed(reason)


@erlang.function("exit", 1)
def exit_(reason: Any) -> None:
    raise Exit(reason)


@erlang.function("throw", 1)
def throw(value: Any) -> None:
    raise Throw(value)


@erlang.function("nif_error", 1)
def nif_error(reason: Any) -> None:
    raise _failed(reason)


@erlang.function("raise", 3)
def raise_(kind: Any, reason: Any, stack: Any) -> Atom:
    """Gives `badarg` for what is no class or no stack, as the real one does."""
    if type(stack) is list:
        if kind == "error":
            raise ErlangError(reason, stack)
        if kind == "exit":
            raise Exit(reason)
        if kind == "throw":
            raise Throw(reason)
    return _BADARG


# --- new processes ------------------------------------------------------------------------


async def _run(fun: Term, args: list[Term]) -> None:
    process = this_process()
    _started.add(process)
    process.call_at_end(_started.discard)
    result = process.runtime.apply_hook(fun, args)
    if inspect.isawaitable(result):
        await result


def _callable(*given: Any) -> tuple[Term, list[Term]]:
    """A fun, or module, function and arguments: what is called, and with what."""
    if len(given) == 1:
        if not isinstance(given[0], (Fun, Export)):
            raise badarg()
        return given[0], []
    module, name, args = given
    if type(module) is not Atom or type(name) is not Atom or type(args) is not list:
        raise badarg()
    return Export(module, name, len(args)), args


def _room() -> None:
    if len(_started) >= limits.current().processes:
        raise ErlangError(_SYSTEM_LIMIT)


def _starter(start: Any) -> Any:
    def spawn(*given: Any) -> Any:
        called = _callable(*given)
        _room()
        return start(_run, *called)

    return spawn


for _name, _start in (
    ("spawn", processes.spawn),
    ("spawn_link", processes.spawn_link),
    ("spawn_monitor", processes.spawn_monitor),
):
    _process(_name, 1)(_starter(_start))
    _process(_name, 3)(_starter(_start))


@_process("spawn_opt", 2)
def spawn_opt(fun: Any, options: Any) -> Any:
    if type(options) is not list:
        raise badarg()
    called = _callable(fun)
    _room()
    if "monitor" in options:
        pid, ref = processes.spawn_monitor(_run, *called)
        if "link" in options:
            processes.link(pid)
        return (pid, ref)
    return (processes.spawn_link if "link" in options else processes.spawn)(_run, *called)


# --- the process dictionary ---------------------------------------------------------------


@_process("put", 2)
def put(key: Any, value: Any) -> Term:
    return processes.put(key, value)


@_process("get", 1)
def get(key: Any) -> Term:
    return processes.get(key)


@_process("get", 0)
def get_all() -> list[Term]:
    return list((this_process().dictionary or {}).items())


@_process("get_keys", 0)
def get_keys() -> list[Term]:
    return list(this_process().dictionary or ())


@_process("erase", 1)
def erase(key: Any) -> Term:
    return processes.erase(key)
