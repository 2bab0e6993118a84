"""`Task` and `Task.Supervisor`: the work is a closure, which runs as any other.

A task is Elixir's `%Task{}`; its process, its monitor and its messages are those of `pyerlnode.otp`.

Source: task.ex and task/supervisor.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_closures.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import Exit
from pyerlnode.otp.task.supervisor import TaskSupervisor
from pyerlnode.otp.task.task import Task
from pyerlnode.process import this_process
from pyerlnode.services.evaluator.requests import Await, Call
from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_atom, is_function, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.behaviours import seconds
from pyerlnode.services.evaluator.stdlib.elixir.enum import map_
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    STRUCT,
    alias,
    argument_error,
    field,
    is_struct,
    need,
    option,
    plain,
    shown,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Export, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable

task = Library("Elixir.Task", group="process")
supervisor = Library("Elixir.Task.Supervisor", group="process")

_MFA, _OWNER, _PID, _REF = Atom("mfa"), Atom("owner"), Atom("pid"), Atom("ref")
_BRUTAL_KILL = Atom("brutal_kill")
_APPLY_TWO: Final = Export("erlang", "apply", 2)
_TIMEOUT: Final = 5000


def _struct(made: Task) -> Term:
    return {STRUCT: alias("Task"), _MFA: made.mfa, _OWNER: made.owner, _PID: made.pid, _REF: made.ref}


def _object(given: Term) -> Task:
    """The task that a struct stands for; Elixir's ArgumentError where it is another process's."""
    given = plain(given)
    need(is_struct(given, "Task"))
    found = Task(*(field(given, str(name)) for name in (_MFA, _OWNER, _PID, _REF)))
    if found.owner != this_process().pid:
        raise argument_error(
            f"task {shown(given)} must be queried from the owner but was queried from "
            f"{shown(this_process().pid)}"
        )
    return found


def _work(given: tuple[Term, ...]) -> tuple[Any, ...]:
    """A function and its arguments, of a fun, or of a module, a name and a list."""
    if len(given) == 1:
        need(is_function(given[0], 0))
        return _APPLY_TWO, given[0], []
    module, name, args = given
    need(is_atom(module), is_atom(name), isinstance(args, list))
    return (Export(module, name, len(args)), *args)


async def _begun(starting: Awaitable[Task]) -> Term:
    return _struct(await starting)


# --- Task -----------------------------------------------------------------------------------


@task.function("async", 1)
@task.function("async", 3)
def async_(*given: Term) -> Steps:
    return (yield Await(_begun(Task.async_(*_work(given)))))


@task.function("completed", 1)
def completed(value: Term) -> Steps:
    return (yield Await(_begun(Task.completed(value))))


@task.function("await", 1)
@task.function("await", 2)
def await_(given: Term, timeout: Term = _TIMEOUT) -> Steps:
    return (yield Await(Task.await_(_object(given), seconds(timeout))))


@task.function("await_many", 1)
@task.function("await_many", 2)
def await_many(given: Term, timeout: Term = _TIMEOUT) -> Steps:
    need(isinstance(given, list))
    return (yield Await(Task.await_many([_object(each) for each in given], seconds(timeout))))


@task.function("yield", 1)
@task.function("yield", 2)
def yield_(given: Term, timeout: Term = _TIMEOUT) -> Steps:
    return (yield Await(Task.yield_(_object(given), seconds(timeout))))


@task.function("yield_many", 1)
@task.function("yield_many", 2)
def yield_many(given: Term, options: Term = _TIMEOUT) -> Steps:
    need(isinstance(given, list))
    timeout = option(options, "timeout", _TIMEOUT) if isinstance(options, list) else options
    return (yield Await(_outcomes([_object(each) for each in given], seconds(timeout))))


async def _outcomes(tasks: list[Task], timeout: float | None) -> Term:
    return [(_struct(each), result) for each, result in await Task.yield_many(tasks, timeout)]


@task.function("ignore", 1)
def ignore(given: Term) -> Steps:
    return (yield Await(Task.ignore(_object(given))))


@task.function("shutdown", 1)
@task.function("shutdown", 2)
def shutdown(given: Term, timeout: Term = _TIMEOUT) -> Steps:
    wait = "brutal_kill" if timeout is _BRUTAL_KILL else seconds(timeout)
    return (yield Await(Task.shutdown(_object(given), wait)))


@task.function("async_stream", 2)
@task.function("async_stream", 3)
def async_stream(enumerable: Term, fun: Term, options: Term = None) -> Steps:
    """Of what is finite: all tasks have ended when the results are there."""
    need(is_function(fun, 1))
    items = yield from map_(enumerable, Export("Elixir.Function", "identity", 1))
    return (yield Await(_streamed(items, fun, options or [])))


async def _streamed(items: list[Term], fun: Term, options: Term) -> Term:
    most = option(options, "max_concurrency")
    given: dict[str, Any] = {
        "max_concurrency": most if is_integer(most, 1) else None,
        "ordered": option(options, "ordered", True) is not False,
        "timeout": seconds(option(options, "timeout", _TIMEOUT)),
        "on_timeout": str(option(options, "on_timeout", "exit")),
    }
    calls = Task.async_stream([[item] for item in items], Export("Elixir.Task", "-applied-", 2), fun, **given)
    return [result async for result in calls]


@task.function("-applied-", 2)
def applied(args: Term, fun: Term) -> Steps:

    return (yield Call(fun, args))


# --- Task.Supervisor --------------------------------------------------------------------------


@supervisor.function("async", 2)
@supervisor.function("async", 4)
def supervised_async(server: Term, *given: Term) -> Steps:
    return (yield Await(_begun(TaskSupervisor.async_(server, *_work(given)))))


@supervisor.function("async_nolink", 2)
@supervisor.function("async_nolink", 4)
def supervised_nolink(server: Term, *given: Term) -> Steps:
    return (yield Await(_begun(TaskSupervisor.async_nolink(server, *_work(given)))))


@supervisor.function("start_child", 2)
@supervisor.function("start_child", 4)
def start_child(server: Term, *given: Term) -> Steps:
    return (yield Await(_started(TaskSupervisor.start_child(server, *_work(given)))))


async def _started(starting: Awaitable[Any]) -> Term:
    try:
        return OK, await starting
    except Exit as error:
        return ERROR, error.reason
