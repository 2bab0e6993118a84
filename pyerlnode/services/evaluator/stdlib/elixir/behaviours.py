"""`GenServer`, `Agent`, `Supervisor` and `DynamicSupervisor`: their functions for clients.

The processes that are started are those of `pyerlnode.otp`, and a fun that an agent is given
runs there, as any closure.  What starts a process, and `Registry`, is among the functions that
every node answers to (`services/builtins`).

Source: gen_server.ex, agent.ex, supervisor.ex and dynamic_supervisor.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_closures.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import Exit
from pyerlnode.otp import client, gen
from pyerlnode.otp.supervisor.dynamic_supervisor import DynamicSupervisor
from pyerlnode.otp.supervisor.supervisor import Supervisor
from pyerlnode.process import this_process
from pyerlnode.services.evaluator.requests import Await
from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_atom, is_function, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.support import ERROR, OK, need
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

gen_server = Library("Elixir.GenServer", group="process")
agent = Library("Elixir.Agent", group="process")

_INFINITY, _NORMAL = Atom("infinity"), Atom("normal")
_GEN_SERVER, _AGENT = Atom("Elixir.GenServer"), Atom("Elixir.Agent")
_TIMEOUT: Final = 5000


def seconds(milliseconds: Term) -> float | None:
    """A timeout of Elixir's in seconds, None for `infinity`; `function_clause` for anything else."""
    need(milliseconds is _INFINITY or is_integer(milliseconds, 0))
    return None if milliseconds is _INFINITY else milliseconds / 1000


# --- GenServer ------------------------------------------------------------------------------


@gen_server.function("call", 2)
def call(server: Term, request: Term) -> Steps:
    return (yield from call_within(server, request, _TIMEOUT))


@gen_server.function("call", 3)
def call_within(server: Term, request: Term, timeout: Term) -> Steps:
    return (yield Await(client.call(_GEN_SERVER, server, request, seconds(timeout))))


@gen_server.function("cast", 2)
def cast(server: Term, request: Term) -> Term:
    gen.cast(server, request)
    return OK


@gen_server.function("reply", 2)
def reply(caller: Term, value: Term) -> Term:
    gen.reply(this_process(), caller, value)
    return OK


@gen_server.function("whereis", 1)
def whereis(server: Term) -> Term:
    return gen.where(this_process().runtime, server)


@gen_server.function("stop", 1)
@gen_server.function("stop", 2)
@gen_server.function("stop", 3)
def stop(server: Term, reason: Term = _NORMAL, timeout: Term = _INFINITY) -> Steps:
    return (yield Await(client.stop(_GEN_SERVER, this_process(), server, reason, seconds(timeout))))


# --- Agent ----------------------------------------------------------------------------------


def _asker(name: str) -> Callable[..., Steps]:
    """`Agent.name(agent, fun)`, `(agent, fun, timeout)`, `(agent, module, name, args)` and so on."""

    def ask(server: Term, *given: Term) -> Steps:
        function, timeout = _function(given)
        request = (Atom(name), function)
        return (yield Await(client.call(_GEN_SERVER, server, request, seconds(timeout))))

    return ask


def _function(given: tuple[Term, ...]) -> tuple[Term, Term]:
    """What an agent is to run, and the timeout."""
    if len(given) <= 2:
        need(is_function(given[0], 1))
        return given[0], given[1] if len(given) == 2 else _TIMEOUT
    need(is_atom(given[0]), is_atom(given[1]), isinstance(given[2], list))
    return given[:3], given[3] if len(given) == 4 else _TIMEOUT


for _name in ("get", "update", "get_and_update"):
    for _arity in (2, 3, 4, 5):
        agent.function(_name, _arity)(_asker(_name))


@agent.function("cast", 2)
@agent.function("cast", 4)
def agent_cast(server: Term, *given: Term) -> Term:
    gen.cast(server, (Atom("cast"), _function(given)[0]))
    return OK


@agent.function("stop", 1)
@agent.function("stop", 2)
@agent.function("stop", 3)
def agent_stop(server: Term, reason: Term = _NORMAL, timeout: Term = _INFINITY) -> Steps:
    return (yield Await(client.stop(_AGENT, this_process(), server, reason, seconds(timeout))))


# --- supervisors ----------------------------------------------------------------------------


async def _answered(awaitable: Awaitable[Any]) -> Term:
    """`{ok, Pid}` and so on of what `pyerlnode.otp` gives as a pid, or as an Exit with the bare reason."""
    try:
        result = await awaitable
    except Exit as error:
        return (ERROR, error.reason)
    if result is None:
        return Atom("ignore")
    return (OK, *result) if isinstance(result, tuple) else OK if result is OK else (OK, result)


def _register(name: str, supervisor: type[Supervisor] | type[DynamicSupervisor], by: str) -> None:
    library = Library(name, group="process")

    def which_children(server: Term) -> Steps:
        return (yield Await(supervisor.which_children(server)))

    def count_children(server: Term) -> Steps:
        return (yield Await(supervisor.count_children(server)))

    def terminate_child(server: Term, child: Term) -> Steps:
        return (yield Await(_answered(supervisor.terminate_child(server, child))))

    def start_child(server: Term, child: Term) -> Steps:
        return (yield Await(_answered(supervisor.start_child(server, child))))

    def stop(server: Term, reason: Term = _NORMAL, timeout: Term = _INFINITY) -> Steps:
        return (yield Await(client.stop(Atom(by), this_process(), server, reason, seconds(timeout))))

    library.function("which_children", 1)(which_children)
    library.function("count_children", 1)(count_children)
    library.function("terminate_child", 2)(terminate_child)
    library.function("start_child", 2)(start_child)
    for arity in (1, 2, 3):
        library.function("stop", arity)(stop)


_register("Elixir.Supervisor", Supervisor, "Elixir.Supervisor")
_register("Elixir.DynamicSupervisor", DynamicSupervisor, "Elixir.DynamicSupervisor")

supervisors = Library("Elixir.Supervisor", group="process")


@supervisors.function("restart_child", 2)
def restart_child(server: Term, child: Term) -> Steps:
    return (yield Await(_answered(Supervisor.restart_child(server, child))))


@supervisors.function("delete_child", 2)
def delete_child(server: Term, child: Term) -> Steps:
    return (yield Await(_answered(Supervisor.delete_child(server, child))))
