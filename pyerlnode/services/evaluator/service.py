"""Who may run what, and what runs: closures at the runtime's apply hook.

    off        no closure runs: {badfun, Fun}
    exported   operators, guards, and the functions that the program exports
    builtins   and the library of this package, as far as its groups are on

Functions are found by name in the table of exports first, then in the library, then
among those that the library answers to rpc; nothing else can be reached.

Source: Erlang Reference Manual, "Errors and Error Handling", for the reasons.
Proof: tests/services/evaluator/test_service.py, interop/test_closures.py.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, Final

from pyerlnode.errors import ErlangError, UsageError
from pyerlnode.process import this_process
from pyerlnode.services import modules
from pyerlnode.services.evaluator import funs
from pyerlnode.services.evaluator.library import erlang, registry
from pyerlnode.services.evaluator.machine import Machine
from pyerlnode.services.evaluator.requests import Await
from pyerlnode.services.evaluator.values import seen_here
from pyerlnode.term import Atom, Export, Fun, Pid, Term

__all__ = ["MODES", "Running", "Settings", "apply", "configure", "kill", "running"]

logger = logging.getLogger("pyerlnode.evaluator")

MODES: Final = ("off", "exported", "builtins")

_ERLANG, _APPLY, _ERL_EVAL = Atom("erlang"), Atom("apply"), Atom("erl_eval")
_BADFUN, _UNDEF = Atom("badfun"), Atom("undef")
_REMOTE: Final = "remote"


@dataclass(frozen=True)
class Settings:
    """What closures may do here."""

    mode: str = "builtins"
    groups: frozenset[str] = registry.GROUPS


_settings = Settings()


def configure(mode: str = "builtins", groups: Collection[str] = registry.GROUPS) -> Settings:
    """Say what closures may do; the settings before.  UsageError for a mode or group that is none."""
    global _settings
    if mode not in MODES:
        raise UsageError(f"closures are {', '.join(MODES)}, not {mode!r}")
    if unknown := set(groups) - registry.GROUPS:
        raise UsageError(f"no group of functions: {', '.join(sorted(unknown))}")
    if mode == "builtins":
        registry.load()
    before, _settings = _settings, Settings(mode, frozenset(groups))
    return before


# --- applying -----------------------------------------------------------------------------


def apply(fun: Fun, args: list[Term]) -> Any:
    """Run a closure: its value, or a coroutine for it where it has to wait."""
    if _settings.mode == "off":
        raise ErlangError((_BADFUN, fun), [(_ERLANG, _APPLY, 2, [])])
    logger.debug("%s", _Audit(fun))
    machine = Machine(resolve, this_process())
    if machine.apply(fun, [seen_here(arg) for arg in args]):
        return machine.result
    return _finish(machine, fun)


async def _finish(machine: Machine, fun: Fun) -> Any:
    with _listed(machine, fun):
        return await machine.finish()


def resolve(module: str, name: str, args: list[Term]) -> Any:
    """Call a function by its name: its value, a request, or a generator and its label."""
    arity = len(args)
    exported = modules.find_exported(module, name, arity)
    if exported is None:
        found = registry.find(module, name, arity, _settings.groups)
        if found is not None and (_settings.mode == "builtins" or _is_guard(module, name, arity)):
            return _builtin(found, module, name, args)
        if not _may_ask_node() or modules.find(module, name, arity) is None:
            raise ErlangError(_UNDEF, [(Atom(module), Atom(name), args, [])])
    return _of_python(modules.apply(Export(module, name, arity), args))


def _may_ask_node() -> bool:
    """Whether what this node answers to rpc may be called: it is about processes."""
    return _settings.mode == "builtins" and "process" in _settings.groups


def _is_guard(module: str, name: str, arity: int) -> bool:
    return module == "erlang" and (name, arity) in erlang.GUARDS


def _builtin(found: registry.Builtin, module: str, name: str, args: list[Term]) -> Any:
    try:
        made = found.call(*args)
    except ErlangError as error:
        if error.stack is None:
            info = erlang.ERROR_INFO if module == "erlang" else []
            error.stack = [(Atom(module), Atom(name), args, info)]
        raise
    return (made, (module, name, args)) if type(made) is GeneratorType else made


def _of_python(made: Any) -> Any:
    """What a function of the program gave, as a closure sees it."""
    return Await(made) if inspect.isawaitable(made) else seen_here(made)


# --- what runs ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A closure that has not come to its end: `age` in seconds, `node` where it was typed."""

    pid: Pid
    node: Atom
    group_leader: Pid
    age: float
    steps: int
    fun: Fun


_machines: dict[Machine, tuple[Fun, float]] = {}


@contextmanager
def _listed(machine: Machine, fun: Fun) -> Iterator[None]:
    _machines[machine] = (fun, time.monotonic())
    try:
        yield
    finally:
        _machines.pop(machine, None)


def running() -> list[Running]:
    """The closures that run or wait now, oldest first."""
    now = time.monotonic()
    return [
        Running(
            machine.process.pid,
            machine.process.group_leader.node,
            machine.process.group_leader,
            now - since,
            machine.steps,
            fun,
        )
        for machine, (fun, since) in _machines.items()
    ]


def kill(pid: Pid) -> bool:
    """End the process of a closure; whether one runs there."""
    for machine in list(_machines):
        if machine.process.pid == pid:
            machine.process.exit_signal(pid, Atom("kill"))
            return True
    return False


class _Audit:
    """The line for the log about a closure; made only where somebody reads it."""

    def __init__(self, fun: Fun) -> None:
        self._fun = fun

    def __str__(self) -> str:
        process = this_process()
        closure = funs.parts(self._fun)
        names = sorted(called(closure.clauses)) if closure is not None else []
        return (
            f"{process.pid} runs {self._fun!r} from {self._fun.pid.node} for {process.group_leader}: "
            f"calls {', '.join(names) or 'nothing'}"
        )


def called(forms: Sequence[Term]) -> set[str]:
    """The functions that forms name, as `module:function/arity`."""
    found: set[str] = set()
    todo: list[Any] = [forms]
    while todo:
        form = todo.pop()
        if type(form) is tuple and len(form) == 4 and form[0] == "call" and type(form[2]) is tuple:
            callee = form[2]
            if callee[0] == _REMOTE and callee[2][0] == callee[3][0] == "atom" and type(form[3]) is list:
                found.add(f"{callee[2][2]}:{callee[3][2]}/{len(form[3])}")
        if type(form) in (tuple, list):
            todo += form
    return found
