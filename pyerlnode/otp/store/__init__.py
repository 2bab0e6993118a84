"""State that outlives a crash: a store is opened in `init` and holds terms under terms.

    class Counter(GenServer):
        async def init(self):
            self.store = await Store.open("sqlite:////var/lib/shop/state.db")

        @on_call
        async def get(self) -> int:
            return await self.store.get(Atom("count"), 0)

        @on_cast
        async def inc(self) -> None:
            await self.store.update(Atom("count"), lambda count: count + 1, 0)

| URL | Outlives | Needs |
|---|---|---|
| `memory`, `memory://NAME` | the end of a process | nothing |
| `sqlite:///FILE` | the end of the node, and of the machine | nothing |
| `postgresql://USER:PASSWORD@HOST/DATABASE` | the same, for several machines | the extra `postgresql` |

`Durable` is a GenServer that keeps attributes by itself.

Proof: tests/otp/store, interop/test_durable.py.
"""

from pyerlnode.otp.store.base import Store
from pyerlnode.otp.store.durable import Durable

__all__ = ["Durable", "Store"]
