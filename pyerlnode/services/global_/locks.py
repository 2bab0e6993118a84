"""Locks and changes that all nodes agree on: who asks for them, and how often.

A lock is set on a list of nodes, on all or on none: who is refused by one gives back
what the others granted, sleeps a random while and tries again.  So that two who want
the same do not refuse each other for ever, the greatest node, the boss, is asked first.

Everything here runs in the process that wants the lock: its server monitors that one.

Source: global.erl of OTP's kernel (set_lock, trans_all_known, set_lock_known), global(3).
Proof: tests/services/test_global_names.py, interop/test_global.py.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.otp import GenServer
from pyerlnode.process import receive, this_process
from pyerlnode.services.global_.tables import GLOBAL
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pyerlnode.services.global_.tables import LockId, Tables

__all__ = ["NAME", "Registrar", "boss", "del_lock", "del_lock_boss_last", "multi_call_connected", "set_lock"]

NAME: Final = Atom("global_name_server")
_SET_LOCK, _DEL_LOCK, _GET_KNOWN = Atom("set_lock"), Atom("del_lock"), Atom("get_known")

# Seconds that somebody who was refused sleeps at most, doubled with every refusal up to the second.
_FIRST_SLEEP, _LONGEST_SLEEP = 0.125, 8.0
_DOUBLED = 5


async def multi_call(nodes: Sequence[Atom], request: Term) -> list[tuple[Atom, Term]]:
    """Ask `global` on all of `nodes` at once, connecting where it must; the replies that came."""
    replies, _ = await GenServer.multi_call(NAME, request, nodes)
    return replies


async def multi_call_connected(nodes: Sequence[Atom], request: Term) -> list[tuple[Atom, Term]]:
    """The same for nodes that are locked already: who is not connected has given the lock up itself.

    Without this a node that stands still would be connected to in vain, over and over.
    """
    runtime = this_process().runtime
    distribution = runtime.distribution
    there = [
        node
        for node in nodes
        if node == runtime.name or (distribution is not None and distribution.is_connected(node))
    ]
    return await multi_call(there, request)


def boss(nodes: Sequence[Atom]) -> Atom:
    """Who is asked first for a lock, and gives it back last."""
    return max(nodes)


async def set_lock(
    tables: Tables, lock_id: LockId, nodes: Sequence[Atom], retries: int | None = None
) -> bool:
    """Lock on all of `nodes`; retries without end if None.  Whether it is locked."""
    times = 1
    while nodes:
        if await _set_on_nodes(tables, lock_id, nodes):
            return True
        if retries == 0:
            return False
        await random_sleep(times)
        times += 1
        retries = None if retries is None else retries - 1
    return True


async def del_lock(lock_id: LockId, nodes: Sequence[Atom]) -> None:
    """Give a lock back."""
    await multi_call_connected(nodes, (_DEL_LOCK, lock_id))


async def del_lock_boss_last(lock_id: LockId, nodes: Sequence[Atom]) -> None:
    """Give a lock back in the opposite order."""
    first = boss(nodes)
    await del_lock(lock_id, [node for node in nodes if node != first])
    await del_lock(lock_id, [first])


async def _set_on_nodes(tables: Tables, lock_id: LockId, nodes: Sequence[Atom]) -> bool:
    own = this_process().runtime.name
    # Whoever is going to be refused here does not bother the others.
    if len(nodes) > 1 and own in nodes and not tables.can_lock(lock_id):
        return False
    replies = await multi_call(nodes, (_SET_LOCK, lock_id))
    if all(granted is True for _, granted in replies):
        return True
    if len(replies) > 1:
        await del_lock(lock_id, [node for node, granted in replies if granted is True])
    return False


async def random_sleep(times: int) -> None:
    """Let others go first, the longer the more often this was refused."""
    longest = _LONGEST_SLEEP if times > _DOUBLED else _FIRST_SLEEP * 2**times
    await asyncio.sleep(random.uniform(0.001, longest))


class Registrar:
    """The process that changes names: one change of this node after the other."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def run(self) -> None:
        """Take `{'$gen_call', Caller, Change}`; the reply is `(True, result)` or `(False, exception)`."""
        while True:
            match await receive():
                case ("$gen_call", caller, change):
                    try:
                        outcome: Any = (True, await self._with_all_known(change))
                    except Exception as error:
                        outcome = (False, error)
                    GenServer.reply(caller, outcome)

    async def _with_all_known(self, change: Callable[[Sequence[Atom]], Awaitable[Any]]) -> Any:
        """Run `change(nodes)` while all known nodes are locked."""
        lock_id = (GLOBAL, this_process().pid)
        nodes = await self._lock_known(lock_id)
        try:
            return await change(nodes)
        finally:
            await del_lock_boss_last(lock_id, nodes)

    async def _lock_known(self, lock_id: LockId) -> list[Atom]:
        own, times = this_process().runtime.name, 0
        while True:
            known = await _known()
            nodes = [own, *known]
            first = [boss(nodes)]
            if await _set_on_nodes(self._tables, lock_id, first):
                left = {own, *await _known()}
                nodes = [node for node in nodes if node in left]
                if first[0] in left and await _set_on_nodes(self._tables, lock_id, nodes):
                    # A node that became known meanwhile is not locked.
                    if set(await _known()) <= set(known):
                        return nodes
                    first = nodes
                await del_lock_boss_last(lock_id, first)
            await random_sleep(times)
            times += 1


async def _known() -> list[Atom]:
    known = await GenServer.call(NAME, _GET_KNOWN, None)
    assert isinstance(known, list)
    return known
