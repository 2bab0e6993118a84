"""The functions of the module Counter, for the class that counts in tutorial.py and in durable.py."""

from __future__ import annotations

from typing import Any

from pyerlnode import Atom, Exit, GenServer, Module

NAME = "Elixir.Counter"


def export(cls: type[GenServer]) -> None:
    """`Counter.start_link/1`, `child_spec/1`, `increment/0` and `get_count/0` for other nodes."""
    counter = Module("Counter")
    counter.export(cls)

    @counter.export
    async def start_link(initial: int) -> Any:
        """In the place of the class's own, which gives no name."""
        try:
            return Atom("ok"), await cls.start_link(initial, name=NAME)
        except Exit as failed:
            return Atom("error"), failed.reason

    @counter.export
    def increment() -> Atom:
        return GenServer.cast(NAME, Atom("inc"))

    @counter.export
    async def get_count() -> Any:
        return await GenServer.call(NAME, Atom("get"))
