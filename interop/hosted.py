"""What the interop tests call: a Counter with everything that they ask of it."""

import asyncio
from typing import Any

import pyerlnode as erl
from pyerlnode import Application, Atom, GenServer, Pid, Reply, Stop, on_call, on_cast


class Counter(GenServer):
    def init(self, initial: int = 0) -> None:
        self.count = initial

    @on_call
    def get(self) -> int:
        return self.count

    @on_call
    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @on_call
    def echo(self, value: Any) -> Any:
        return value

    @on_call
    async def late(self, ms: int, value: Any) -> Any:
        await asyncio.sleep(ms / 1000)
        return value

    @on_call
    def crash(self) -> None:
        raise RuntimeError("on purpose")

    @on_call("stop")
    def stop_now(self, reason: Any) -> Any:
        return Stop(reason)

    @on_call
    def spawn(self) -> Any:
        return Reply((Atom("ok"), erl.spawn(erl.receive)))

    @on_call
    async def server(self) -> Any:
        return (Atom("ok"), await Counter.start(0))

    @on_cast
    def inc(self) -> None:
        self.count += 1


class Tables(GenServer):
    """Sizes of the runtime's tables, to see what grows."""

    @on_call
    def sizes(self) -> Any:
        runtime = erl.this_process().runtime
        counter = runtime.registered_process("Elixir.Counter")
        watched = len(counter.monitors.watched_by) if counter is not None and counter.monitors else 0
        links = len(counter.links.active()) if counter is not None and counter.links else 0
        return [len(runtime.aliases), len(runtime.timers), len(runtime.processes()), watched, links]


class Hosted(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        # Not linked: the node outlives what the tests do to them.
        await Counter.start(0, name="Elixir.Counter")
        await Tables.start(name="tables")
        return None


app = Hosted
