"""What worker.py can be asked about what a process holds: the processor's nanoseconds for each of `count`.

All are made before the first is taken back, so that each is one among `count`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyerlnode as erl
from benchmarks.worker import GO, each, idle
from pyerlnode import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds until a timer fires: one that is cancelled, and one that is waited for.
_NEVER = 3600.0
_SOON = 0.005


def _is_down(message: Any) -> bool:
    return type(message) is tuple and len(message) == 5 and message[0] == "DOWN"


def _kill(pids: list[Pid]) -> None:
    for pid in pids:
        erl.exit(pid, Atom("kill"))


async def _taken_back(count: int, make: Callable[[], Any], take_back: Callable[[Any], Any]) -> int:
    async def work() -> None:
        for made in [make() for _ in range(count)]:
            if not take_back(made):
                raise AssertionError(f"{made} was not there any more")

    return await each(count, work)


async def links(count: int) -> int:
    """A link, and its part of the end of the process that has them all."""
    others = [erl.spawn(idle) for _ in range(count)]

    async def hub() -> None:
        for pid in others:
            erl.link(pid)

    async def work() -> None:
        erl.spawn_monitor(hub)
        await erl.receive(_is_down)

    return await each(count, work)


async def monitors(count: int) -> int:
    """A monitor of one process, and its DOWN."""
    watched = erl.spawn(idle)

    async def work() -> None:
        for _ in range(count):
            erl.monitor(watched)
        erl.send(watched, GO)
        for _ in range(count):
            await erl.receive(_is_down)

    return await each(count, work)


async def monitors_back(count: int) -> int:
    """A monitor of one process that lives on, made and taken back."""
    return await _taken_back(count, partial(erl.monitor, erl.spawn(idle)), erl.demonitor)


async def timers_back(count: int) -> int:
    """A timer, made and cancelled."""
    return await _taken_back(count, partial(erl.send_after, _NEVER, erl.self(), GO), erl.cancel_timer)


async def timers(count: int) -> int:
    """A timer that fires, and its message."""

    async def work() -> None:
        for _ in range(count):
            erl.send_after(_SOON, erl.self(), GO)
        for _ in range(count):
            await idle()

    return await each(count, work)


async def aliases(count: int) -> int:
    """An alias, made and taken back."""
    return await _taken_back(count, erl.alias, erl.unalias)


async def names(count: int) -> int:
    """A name of a process: registered, looked up, taken away."""
    pids = [erl.spawn(idle) for _ in range(count)]
    atoms = [Atom(f"name{number}") for number in range(count)]
    found: list[Pid | None] = []

    async def work() -> None:
        for name, pid in zip(atoms, pids, strict=True):
            erl.register(name, pid)
        found.extend(map(erl.whereis, atoms))
        for name in atoms:
            erl.unregister(name)

    taken = await each(count, work)
    _kill(pids)
    if found != pids:
        raise AssertionError("names of others")
    return taken


async def spawned(count: int) -> int:
    """A process that is spawned, and has come to wait for a message."""
    pids: list[Pid] = []

    async def says(to: Pid) -> None:
        erl.send(to, GO)

    async def work() -> None:
        pids.extend(erl.spawn(idle) for _ in range(count))
        # Behind all of them: it runs when they wait.
        erl.spawn(says, erl.self())
        await idle()

    taken = await each(count, work)
    _kill(pids)
    return taken


ASKED = (links, monitors, monitors_back, timers_back, timers, aliases, names, spawned)
