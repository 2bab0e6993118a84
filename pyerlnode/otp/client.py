"""What clients of any behaviour do: call, stop, send a request and wait for it later.

A behaviour's own functions give their name, which stands in what a caller exits with:
`{Reason, {GenServer, call, [Server, Request, 5000]}}`.

Source: gen.erl, gen_server.erl and proc_lib.erl of OTP's stdlib; gen_server.ex.
Proof: tests/otp/test_gen_server_calls.py, test_gen_server_requests.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from pyerlnode.errors import BadArg, Exit, NoProc
from pyerlnode.otp import gen
from pyerlnode.otp.here import call_here
from pyerlnode.otp.results import check_timeout
from pyerlnode.process import Process, Request, node, nodes, this_process
from pyerlnode.process.deadlines import USUAL
from pyerlnode.process.request import NOTHING
from pyerlnode.term import Atom, Pid, Term, equal

if TYPE_CHECKING:
    from pyerlnode.otp.gen import ServerRef

__all__ = [
    "CALL_TIMEOUT",
    "all_nodes",
    "call",
    "check_response",
    "multi_call",
    "receive_response",
    "stop",
    "stopped",
    "wait_response",
]

# How long a call waits that does not say, in seconds.
CALL_TIMEOUT: Final = USUAL

_CALL, _STOP, _SYS, _TERMINATE = Atom("call"), Atom("stop"), Atom("sys"), Atom("terminate")
_OK, _NOPROC, _CALLING_SELF = Atom("ok"), Atom("noproc"), Atom("calling_self")
_REPLY, _ERROR, _TIMEOUT, _NO_REPLY = Atom("reply"), Atom("error"), Atom("timeout"), Atom("no_reply")


# --- call -------------------------------------------------------------------------------


async def call(module: Atom, server: ServerRef, request: Term, timeout: float | None) -> Term:
    """Ask and wait for the reply; Exit with `{Reason, {module, call, [...]}}`.

    BadArg for a timeout that is none, before anything is sent.
    """
    process = this_process()
    if timeout is not None and timeout is not CALL_TIMEOUT:
        check_timeout(timeout)
    if process.inline:
        process.check_may_wait(f"{module.removeprefix('Elixir.')}.call")
    # What a via module raises is not about the call, and passes as it is.
    to = server if type(server) is Pid else gen.where(process.runtime, server)
    try:
        sent: Request | None = call_here(process, to, request, timeout)
        if sent is None:
            sent = gen.ask(process, gen.CALL, to, request)
            if timeout is not None:
                sent.expire_in(timeout)
        try:
            await sent
        except BaseException:
            sent.close()
            raise
        if sent.message is not NOTHING:
            return sent.message[1]
        raise gen.failure(sent, server)
    except Exit as error:
        args = [gen.server_term(server), request, gen.milliseconds(timeout)]
        raise gen.in_call(error, module, _CALL, args) from None


async def multi_call(
    process: Process, name: str, request: Term, asked_nodes: list[Atom], timeout: float | None
) -> tuple[list[tuple[Atom, Term]], list[Atom]]:
    """Call the servers of one name on several nodes: `([(node, reply)], [node without one])`."""
    check_timeout(timeout)
    loop = process.runtime.loop
    deadline = None if timeout is None else loop.time() + timeout
    asked = [(where, _ask_node(process, (Atom(name), where), request)) for where in asked_nodes]
    replies: list[tuple[Atom, Term]] = []
    bad: list[Atom] = []
    try:
        for where, sent in asked:
            left = None if deadline is None else max(0.0, deadline - loop.time())
            try:
                if sent is None:
                    raise NoProc(_NOPROC)
                replies.append((where, await gen.receive_reply(sent, left)))
            except Exit:
                bad.append(where)
    finally:
        for _, sent in asked:
            if sent is not None:
                sent.close()
    return replies, bad


def _ask_node(process: Process, server: tuple[Atom, Atom], request: Term) -> Request | None:
    try:
        return gen.make_call(process, gen.CALL, server, request)
    except Exit:
        return None


def all_nodes(given: Iterable[str] | None) -> list[Atom]:
    """The nodes that are given, else this and all visible ones; BadArg for a single name."""
    if given is None:
        return [node(), *nodes()]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise BadArg(f"nodes: a list of node names is wanted, not {given!r}")
    names = list(given)
    for name in names:
        if not isinstance(name, str):
            raise BadArg(f"nodes: a list of node names is wanted; {name!r} is none")
    return [Atom(name) for name in names]


# --- requests that are waited for later ---------------------------------------------------


async def receive_response(sent: Request, timeout: float | None) -> Term:
    """The reply to a request; Exit with the bare reason."""
    check_timeout(timeout)
    return await gen.receive_reply(_request(sent), timeout)


async def wait_response(sent: Request, timeout: float | None) -> Term:
    """`(reply, value)`, `(error, (reason, server))`, or `timeout`, after which it may be waited for again."""
    check_timeout(timeout)
    try:
        async with asyncio.timeout(timeout):
            await _request(sent)
    except TimeoutError:
        return _TIMEOUT
    return check_response(sent)


def check_response(sent: Request) -> Term:
    """What has come already: as `wait_response`, `no_reply` if nothing has."""
    if _request(sent).message is not NOTHING:
        return (_REPLY, sent.message[1])
    if sent.down_reason is NOTHING:
        return _NO_REPLY
    return (_ERROR, (gen.failure(sent, sent.item).reason, sent.item))


def _request(sent: Request) -> Request:
    if not isinstance(sent, Request):
        raise BadArg(f"what send_request gave is wanted, not {sent!r}")
    return sent


# --- stop ---------------------------------------------------------------------------------


async def stop(
    module: Atom, process: Process, server: ServerRef, reason: Term, timeout: float | None
) -> Atom:
    """Order a server to end, and wait for that; `ok`, or Exit with `{Reason, {module, stop, [...]}}`."""
    check_timeout(timeout)
    to = gen.where(process.runtime, server)
    try:
        return await _stopped(process, to, server, reason, timeout)
    except Exit as error:
        args = [gen.server_term(server), reason, gen.milliseconds(timeout)]
        raise gen.in_call(error, module, _STOP, args) from None


async def stopped(process: Process, server: ServerRef, reason: Term, timeout: float | None) -> Atom:
    """As `stop`; Exit with the bare reason."""
    check_timeout(timeout)
    return await _stopped(process, gen.where(process.runtime, server), server, reason, timeout)


async def _stopped(
    process: Process,
    to: Pid | tuple[Atom, Atom] | None,
    server: ServerRef,
    reason: Term,
    timeout: float | None,
) -> Atom:
    if to is None:
        raise NoProc(_NOPROC)
    if to == process.pid:
        raise Exit(_CALLING_SELF)
    end = Request(process, to, replies=False)
    try:
        until = None if timeout is None else process.runtime.loop.time() + timeout
        await _told_to_end(process, to, reason, timeout)
        await end.wait(None if until is None else max(0.0, until - process.runtime.loop.time()))
    finally:
        end.close()
    if not end.is_down or not equal(end.down_reason, reason):
        raise gen.failure(end, server)
    return _OK


async def _told_to_end(
    process: Process, to: Pid | tuple[Atom, Atom], reason: Term, timeout: float | None
) -> None:
    """`sys:terminate`: who ends before it has heard the order does so for a reason of its own."""
    told = gen.ask(process, gen.SYSTEM, to, (_TERMINATE, reason))
    await told.wait(timeout)
    if told.replied:
        return
    failed = gen.failure(told, to)
    if failed.reason is _NOPROC or failed.reason is _TIMEOUT:
        raise failed
    raise gen.in_call(failed, _SYS, _TERMINATE, [to, reason, gen.milliseconds(timeout)])
