"""Calls of functions on other nodes, with exceptions, exits and throws told apart.

    total = await erpc.call("alex@localhost", "lists", "sum", [[1, 2, 3]])
    erpc.cast("alex@localhost", "Elixir.Chat", "receive_message", ["hi"])
    replies = await erpc.multicall(nodes, "erlang", "system_info", [Atom("otp_release")], timeout=5.0)
    value = await eval_elixir("alex@localhost", "Enum.map(1..3, & &1 * 2)")

The function runs in a process of its own on the other node, with the caller's group
leader, and answers by that process's exit reason: nothing passes through a mailbox.

What the caller sees is what an Erlang caller sees:

| the function | raised here |
| --- | --- |
| throws V | `Throw(V)` |
| exits with R | `Exit(("exception", R))` |
| fails with R | `ErlangError(("exception", R, Stack))`, `.stack` is Stack |
| its process is killed by R | `Exit(("signal", R))` |
| no answer in time, no way to the node | `ErlangError(("erpc", "timeout"))`, `("erpc", "noconnection")` |

Source: erpc.erl of OTP's kernel.
Proof: tests/services/test_erpc.py, interop/test_rpc.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import BadArg, ErlangError, Exit, Throw
from pyerlnode.process import Suspension, this_process
from pyerlnode.process.spawning import Options, parse_options, request
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

    from pyerlnode.process import Process

__all__ = [
    "RequestId",
    "call",
    "cast",
    "check_response",
    "eval_elixir",
    "eval_erlang",
    "multicall",
    "multicast",
    "receive_response",
    "send_request",
]

EXCEPTION, ERPC, SIGNAL = Atom("exception"), Atom("erpc"), Atom("signal")
TIMEOUT, NOCONNECTION = Atom("timeout"), Atom("noconnection")
_OK, _THROW, _EXIT, _ERROR = Atom("ok"), Atom("throw"), Atom("exit"), Atom("error")
_EXECUTE_CALL = (ERPC, Atom("execute_call"))
_EXECUTE_CAST = (ERPC, Atom("execute_cast"))
_NOTHING: Any = object()

CALL: Final[Options] = parse_options(["monitor", ("reply", "error_only")])
CAST: Final[Options] = parse_options([("reply", "no")])

# ("ok", value), ("throw", value), ("exit", reason) or ("error", reason): one of `multicall`.
Outcome: TypeAlias = tuple[Atom, Term]


class RequestId(Suspension):
    """A call that is under way; `receive_response` waits for it."""

    __slots__ = ("_key", "_process", "_spawning", "_timed_out", "node", "outcome")

    def __init__(self, process: Process, node: str, module: str, function: str, args: Sequence[Term]) -> None:
        super().__init__()
        self.node = Atom(node)
        self.outcome: Term = _NOTHING
        self._timed_out = False
        self._process = process
        self._key = process.runtime.make_ref()
        given = [self._key, Atom(module), Atom(function), list(args)]
        self._spawning = request(process, node, _EXECUTE_CALL, given, CALL, spawner=self, waiter=self)

    def spawned(self, pid: Pid) -> None:
        """The function runs."""

    def failed(self, reason: Atom) -> None:
        """It could not be started."""
        self._finish((self._key, _ERROR, (ERPC, reason)))

    def down(self, reason: Term) -> None:
        """Its process has ended, which is the answer."""
        self._finish(reason)

    def _finish(self, outcome: Term) -> None:
        if self.outcome is _NOTHING:
            self.outcome = outcome
            self.wake()

    def ready(self) -> bool:
        return self.outcome is not _NOTHING or self._timed_out

    def time_out(self) -> None:
        self._timed_out = True
        self.wake()

    async def wait(self, timeout: float | None) -> None:
        """Wait for the answer, at most `timeout` seconds."""
        self._timed_out = False
        self._process.check_may_wait("a remote call")
        timer: asyncio.TimerHandle | None = None
        if timeout is not None:
            timer = self._process.runtime.call_later(timeout, self.time_out)
        try:
            await self
        finally:
            if timer is not None:
                timer.cancel()

    def abandon(self) -> None:
        """Nobody waits any more; the function runs on."""
        self._spawning.abandon()
        if self._process.monitors is not None:
            self._process.monitors.unwatch(self._spawning.ref)

    def result(self) -> Term:
        """What the function returned; raises what it did else."""
        match self.outcome:
            case (ref, "return", value) if ref == self._key:
                return value
            case (ref, "throw", value) if ref == self._key:
                raise Throw(value)
            case (ref, "exit", reason) if ref == self._key:
                raise Exit((EXCEPTION, reason))
            case (ref, "error", reason, list() as stack) if ref == self._key:
                raise ErlangError((EXCEPTION, reason, stack), stack)
            case (ref, "error", (Atom() as erpc, reason)) if ref == self._key and erpc is ERPC:
                raise ErlangError((ERPC, reason), [])
            case Atom() as reason if reason is NOCONNECTION:
                raise ErlangError((ERPC, NOCONNECTION), [])
        raise Exit((SIGNAL, self.outcome))


async def call(
    node: str, module: str, function: str, args: Sequence[Term] = (), timeout: float | None = None
) -> Term:
    """Call a function on `node`, waiting at most `timeout` seconds (None: for ever).

    After a timeout the function runs on and its result reaches nobody.
    """
    sent = send_request(node, module, function, args)
    try:
        return await receive_response(sent, timeout)
    finally:
        sent.abandon()


def cast(node: str, module: str, function: str, args: Sequence[Term] = ()) -> Atom:
    """Start a function on `node` and do not wait; always `ok`."""
    given = [Atom(module), Atom(function), _list(args)]
    request(this_process(), node, _EXECUTE_CAST, given, CAST)
    return _OK


async def multicall(
    nodes: Iterable[str], module: str, function: str, args: Sequence[Term] = (), timeout: float | None = None
) -> list[Outcome]:
    """Call a function on all of `nodes` at once; an outcome for each, in their order.

    `("ok", value)`, `("throw", value)`, `("exit", reason)` or `("error", reason)`, with the
    reasons of `call`.
    """
    loop = this_process().runtime.loop
    deadline = None if timeout is None else loop.time() + timeout
    sent = [send_request(node, module, function, args) for node in nodes]
    outcomes = []
    try:
        for each in sent:
            left = None if deadline is None else max(0.0, deadline - loop.time())
            outcomes.append(await _outcome(each, left))
    finally:
        for each in sent:
            each.abandon()
    return outcomes


async def _outcome(sent: RequestId, timeout: float | None) -> Outcome:
    try:
        return (_OK, await receive_response(sent, timeout))
    except Throw as thrown:
        return (_THROW, thrown.value)
    except Exit as exited:
        return (_EXIT, exited.reason)
    except ErlangError as failed:
        return (_ERROR, failed.reason)


def multicast(nodes: Iterable[str], module: str, function: str, args: Sequence[Term] = ()) -> Atom:
    """As `cast`, on all of `nodes`."""
    for node in nodes:
        cast(node, module, function, args)
    return _OK


def send_request(node: str, module: str, function: str, args: Sequence[Term] = ()) -> RequestId:
    """Begin a call, without waiting; in `def` callbacks, too."""
    return RequestId(this_process(), node, module, function, _list(args))


async def receive_response(sent: RequestId, timeout: float | None = None) -> Term:
    """The result of a request, as that of `call`; it is given up after a timeout."""
    await sent.wait(timeout)
    if sent.outcome is _NOTHING:
        sent.abandon()
        raise ErlangError((ERPC, TIMEOUT), [])
    return sent.result()


def check_response(sent: RequestId) -> bool:
    """Whether the result of a request is there, so that `receive_response` would not wait."""
    return sent.outcome is not _NOTHING


def _list(args: Sequence[Term]) -> list[Term]:
    if isinstance(args, (str, bytes)):
        raise BadArg(f"the arguments of a call are a list, not {args!r}")
    return list(args)


# --- source text --------------------------------------------------------------------------


async def eval_elixir(
    node: str, source: str, binding: Mapping[str, Term] | None = None, timeout: float | None = None
) -> Term:
    """Let an Elixir node evaluate source text, in which `binding` are variables; the last value.

    ErlangError as `call` where it fails, with the exception that Elixir raised, also for
    text that does not parse.
    """
    variables = [(Atom(name), value) for name, value in (binding or {}).items()]
    args = [source.encode(), variables]
    result = await call(node, "Elixir.Code", "eval_string", args, timeout)
    return result[0] if isinstance(result, tuple) else result


async def eval_erlang(
    node: str, source: str, binding: Mapping[str, Term] | None = None, timeout: float | None = None
) -> Term:
    """Let a BEAM evaluate Erlang expressions (the final dot may be left out); the last value.

    BadArg for text that does not parse, else ErlangError, Exit and Throw as `call`.
    """
    expressions = await parsed(node, source, timeout)
    variables = [(Atom(name), value) for name, value in (binding or {}).items()]
    result = await call(node, "erl_eval", "exprs", [expressions, variables], timeout)
    return result[1] if isinstance(result, tuple) else result


async def parsed(node: str, source: str, timeout: float | None = None) -> Term:
    """Erlang expressions as `erl_eval` takes them, parsed by a BEAM; errors as `eval_erlang`."""
    text = source.rstrip()
    tokens = await call(
        node, "erl_scan", "string", [charlist(text if text.endswith(".") else f"{text}.")], timeout
    )
    return _parsed(source, await call(node, "erl_parse", "parse_exprs", [_parsed(source, tokens)], timeout))


def _parsed(source: str, result: Term) -> Term:
    match result:
        case ("ok", value, *_):
            return value
    raise BadArg(f"no Erlang expressions: {source[:200]!r}: {result!r}"[:1000])
