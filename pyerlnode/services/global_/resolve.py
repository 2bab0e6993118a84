"""Two processes with one name: who keeps it when the nodes that know them connect.

The node with the smaller name asks, on the node of the process that it knows, for what
the resolve function of that process says: the pid that keeps the name, or `none`.

Source: global.erl of OTP's kernel (exchange_names, resolve_it, random_exit_name), global(3).
Proof: tests/services/test_global_names.py, interop/test_global.py.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, ErlangError, PyerlnodeError
from pyerlnode.process import KILL, exit, exit_reason, send, this_process
from pyerlnode.services import rpc
from pyerlnode.term import Atom, Export, Fun, Pid, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.services.global_.tables import Tables

__all__ = ["RANDOM_EXIT_NAME", "Resolver", "method", "resolve_conflicts", "resolve_it"]

logger = logging.getLogger("pyerlnode.global")

_GLOBAL, _ARITY = Atom("global"), 3
_CONFLICT, _NONE, _UNDEF, _EXIT = Atom("global_name_conflict"), Atom("none"), Atom("undef"), Atom("EXIT")
_INSERT, _DELETE = Atom("insert"), Atom("delete")
RANDOM_EXIT_NAME: Final = Export(_GLOBAL, Atom("random_exit_name"), _ARITY)

# How a resolve function is given: one of global's by its name, or an exported function of three arguments.
Resolver = str | Export | Fun | tuple[str, str]


# --- the functions of the module global -----------------------------------------------------


def random_exit_name(name: Term, pid: Pid, pid2: Pid) -> Term:
    """One of the two keeps the name, the other one is killed."""
    keeps, loses = _min_max(pid, pid2)
    logger.info("name conflict: %s loses %s and is killed", to_elixir(loses), to_elixir(name))
    exit(loses, KILL)
    return keeps


def random_notify_name(name: Term, pid: Pid, pid2: Pid) -> Term:
    """One of the two keeps the name, the other one is told."""
    keeps, loses = _min_max(pid, pid2)
    send(loses, (_CONFLICT, name))
    return keeps


def notify_all_name(name: Term, pid: Pid, pid2: Pid) -> Term:
    """Nobody keeps the name, both are told of the other."""
    send(pid, (_CONFLICT, name, pid2))
    send(pid2, (_CONFLICT, name, pid))
    return _NONE


def _min_max(pid: Pid, pid2: Pid) -> tuple[Pid, Pid]:
    return (pid, pid2) if pid.node < pid2.node else (pid2, pid)


_OWN: dict[str, Callable[[Term, Pid, Pid], Term]] = {
    "random_exit_name": random_exit_name,
    "random_notify_name": random_notify_name,
    "notify_all_name": notify_all_name,
}


def method(resolve: Resolver) -> Term:
    """A resolve function as other nodes take it; BadArg for what is none."""
    if isinstance(resolve, str):
        if resolve not in _OWN:
            raise BadArg(f"global resolves by {', '.join(_OWN)} or an exported function, not by {resolve!r}")
        return Export(_GLOBAL, Atom(resolve), _ARITY)
    if isinstance(resolve, tuple) and len(resolve) == 2 and all(isinstance(part, str) for part in resolve):
        return Export(Atom(resolve[0]), Atom(resolve[1]), _ARITY)
    if isinstance(resolve, (Export, Fun)) and resolve.arity == _ARITY:
        return resolve
    raise BadArg(f"a resolve function is called with a name and two pids; {resolve!r} is none")


async def resolve_it(how: Term, name: Term, pid: Pid, pid2: Pid) -> Term:
    """What the resolve function `how` says: a pid, `none`, or anything else, which counts as `none`.

    A function that there is none of here, a closure of another node say, is replaced by
    `random_exit_name`.
    """
    own = _own(how)
    if own is not None:
        return own(name, pid, pid2)
    if isinstance(how, Export):
        try:
            result = this_process().runtime.apply_hook(how, [name, pid, pid2])
            return await result if inspect.isawaitable(result) else result
        except ErlangError as error:
            if error.reason != _UNDEF:
                return (_EXIT, exit_reason(error))
        except Exception as error:
            return (_EXIT, exit_reason(error))
    return random_exit_name(name, pid, pid2)


def _own(how: Term) -> Callable[[Term, Pid, Pid], Term] | None:
    if isinstance(how, Export) and how.module == _GLOBAL:
        return _OWN.get(how.function)
    if isinstance(how, Fun) and how.module == _GLOBAL:
        # What register_name passes where its caller names no function; it makes no other fun.
        return random_exit_name
    return None


# --- conflicts with another node --------------------------------------------------------------


async def resolve_conflicts(tables: Tables, node: Atom, names: list[Any]) -> tuple[list[Term], list[Term]]:
    """Compare the names of `node` with ours: what is to be done here, and what there.

    Operations are `{insert, {Name, Pid, Method}}` and `{delete, Name}`.
    """
    here: list[Term] = []
    there: list[Term] = []
    own = this_process().runtime.name
    for entry in names:
        match entry:
            case (name, Pid() as pid, _):
                found = tables.names.get(name)
                if found is None:
                    here.append((_INSERT, entry))
                elif found.pid != pid and own < node:
                    await _conflict(entry, (name, found.pid, found.method), here, there)
    return here, there


async def _conflict(
    his: tuple[Term, Pid, Term], ours: tuple[Term, Pid, Term], here: list[Term], there: list[Term]
) -> None:
    name, pid, _ = his
    _, pid2, how = ours
    try:
        winner = await _ask(pid2.node, how, name, pid, pid2)
    except PyerlnodeError as error:
        logger.info("name conflict: %s: nobody on %s resolves it: %s", to_elixir(name), pid2.node, error)
        winner = pid
    if winner == pid:
        here.append((_INSERT, his))
    elif winner == pid2:
        there.append((_INSERT, ours))
    else:
        if winner != _NONE:
            logger.info("name conflict: %s: the resolve function gave %s", to_elixir(name), winner)
        here.append((_DELETE, name))
        there.append((_DELETE, name))


async def _ask(node: Atom, how: Term, name: Term, pid: Pid, pid2: Pid) -> Term:
    if node == this_process().runtime.name:
        return await resolve_it(how, name, pid, pid2)
    return await rpc.call(node, "global", "resolve_it", [how, name, pid, pid2])
