"""Requests and replies: the protocol that every behaviour speaks.

    {'$gen_call', {Pid, [alias | Ref]}, Request}     answered with {[alias | Ref], Reply} to the alias
    {'$gen_cast', Request}
    {system, {Pid, Tag}, Request}                    see sys.py

A caller monitors first, with a reference that is an alias too, then sends: whatever
comes first, the answer or the server's end, ends the wait, and what comes later
reaches nobody.  The tag belongs to the caller and goes back unchanged.

Source: gen.erl and gen_server.erl of OTP's stdlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from pyerlnode.errors import BadArg, CallTimeout, ErlangError, Exit, NodeDown, NoProc, Throw
from pyerlnode.otp import via
from pyerlnode.otp.answering import answer, reply
from pyerlnode.process import Process, Request, this_process
from pyerlnode.process.alias_tag import alias_tag
from pyerlnode.process.request import NOTHING
from pyerlnode.term import Atom, ImproperList, Pid, Term

if TYPE_CHECKING:
    from pyerlnode.process import NameRegistry, Runtime

__all__ = [
    "CALL",
    "CAST",
    "SYSTEM",
    "Caller",
    "ServerRef",
    "answer",
    "ask",
    "call",
    "cast",
    "failure",
    "in_call",
    "is_registry_name",
    "make_call",
    "milliseconds",
    "nobody",
    "receive_reply",
    "registry",
    "reply",
    "server_term",
    "where",
]

# How a server is addressed: a pid, a local name, (name, node), ("global", name) or ("via", module, name).
ServerRef: TypeAlias = Pid | str | tuple[str, Term] | tuple[str, str, Term]
# Who waits for the reply, as it came: (pid, tag).
Caller: TypeAlias = tuple[Pid, Term]

CALL: Final = Atom("$gen_call")
CAST: Final = Atom("$gen_cast")
SYSTEM: Final = Atom("system")

_GLOBAL, _VIA = Atom("global"), Atom("via")
_NOPROC, _NODEDOWN, _NOCONNECTION = Atom("noproc"), Atom("nodedown"), Atom("noconnection")
_TIMEOUT, _INFINITY, _CALLING_SELF = Atom("timeout"), Atom("infinity"), Atom("calling_self")


# --- who is meant ---------------------------------------------------------------------


def is_registry_name(server: object) -> bool:
    """Whether it is `("global", name)` or `("via", module, name)`."""
    if not isinstance(server, tuple):
        return False
    return (len(server) == 2 and server[0] == "global") or (
        len(server) == 3 and server[0] == "via" and isinstance(server[1], str)
    )


def registry(runtime: Runtime, server: tuple[Term, ...]) -> tuple[NameRegistry | None, Term]:
    """Who resolves such a name, None if nobody does, and the name."""
    if len(server) == 2:
        return runtime.name_hooks.get(_GLOBAL), server[1]
    return via.resolver(runtime, Atom(server[1])), server[2]


def where(runtime: Runtime, server: ServerRef) -> Pid | tuple[Atom, Atom] | None:
    """The pid, or name and node, behind `server`; None for a name that nobody has.

    BadArg for what is no address; a via module that cannot resolve a name raises what it likes.
    """
    if isinstance(server, Pid):
        return server
    if isinstance(server, str):
        process = runtime.names.get(server)
        return None if process is None else process.pid
    if is_registry_name(server):
        resolver, name = registry(runtime, server)
        return None if resolver is None else resolver.whereis_name(name)
    if isinstance(server, tuple) and len(server) == 2 and all(isinstance(part, str) for part in server):
        name, node = Atom(server[0]), Atom(server[1])
        if node != runtime.name:
            return (name, node)
        process = runtime.names.get(name)
        return None if process is None else process.pid
    raise BadArg(f"{server!r} is no pid, name, (name, node), (global, name) or (via, module, name)")


def server_term(server: ServerRef) -> Term:
    """`server` as it stands in exit reasons: with atoms where it has plain text."""
    if isinstance(server, str):
        return Atom(server)
    if isinstance(server, tuple) and server[0] in ("global", "via"):
        return (Atom(server[0]), *([Atom(server[1])] if len(server) == 3 else []), server[-1])
    if isinstance(server, tuple):
        return tuple(Atom(part) for part in server)
    return server


# --- asking -----------------------------------------------------------------------------


def milliseconds(timeout: float | None) -> Term:
    """A timeout as it stands in terms: milliseconds, or `infinity`."""
    return _INFINITY if timeout is None else round(timeout * 1000)


async def call(
    process: Process, label: Atom, server: ServerRef, request: Term, timeout: float | None
) -> Term:
    """Ask and wait for the reply; raises Exit with the bare reason (`call` of the behaviour adds who called).

    `noproc`, `{nodedown, Node}`, `timeout`, `calling_self`, or what the server ended with.
    """
    asked = make_call(process, label, server, request)
    await asked.wait(timeout)
    if asked.message is not NOTHING:
        return asked.message[1]
    raise failure(asked, server)


async def receive_reply(asked: Request, timeout: float | None) -> Term:
    """The reply to a request that was sent with `make_call`; Exit as `call`."""
    await asked.wait(timeout)
    if asked.message is not NOTHING:
        return asked.message[1]
    raise failure(asked, asked.item)


def nobody(process: Process) -> ImproperList:
    """The tag of a request whose reply nobody wants."""
    return alias_tag(process.runtime.make_ref())


def make_call(process: Process, label: Atom, server: ServerRef, request: Term) -> Request:
    """Monitor the server and send it the request; wait on what is returned.

    Raises NoProc if the name is nobody's, and Exit for a call to oneself.
    """
    return ask(process, label, server if type(server) is Pid else where(process.runtime, server), request)


def ask(process: Process, label: Atom, to: Pid | tuple[Atom, Atom] | None, request: Term) -> Request:
    """As `make_call`, of who was found by `where`."""
    if to is None:
        raise NoProc(_NOPROC)
    if to == process.pid:
        raise Exit(_CALLING_SELF)
    asked = Request(process, to)
    caller = (process.pid, alias_tag(asked.ref))
    try:
        process.runtime.send(to, (label, caller, request), process)
    except BaseException:
        asked.close()
        raise
    return asked


def failure(asked: Request, server: ServerRef) -> Exit:
    """Why a request was not answered."""
    reason = asked.down_reason
    if reason is NOTHING:
        return CallTimeout(_TIMEOUT)
    if reason is _NOPROC:
        return NoProc(reason)
    if reason is not _NOCONNECTION:
        return Exit(reason)
    if is_registry_name(server):
        # Whoever resolved the name has not noticed yet that the node is gone.
        return NoProc(_NOPROC)
    return NodeDown((_NODEDOWN, asked.node))


def in_call(error: Exit, module: Atom, function: Atom, args: list[Term]) -> Exit:
    """The exit that the caller of a behaviour's function sees: `{Reason, {Module, Function, Args}}`."""
    return type(error)((error.reason, (module, function, args)))


# --- telling ------------------------------------------------------------------------------


def cast(server: ServerRef, request: Term) -> None:
    """Send `{'$gen_cast', Request}`; nothing happens if there is no such server, or nobody who knows."""
    process = this_process()
    try:
        to = where(process.runtime, server)
    except (ErlangError, Exit, Throw):
        if not is_registry_name(server):
            raise
        return
    if to is not None:
        process.runtime.send(to, (CAST, request), process)
