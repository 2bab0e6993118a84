"""The process that joins partitions: it locks ours and the other's, and lets the servers exchange names.

Two nodes that connect each have one.  Either of them begins: it sets the lock
`{global, [Locker, Locker]}`, both lockers in Erlang's order, on everybody it knows and
on the other node, and says so (`lock_set`).  The other one then locks its own partition
and answers.  While both hold it, the servers exchange names; when they are done, or the
attempt is given up, they say `cancel`, and the lock is given back.

Messages to it, from its own server:

    his_the_locker, cancel, add_to_known, remove_from_known
    {lock_set, Locker, Bool, Known, Tag}    from the other locker; Tag is of our choice, see joining.py
    {lock_set, Locker, false, Known}        the same straight from there: it knows of no attempt

Source: global.erl of OTP's kernel (the_locker_message, select_node, lock_nodes_safely).
Proof: tests/services/test_global_mesh.py, interop/test_global.py.
"""

from __future__ import annotations

import random
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyerlnode.process import receive
from pyerlnode.process import self as own_pid
from pyerlnode.services.global_.locks import boss, del_lock, del_lock_boss_last, set_lock
from pyerlnode.services.global_.tables import GLOBAL
from pyerlnode.term import Atom, Pid, Term, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.services.global_.member import Global
    from pyerlnode.services.global_.tables import LockId

__all__ = ["Him", "Locker"]

_LOCK_SET, _LOCK_IS_SET = Atom("lock_set"), Atom("lock_is_set")

# Seconds before this side begins: nobody is known yet; else per known node, and at most.
_ALONE: Final = 0.2
_FIRST, _PER_NODE, _LONGEST = 1.0, 0.1, 3.0


class Him(NamedTuple):
    """A node that wants to join, and that we want to join."""

    locker: Pid
    my_tag: int
    his_tag: Term

    @property
    def node(self) -> Atom:
        """Where it is."""
        return self.locker.node


class Locker:
    """The locker of one node; `run` is what its process does."""

    def __init__(self, server: Global) -> None:
        self._server = server
        self._tables = server.tables
        self._own = server.runtime.name
        self._waiting: list[Him] = []
        self._known: list[Atom] = []
        self._just_synced = False

    async def run(self) -> None:
        """Join with one node after the other, for ever."""
        while True:
            try:
                message = await receive(timeout=0)
            except TimeoutError:
                patience, self._just_synced = self._patience(), False
                try:
                    message = await receive(timeout=patience)
                except TimeoutError:
                    if not self._tables.is_locked(GLOBAL):
                        await self._begin()
                    continue
            await self._handle(message)

    def _patience(self) -> float | None:
        if not self._waiting:
            return None
        if self._just_synced:
            return 0
        if not self._known:
            return _ALONE
        return min(_FIRST + _PER_NODE * len(self._known), _LONGEST)

    async def _handle(self, message: Any) -> None:
        match message:
            case ("his_the_locker", Him() as him):
                self._waiting.insert(0, him)
            case ("cancel", node, tag, _):
                self._forget(node, tag)
            case ("lock_set", Pid() as locker, True, _, tag):
                await self._answer(locker, tag)
            case _:
                self._learn(message)

    def _learn(self, message: Any) -> None:
        match message:
            case ("add_to_known", nodes):
                self._known = [*nodes, *self._known]
            case ("remove_from_known", node):
                if node in self._known:
                    self._known.remove(node)

    def _forget(self, node: Atom, tag: int | None) -> None:
        self._waiting = [him for him in self._waiting if (him.node, him.my_tag) != (node, tag)]

    def _find(self, node: Atom) -> Him | None:
        return next((him for him in self._waiting if him.node == node), None)

    # --- the other side has begun ---------------------------------------------------------

    async def _answer(self, locker: Pid, tag: int) -> None:
        him = self._find(locker.node)
        if him is None or him.my_tag != tag:
            # He asks for an attempt that is over.  His server would not know the tag.
            self._server.send_if_connected(locker, (_LOCK_SET, own_pid(), False, list(self._known)))
            return
        lock_id = self._lock_id(locker)
        locked = await self._lock_safely(lock_id, [])
        self._say(locker, locked, him.his_tag)
        self._just_synced = locked
        if locked:
            known = [self._own, *self._known]
            self._server.cast_self((_LOCK_IS_SET, him.node, him.my_tag, lock_id))
            await self._wait_until_over(him, lock_id, known)
            self._forget(him.node, him.my_tag)

    # --- this side begins -----------------------------------------------------------------

    async def _begin(self) -> None:
        self._waiting = [him for him in self._waiting if him.node not in self._known]
        same_host = [him for him in self._waiting if _host(him.node) == _host(self._own)]
        candidates = same_host or self._waiting
        if not candidates:
            return
        him = random.choice(candidates)
        lock_id = self._lock_id(him.locker)
        if not await self._lock_safely(lock_id, [him.node]):
            return
        known = [self._own, him.node, *self._known]
        self._say(him.locker, True, him.his_tag)
        if await self._is_set_there(him):
            self._server.cast_self((_LOCK_IS_SET, him.node, him.my_tag, lock_id))
            await self._wait_until_over(him, lock_id, known)
            self._just_synced = True
            self._forget(him.node, him.my_tag)
        else:
            await del_lock_boss_last(lock_id, known)

    async def _is_set_there(self, him: Him) -> bool:
        """Wait for the other locker's answer, or for the end of the attempt."""

        def concerns_him(message: Any) -> bool:
            match message:
                case ("lock_set", Pid() as locker, bool(), _, _) | ("lock_set", Pid() as locker, False, _):
                    return locker.node == him.node
                case ("cancel", node, tag, _):
                    return bool(node == him.node and tag == him.my_tag)
            return False

        while True:
            match await receive(concerns_him):
                case ("lock_set", _, granted, _, tag) if tag == him.my_tag:
                    return bool(granted)
                case ("lock_set", _, False, _):
                    return False
                case ("cancel", _, _, last):
                    if last is not None:
                        last()
                    self._forget(him.node, him.my_tag)
                    return False

    # --- both -----------------------------------------------------------------------------

    async def _wait_until_over(self, him: Him, lock_id: LockId, known: list[Atom]) -> None:
        """Keep the lock until the server says that names are exchanged, or that it gives up."""

        def is_over(message: Any) -> bool:
            match message:
                case ("cancel", node, tag, _):
                    return bool(node == him.node and tag == him.my_tag)
            return False

        _, _, _, last = await receive(is_over)
        if last is not None:
            # Everybody else learns of the new node before anybody can change anything.
            last()
        await del_lock_boss_last(lock_id, known)

    async def _lock_safely(self, lock_id: LockId, extra: Sequence[Atom]) -> bool:
        """Lock this node's partition, the boss first, and `extra`; on all, or on none."""
        first = [self._boss()]
        if first != [self._own] and not self._tables.can_lock(lock_id):
            return False
        if not await self._set(lock_id, first):
            return False
        await self._catch_up()
        second = [node for node in (self._own, *extra) if node not in first]
        if not await self._set(lock_id, second):
            await del_lock(lock_id, first)
            return False
        third = [node for node in self._known if node not in first]
        if not await self._set(lock_id, third):
            await del_lock(lock_id, [*first, *second])
            return False
        return True

    async def _set(self, lock_id: LockId, nodes: Sequence[Atom]) -> bool:
        return await set_lock(self._tables, lock_id, nodes, 0)

    async def _catch_up(self) -> None:
        """Learn what has become known while the lock was asked for."""
        while True:
            try:
                message = await receive(_is_news, timeout=0)
            except TimeoutError:
                return
            self._learn(message)

    def _boss(self) -> Atom:
        return boss([self._own, *self._known])

    def _lock_id(self, locker: Pid) -> LockId:
        return (GLOBAL, sorted([own_pid(), locker], key=cmp_to_key(compare)))

    def _say(self, locker: Pid, locked: bool, his_tag: Term) -> None:
        """Tell the other locker, through its server."""
        self._server.cast(locker.node, (_LOCK_SET, own_pid(), locked, list(self._known), his_tag))


def _is_news(message: Any) -> bool:
    return isinstance(message, tuple) and message[0] in ("add_to_known", "remove_from_known")


def _host(node: Atom) -> str:
    return node.rpartition("@")[2]
