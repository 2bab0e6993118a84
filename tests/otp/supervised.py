"""What the tests of supervisors share: children that say what happens to them, and a clock."""

from __future__ import annotations

from typing import Any

from otp_tools import SECONDS

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import GenServer, Ignore, Stop, Supervisor, on_call
from pyerlnode.otp.supervisor.supervisor import start_supervisor
from pyerlnode.term import Atom, Pid

TRAIL: list[tuple[Any, ...]] = []


class Clock:
    """A clock that goes when the test says so; seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Announcer(GenServer):
    """Traps exits; its start and its end are in TRAIL."""

    def init(self, id: Any = "x", fails: Any = None) -> Any:
        self.id = id
        if fails is not None:
            result = fails()
            if result is not None:
                TRAIL.append(("failed", id))
                return result
        erl.process_flag("trap_exit", True)
        TRAIL.append(("started", id))
        return None

    @on_call
    def get(self) -> Any:
        return self.id

    @on_call("stop")
    def stop_now(self, reason: Any) -> Any:
        return Stop(reason, Atom("ok"))

    def terminate(self, reason: Any) -> None:
        TRAIL.append(("terminated", self.id, reason))


class Slow(GenServer):
    """Does not end as long as it is only asked to."""

    def init(self) -> None:
        erl.process_flag("trap_exit", True)

    async def terminate(self, reason: Any) -> None:
        TRAIL.append(("terminated", "slow", reason))
        await erl.receive(lambda message: False)


class Ignored(GenServer):
    def init(self) -> Any:
        return Ignore()


class Fails:
    """Lets the starts with these numbers (from 1) fail with `no`."""

    def __init__(self, *numbers: int) -> None:
        self.numbers, self.starts = numbers, 0

    def __call__(self) -> Any:
        self.starts += 1
        return Stop("no") if self.starts in self.numbers else None


def child(id: str, **fields: Any) -> dict[str, Any]:
    """The specification of an Announcer."""
    fails = fields.pop("fails", None)
    return {"id": Atom(id), "start": (Announcer, "start_link", [id, fails]), **fields}


async def start(*children: Any, clock: Clock | None = None, name: Any = None, **options: Any) -> Pid:
    """A supervisor of these children, not linked to the test."""
    options = {"strategy": "one_for_one", **options}
    result = await start_supervisor(
        Supervisor, (list(children),), options, link=False, name=name, clock=clock or Clock()
    )
    if result[0] == "error":
        raise Exit(result[1])
    pid: Pid = result[1]
    return pid


async def pids(supervisor: Any) -> dict[Any, Any]:
    """Id -> pid, `undefined` or `restarting`; answered when all that came before is done."""
    return {id: pid for id, pid, _, _ in await Supervisor.which_children(supervisor)}


async def stop(pid: Pid, reason: str = "normal") -> None:
    """Let an Announcer end by itself."""
    await GenServer.call(pid, (Atom("stop"), Atom(reason)), SECONDS)


def trail() -> list[tuple[Any, ...]]:
    """What has happened since the last time."""
    happened = TRAIL.copy()
    TRAIL.clear()
    return happened
