"""The supervisors of `conformance.py`: with fixed children, dynamic, and what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance_terms import OK, started

import pyerlnode as erl
from pyerlnode import Atom, DynamicSupervisor, Module, Supervisor, TaskSupervisor
from pyerlnode.services.builtins.task import start_link as tasks_start_link

if TYPE_CHECKING:
    from collections.abc import Awaitable

INTENSITY = 1000

fun = Module("Conf.Fun")
sup = Module("Conf.Sup")


class Sup(Supervisor, module="Elixir.Conf.Sup"):
    """Its children and flags are what it is started with, as OTP has them."""

    def init(self, flags: Any, specs: Any) -> Any:
        return (OK, (flags, specs))


@sup.export
async def start_link(name: Atom, flags: Any, specs: Any) -> Any:
    return await started(Sup.start_link(flags, specs, name=name))


@fun.export
async def start_supervisor(flags: Any, specs: Any) -> Any:
    return await unlinked(started(Sup.start_link(flags, specs)))


@fun.export
async def start_dynamic(options: list[Any]) -> Any:
    given = dict(options)
    return await unlinked(started(Dynamic.start_link(given, name=given.pop("name", None))))


@fun.export
async def start_tasks(options: list[Any]) -> Any:
    return await unlinked(tasks_start_link(options))


class Dynamic(DynamicSupervisor, module="Elixir.Supervisor.Default"):
    """As Elixir starts it: wrong options are what the start fails with."""

    def init(self, options: dict[Any, Any]) -> Any:
        names = {"max_restarts": "intensity", "max_seconds": "period"}
        return (OK, {Atom(names.get(key, key)): value for key, value in options.items()})


async def unlinked(start: Awaitable[Any]) -> Any:
    """What a start answers; what was started outlives the caller."""
    old = erl.process_flag("trap_exit", True)
    answer = await start
    if answer[0] == OK:
        erl.unlink(answer[1])
    erl.process_flag("trap_exit", old)
    return answer


def fixed(kind: str, strategy: str) -> dict[str, Any]:
    """The specification of a supervisor with the children a, b and c."""
    flags = {Atom("strategy"): Atom(strategy), Atom("intensity"): INTENSITY, Atom("period"): 5}
    server = Atom("Elixir.Conf.Server")
    children = [
        {
            Atom("id"): Atom(id),
            Atom("start"): (server, Atom("start_link"), [(Atom("state"), (Atom(kind), Atom(id)))]),
        }
        for id in "abc"
    ]
    name = Atom(f"conf_sup_{kind}")
    return {
        "id": kind,
        "type": "supervisor",
        "start": ("Elixir.Conf.Sup", "start_link", [name, flags, children]),
    }


# What stands under `conf_root` beside the servers.
CHILDREN = [
    fixed("one", "one_for_one"),
    fixed("all", "one_for_all"),
    fixed("rest", "rest_for_one"),
    DynamicSupervisor.child(name="conf_dyn", max_restarts=INTENSITY),
    TaskSupervisor.child("conf_tasks"),
]
