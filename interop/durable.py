"""The Counter whose count outlives it, in the store that PYERLNODE_STORE names (default: `memory`).

    PYERLNODE_STORE=sqlite:////var/lib/counter.db pyerlnode run --sname kate@localhost interop/durable.py:app

`Elixir.Counter` answers the call `:get` and takes the cast `:inc`; the module of the same
name has `start_link/1`, `child_spec/1`, `increment/0` and `get_count/0`.  The count is
kept under the atom `Elixir.Counter`, and every step reads and writes it there: a counter
in Elixir may use the same row at the same time.
"""

import os
from typing import Any

import counting

from pyerlnode import Application, Atom, GenServer, Pid, Store, Supervisor, on_call, on_cast

KEY = Atom(counting.NAME)
STORE = os.environ.get("PYERLNODE_STORE", "memory")


class Counter(GenServer, module=counting.NAME):
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


counting.export(Counter)


class Durable(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        counter = (Counter, 0, {"name": counting.NAME})
        name = f"{counting.NAME}.Supervisor"
        return await Supervisor.start_link([counter], strategy="one_for_one", name=name)


async def idle() -> None:
    """Nothing: the module's functions are there for others to start a Counter by."""


app = Durable
