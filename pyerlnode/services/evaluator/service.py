"""Who may run what, and what runs: closures at the runtime's apply hook.

    off        no closure runs: {badfun, Fun}
    exported   operators, guards, what ends a closure or catches its end, and what the program exports
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
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError, UsageError
from pyerlnode.node.config import CLOSURES
from pyerlnode.process import current_process, current_runtime, this_process
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.services import modules
from pyerlnode.services.evaluator import funs
from pyerlnode.services.evaluator.machine import Machine, bad_arity
from pyerlnode.services.evaluator.requests import Await
from pyerlnode.services.evaluator.stdlib import erlang, registry
from pyerlnode.services.evaluator.values import seen_by_python, seen_here
from pyerlnode.term import Atom, Export, Fun, Pid, Term
from pyerlnode.term.text import brief, harmless

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pyerlnode.node import Node
    from pyerlnode.process import Process, Runtime

__all__ = ["Running", "Settings", "apply", "call", "configure", "hook", "kill", "running", "service"]

logger = logging.getLogger("pyerlnode.evaluator")

_ERLANG, _APPLY, _ERL_EVAL = Atom("erlang"), Atom("apply"), Atom("erl_eval")
_BADFUN, _UNDEF = Atom("badfun"), Atom("undef")
_REMOTE: Final = "remote"


@dataclass(frozen=True)
class Settings:
    """What closures may do here."""

    mode: str = "builtins"
    groups: frozenset[str] = registry.GROUPS


# Of each runtime; one that is not here has the default.
_settings: PerRuntime[Settings] = PerRuntime()
_DEFAULT: Final = Settings()


def configure(runtime: Runtime, mode: str = "builtins", groups: Collection[str] = registry.GROUPS) -> None:
    """Say what closures may do in a runtime; UsageError for a mode or a group that is none."""
    if mode not in CLOSURES:
        raise UsageError(f"closures are {', '.join(CLOSURES)}, not {mode!r}")
    if unknown := set(groups) - registry.GROUPS:
        raise UsageError(f"no group of functions: {', '.join(sorted(unknown))}")
    _settings[runtime] = Settings(mode, frozenset(groups))


def service(node: Node) -> None:
    """Let `node` run closures, as its setting `closures` says."""
    configure(node.runtime, node.config.closures)
    node.runtime.apply_hook = hook


def _settings_here() -> Settings | None:
    """Those of the node that the caller is at; None where no closures run."""
    process = current_process.get()
    runtime = process.runtime if process is not None else current_runtime.get(None)
    if runtime is None or runtime.apply_hook is not hook:
        return None
    return _settings.get(runtime, _DEFAULT)


class _Library:
    """The library, for who asks which modules and functions there are."""

    def modules(self) -> Collection[str]:
        settings = _settings_here()
        return registry.MODULES if settings is not None and settings.mode == "builtins" else ()

    def functions(self, module: str) -> Collection[tuple[str, int]]:
        settings = _settings_here()
        return () if settings is None else registry.functions(module, settings.groups)


modules.add_further(_Library())


# --- applying -----------------------------------------------------------------------------


def hook(function: Term, args: list[Term]) -> Any:
    """The runtime's apply hook: closures, and by its name what is exported or in the library."""
    if not isinstance(function, Export) or _is_of_library(function):
        return apply(function, args)
    return modules.apply(function, args)


def _is_of_library(function: Export) -> bool:
    """Whether only the library may have the function; it need not be loaded to know."""
    if function.module not in registry.MODULES:
        return False
    settings = _settings.get(this_process().runtime, _DEFAULT)
    return settings.mode == "builtins" and (
        modules.find(function.module, function.function, function.arity) is None
    )


def apply(fun: Term, args: list[Term]) -> Any:
    """Call a fun, a closure or an `Export`: its value, or a coroutine where it has to wait.

    ErlangError `badfun` for what is no fun and where no closure may run, `undef` for a fun of a
    compiled module, `badarity`; Exit with `{killed, step_limit}` and `system_limit` beyond a limit.
    """
    process = this_process()
    settings = _settings.get(process.runtime, _DEFAULT)
    if isinstance(fun, Export):
        return _apply_export(settings, fun, args)
    if settings.mode == "off" and (not isinstance(fun, Fun) or fun.module is _ERL_EVAL):
        raise ErlangError((_BADFUN, fun), [(_ERLANG, _APPLY, 2, [])])
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s", _audit(fun, process))
    return _run(Machine(partial(resolve, settings), process), fun, args)


def _apply_export(settings: Settings, fun: Export, args: list[Term]) -> Any:
    """`&String.upcase/1` is as good as a closure that calls it."""
    if fun.arity != len(args):
        raise bad_arity(fun, args)
    if (
        modules.find(fun.module, fun.function, fun.arity) is None
        and _in_library(settings, fun.module, fun.function, fun.arity) is not None
    ):
        return _run(Machine(partial(resolve, settings), this_process()), fun, args)
    return modules.apply(fun, args)


async def call(fun: Fun | Export, *args: Term) -> Term:
    """Call a fun that came in a message, and wait for its value."""
    result = apply(fun, list(args))
    return await result if inspect.isawaitable(result) else result


def _run(machine: Machine, fun: Fun | Export, args: list[Term]) -> Any:
    if machine.apply(fun, [seen_here(arg) for arg in args]):
        return seen_by_python(machine.result)
    return _finish(machine, fun)


async def _finish(machine: Machine, fun: Fun | Export) -> Any:
    with _listed(machine, fun):
        return seen_by_python(await machine.finish())


def resolve(settings: Settings, module: str, name: str, args: list[Term]) -> Any:
    """Call a function by its name: its value, a request, or a generator and its label."""
    arity = len(args)
    if modules.find_exported(module, name, arity) is None:
        found = _in_library(settings, module, name, arity)
        if found is not None:
            return _builtin(found, module, name, args)
        if not _may_ask_node(settings) or modules.find(module, name, arity) is None:
            raise ErlangError(_UNDEF, [(Atom(module), Atom(name), args, [])])
    return _of_python(modules.apply(Export(module, name, arity), [seen_by_python(arg) for arg in args]))


def _is_of_language(module: str, name: str, arity: int) -> bool:
    """Whether it is what `raise`, `rescue`, `throw`, `apply` or `map.field` are compiled to, or a guard's."""
    if module == "erlang":
        return (name, arity) in erlang.GUARDS or (name, arity) in _CONTROL
    return (module, name, arity) in _LEFT_BY_MACROS or (name, arity) == ("exception", 1)


_CONTROL: Final = frozenset(
    {
        ("throw", 1),
        ("exit", 1),
        ("error", 1),
        ("error", 2),
        ("error", 3),
        ("raise", 3),
        ("apply", 2),
        ("apply", 3),
    }
)
_LEFT_BY_MACROS: Final = frozenset(
    {
        ("Elixir.Exception", "normalize", 2),
        ("Elixir.Exception", "normalize", 3),
        ("Elixir.Kernel.Utils", "raise", 1),
        ("elixir_erl_pass", "no_parens_remote", 2),
    }
)


def _in_library(settings: Settings, module: str, name: str, arity: int) -> registry.Builtin | None:
    found = registry.find(module, name, arity, settings.groups)
    return found if settings.mode == "builtins" or _is_of_language(module, name, arity) else None


def _may_ask_node(settings: Settings) -> bool:
    """Whether what this node answers to rpc may be called: it is about processes."""
    return settings.mode == "builtins" and "process" in settings.groups


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
    fun: Fun | Export


_machines: dict[Machine, tuple[Fun | Export, float]] = {}


@contextmanager
def _listed(machine: Machine, fun: Fun | Export) -> Iterator[None]:
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


def _audit(fun: Term, process: Process) -> str:
    """The line for the log: who runs what, for whom, and which functions that names."""
    closure = funs.parts(fun) if isinstance(fun, Fun) else None
    if closure is None:
        return f"{process.pid} applies {brief(fun)} for {process.group_leader}"
    names = ", ".join(sorted(called(closure.clauses))) or "nothing"
    origin = fun.pid.node
    return harmless(f"{process.pid} runs {fun!r} from {origin} for {process.group_leader}: calls {names}")


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
