"""Calls in a second of other actor libraries: one caller asks one actor to echo.

Each function imports its library, so that whoever lacks it can leave it out.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def pykka(count: int) -> float:
    """A thread for each actor."""
    import pykka

    class Echo(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> Any:
            return message

    actor = Echo.start()
    try:
        return _rate(lambda: actor.ask(1), count)
    finally:
        actor.stop()


def thespian(count: int) -> float:
    """Its simple system: everything in one thread."""
    from thespian.actors import ActorSystem, ActorTypeDispatcher

    class Echo(ActorTypeDispatcher):
        def receiveMsg_int(self, message: int, sender: Any) -> None:
            self.send(sender, message)

    system = ActorSystem("simpleSystemBase")
    try:
        actor = system.createActor(Echo)
        return _rate(lambda: system.ask(actor, 1, 5), count)
    finally:
        system.shutdown()


def actio(count: int) -> float:
    """Two actors that tell each other in turn: it has no ask."""
    from actio import Actor, ActorSystem

    class Echo(Actor):
        async def receive(self, sender: Any, message: Any) -> None:
            self.tell(sender, message)

    class Caller(Actor):
        def __init__(self, done: asyncio.Future[None]) -> None:
            super().__init__()
            self.done = done
            self.left = count

        async def receive(self, sender: Any, message: Any) -> None:
            self.left -= 1
            if self.left:
                self.tell(message, self.actor_ref)
            else:
                self.done.set_result(None)

    return asyncio.run(_actio(ActorSystem, Echo, Caller, count))


async def _actio(system: Any, echo: Any, caller: Any, count: int) -> float:
    actors = system()
    done = asyncio.get_running_loop().create_future()
    asks = actors.create(caller(done), name="caller")
    answers = actors.create(echo(), name="echo")
    started = time.perf_counter()
    actors.tell(asks, answers)
    await asyncio.wait_for(done, 60.0)
    rate = count / (time.perf_counter() - started)
    await actors.shutdown(5.0)
    return rate


def _rate(ask: Callable[[], object], count: int) -> float:
    for _ in range(count // 10):
        ask()
    started = time.perf_counter()
    for _ in range(count):
        ask()
    return count / (time.perf_counter() - started)


ALL = {"pykka": pykka, "thespian": thespian, "actio": actio}
