"""The Counter whose count outlives it, in the store that PYERLNODE_STORE names (default: `memory`).

    PYERLNODE_STORE=sqlite:////var/lib/counter.db pyerlnode run --sname kate@localhost interop/durable.py:app

`Elixir.Counter` answers the call `:get` and takes the cast `:inc`; the module of the same
name has `start_link/1`, `child_spec/1`, `increment/0` and `get_count/0`.  The count is
kept under the atom `Elixir.Counter`, and every step reads and writes it there: a counter
in Elixir may use the same row at the same time.
"""

import os
from typing import Any

from pyerlnode import Application, Atom, GenServer, Module, Pid, Store, Supervisor, on_call, on_cast

NAME = "Elixir.Counter"
KEY = Atom(NAME)
STORE = os.environ.get("PYERLNODE_STORE", "memory")

module = Module("Counter")


class Counter(GenServer, module=NAME):
    async def init(self, initial: int = 0) -> None:
        self.initial = initial
        self.store = await Store.open(STORE)

    @on_call
    async def get(self) -> int:
        count: int = await self.store.get(KEY, self.initial)
        return count

    @on_cast
    async def inc(self) -> None:
        await self.store.update(KEY, lambda count: count + 1, self.initial)


@module.export
async def start_link(initial: int) -> Any:
    return Atom("ok"), await Counter.start_link(initial, name=NAME)


@module.export
def child_spec(initial: Any) -> Any:
    return {Atom("id"): KEY, Atom("start"): (KEY, Atom("start_link"), [initial])}


@module.export
def increment() -> Atom:
    return GenServer.cast(NAME, Atom("inc"))


@module.export
async def get_count() -> Any:
    return await GenServer.call(NAME, Atom("get"))


class Durable(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        counter = (Counter, 0, {"name": NAME})
        name = f"{NAME}.Supervisor"
        return await Supervisor.start_link([counter], strategy="one_for_one", name=name)


async def idle() -> None:
    """Nothing: the module's functions are there for others to start a Counter by."""


app = Durable
