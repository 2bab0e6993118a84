"""Elixir's `Task` and `Task.Supervisor`: what child specifications from Elixir start here.

`{Task, fn}` and `{Task.Supervisor, name: Name}` under a supervisor of this node name
`Task.start_link` and `Task.Supervisor.start_link`.

Source: Task and Task.Supervisor of Elixir (1.18).
Proof: tests/services/test_builtins_task.py, interop/test_tasks.py.
"""

from __future__ import annotations

from typing import Any, Final

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.otp import TaskSupervisor
from pyerlnode.otp.supervisor.supervisor import ask
from pyerlnode.otp.task.supervised import callers_of, owner_of, spawn_noreply
from pyerlnode.otp.task.supervisor import start_with
from pyerlnode.otp.task.work import Work
from pyerlnode.process import this_process
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Export, Fun, Pid, Term

task = BuiltinModule("Task")
supervisor = BuiltinModule("Task.Supervisor")

_OK, _ID, _START, _RESTART, _TYPE = (Atom(key) for key in ("ok", "id", "start", "restart", "type"))
_TEMPORARY, _SUPERVISOR, _START_LINK = Atom("temporary"), Atom("supervisor"), Atom("start_link")
_FUNCTION_CLAUSE, _ERLANG, _APPLY = Atom("function_clause"), Atom("erlang"), Atom("apply")
_SHUTDOWN: Final = 5000  # milliseconds
# Elixir's option -> what `DynamicSupervisor.init/1` makes of it.
_FLAGS: Final = {"max_children": "max_children", "max_restarts": "intensity", "max_seconds": "period"}


# --- Task -----------------------------------------------------------------------------------


@task.export("start_link")
def task_start_link(*given: Any) -> Term:
    return _start("start_link", given, link=True)


@task.export
def start(*given: Any) -> Term:
    return _start("start", given, link=False)


@task.export("child_spec")
def task_child_spec(arg: Any) -> Term:
    return {_ID: task.name, _START: (task.name, _START_LINK, [arg]), _RESTART: _TEMPORARY}


def _start(function: str, given: tuple[Any, ...], *, link: bool) -> Term:
    """A fun without arguments, or module, function and arguments."""
    match given:
        case ((Export(arity=0) | Fun(arity=0)) as fun,):
            work = Work(_ERLANG, _APPLY, (fun, []))
        case (Atom() as module, Atom() as name, list(args)):
            work = Work(module, name, tuple(args))
        case _:
            raise ErlangError(_FUNCTION_CLAUSE, [(task.name, Atom(function), list(given), [])])
    process = this_process()
    return (_OK, spawn_noreply(process, owner_of(process), callers_of(process), work, link=link))


# --- Task.Supervisor ------------------------------------------------------------------------


@supervisor.export
async def start_link(options: Any = None) -> Term:
    given = _keywords([] if options is None else options)
    flags = {Atom(flag): given[option] for option, flag in _FLAGS.items() if option in given}
    return await start_with(
        lambda: (_OK, flags),
        # A wrong one is what each task fails with.
        restart=given.get("restart") or _TEMPORARY,
        shutdown=given.get("shutdown") or _SHUTDOWN,
        link=True,
        name=given.get("name"),
    )


@supervisor.export
def child_spec(options: Any) -> Term:
    name = _keywords(options).get("name", supervisor.name)
    return {
        _ID: name[-1] if isinstance(name, tuple) else name,
        _START: (supervisor.name, _START_LINK, [options]),
        _TYPE: _SUPERVISOR,
    }


@supervisor.export
async def children(name: Any) -> list[Pid]:
    return await TaskSupervisor.children(name)


@supervisor.export
async def terminate_child(name: Any, pid: Pid) -> Term:
    return await ask(name, (Atom("terminate_child"), pid))


def _keywords(options: Term) -> dict[str, Any]:
    """A keyword list as a dict, the first of two with the same key; BadArg for what is none."""
    pairs: dict[str, Any] = {}
    for pair in options if isinstance(options, list) else [options]:
        if type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not Atom:
            raise BadArg(f"a keyword list is wanted, not {options!r}")
        pairs.setdefault(str(pair[0]), pair[1])
    return pairs
