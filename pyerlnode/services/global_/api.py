"""What processes of this node ask of `global`: names, locks, waiting for other nodes.

Source: global(3).
Proof: tests/services/test_global_names.py, interop/test_global.py.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import BadArg, Exit, NoProc
from pyerlnode.otp import GenServer, gen
from pyerlnode.process import node as own_node
from pyerlnode.process import nodes as visible_nodes
from pyerlnode.process import send as send_message
from pyerlnode.process import this_process
from pyerlnode.services.global_ import locks
from pyerlnode.services.global_.locks import NAME, multi_call_connected
from pyerlnode.services.global_.resolve import method as resolve_method
from pyerlnode.services.global_.tables import GLOBAL
from pyerlnode.term import Atom, Pid, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from pyerlnode.services.global_.member import Global
    from pyerlnode.services.global_.resolve import Resolver
    from pyerlnode.services.global_.tables import LockId, Tables

__all__ = [
    "GlobalNames",
    "del_lock",
    "disconnect",
    "re_register_name",
    "register_name",
    "registered_names",
    "send",
    "set_lock",
    "sync",
    "trans",
    "unregister_name",
    "whereis_name",
]

logger = logging.getLogger("pyerlnode.global")

_BADARG, _ABORTED, _NOPROC = Atom("badarg"), Atom("aborted"), Atom("noproc")
_REGISTER, _UNREGISTER, _SYNC = Atom("register"), Atom("unregister"), Atom("sync")
_DISCONNECT = Atom("disconnect")

RANDOM_EXIT_NAME = "random_exit_name"


# --- names --------------------------------------------------------------------------------


async def register_name(name: Term, pid: Pid, resolve: Resolver = RANDOM_EXIT_NAME) -> bool:
    """Give a process of any node a name; False if the name is taken, or the process has one.

    `resolve` says who keeps the name when nodes connect that both have it: `random_exit_name`
    (one process keeps it, the other is killed), `random_notify_name` (the other is sent
    `(global_name_conflict, name)`), `notify_all_name` (nobody keeps it, both are sent
    `(global_name_conflict, name, other_pid)`), or an exported function of a name and two pids
    that returns one of them, or `none`.
    """
    return await _register(_member(), name, pid, resolve)


async def re_register_name(name: Term, pid: Pid, resolve: Resolver = RANDOM_EXIT_NAME) -> bool:
    """Give a process a name, whoever has it now; always True."""
    _check_pid(pid)
    method = resolve_method(resolve)

    async def change(nodes: Sequence[Atom]) -> bool:
        await multi_call_connected(nodes, (_REGISTER, name, pid, method))
        return True

    return bool(await _transaction(_member(), change))


async def unregister_name(name: Term) -> None:
    """Take a name away, if anybody has it."""
    await _unregister(_member(), name)


def whereis_name(name: Term) -> Pid | None:
    """Who has the name."""
    return _member().tables.where(name)


def registered_names() -> list[Term]:
    """All names."""
    return list(_member().tables.names)


def send(name: Term, message: Term) -> Pid:
    """Send to the process with this name; its pid.  Exit `{badarg, {Name, Message}}` if there is none."""
    pid = whereis_name(name)
    if pid is None:
        raise Exit((_BADARG, (name, message)))
    send_message(pid, message)
    return pid


async def _register(member: Global, name: Term, pid: Pid, resolve: Resolver) -> bool:
    _check_pid(pid)
    method = resolve_method(resolve)
    tables = member.tables

    async def change(nodes: Sequence[Atom]) -> bool:
        if tables.where(name) is not None or _has_another_name(tables, name, pid):
            return False
        await multi_call_connected(nodes, (_REGISTER, name, pid, method))
        return True

    return bool(await _transaction(member, change))


async def _unregister(member: Global, name: Term) -> None:
    async def change(nodes: Sequence[Atom]) -> None:
        await multi_call_connected(nodes, (_UNREGISTER, name))

    if member.tables.where(name) is not None:
        await _transaction(member, change)


def _has_another_name(tables: Tables, name: Term, pid: Pid) -> bool:
    names = tables.names_of(pid)
    if names:
        listed = ", ".join(map(to_elixir, [name, *names]))
        logger.error("%s registered under several names: %s", to_elixir(pid), listed)
    return bool(names)


def _check_pid(pid: Pid) -> None:
    if not isinstance(pid, Pid):
        raise BadArg(f"a pid gets a name, not {pid!r}")


async def _transaction(member: Global, change: Callable[[Sequence[Atom]], Awaitable[Any]]) -> Any:
    """Let the registrar run `change` while all known nodes are locked."""
    done, result = await gen.call(this_process(), gen.CALL, member.registrar.pid, change, None)
    if not done:
        raise result
    return result


# --- locks --------------------------------------------------------------------------------


async def set_lock(lock_id: LockId, nodes: Iterable[str] | None = None, retries: int | None = None) -> bool:
    """Lock `(resource, requester)` for the calling process, on all of `nodes` or on none.

    Whether it is locked; tries for ever, at growing intervals, unless `retries` is given.
    Default: this node and all visible ones.  Requesters that are the same share a lock; it is
    given back by `del_lock`, and by the end of the process.
    """
    return await locks.set_lock(_member().tables, _lock_id(lock_id), _nodes(nodes), _retries(retries))


async def del_lock(lock_id: LockId, nodes: Iterable[str] | None = None) -> bool:
    """Give the calling process's lock back; True, whether it had it or not."""
    _member()
    await locks.del_lock(_lock_id(lock_id), _nodes(nodes))
    return True


async def trans(
    lock_id: LockId,
    function: Callable[[], Any],
    nodes: Iterable[str] | None = None,
    retries: int | None = None,
) -> Any:
    """Call `function`, plain or async, while the lock is set; what it returns, or `aborted`."""
    # The nodes that it is set on are those that it is given back on.
    where = _nodes(nodes)
    if not await set_lock(lock_id, where, retries):
        return _ABORTED
    try:
        result = function()
        return await result if inspect.isawaitable(result) else result
    finally:
        await del_lock(lock_id, where)


def _lock_id(lock_id: LockId) -> LockId:
    if not isinstance(lock_id, tuple) or len(lock_id) != 2:
        raise BadArg(f"a lock is (resource, requester), not {lock_id!r}")
    return lock_id


def _nodes(nodes: Iterable[str] | None) -> list[Atom]:
    if isinstance(nodes, str):
        raise BadArg(f"a list of node names is wanted, not {nodes!r}")
    return [own_node(), *visible_nodes()] if nodes is None else [Atom(node) for node in nodes]


def _retries(retries: int | None) -> int | None:
    if retries is not None and (not isinstance(retries, int) or retries < 0):
        raise BadArg(f"a number of retries or None is wanted, not {retries!r}")
    return retries


# --- nodes --------------------------------------------------------------------------------


async def sync(nodes: Iterable[str] | None = None) -> None:
    """Wait until this node has the same names as `nodes` (default: all visible ones), or they are gone."""
    _member()
    wanted = [node for node in _nodes(nodes) if node != own_node()]
    await GenServer.call(NAME, (_SYNC, wanted), None)


async def disconnect() -> list[Atom]:
    """Leave the cluster without being taken for a partition of it; the nodes that were connected."""
    _member()
    left = await GenServer.call(NAME, _DISCONNECT, None)
    assert isinstance(left, list)
    return left


# --- who answers --------------------------------------------------------------------------


class GlobalNames:
    """What resolves `("global", name)`: a `NameRegistry`."""

    def __init__(self, member: Global) -> None:
        self.member = member

    async def register_name(self, name: Term, pid: Pid) -> bool:
        """Whether `pid` has the name now."""
        return await _register(self.member, name, pid, RANDOM_EXIT_NAME)

    async def unregister_name(self, name: Term) -> None:
        """Take the name away."""
        await _unregister(self.member, name)

    def whereis_name(self, name: Term) -> Pid | None:
        """Who has the name."""
        return self.member.tables.where(name)


def _member() -> Global:
    names = this_process().runtime.name_hooks.get(GLOBAL)
    if not isinstance(names, GlobalNames) or not names.member.process.alive:
        raise NoProc((_NOPROC, (GLOBAL, NAME)))
    return names.member
