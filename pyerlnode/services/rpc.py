"""Remote procedure calls: `rpc.call` and its kin, and the process `rex`.

The calls are those of `erpc`, which every node since OTP 23 answers, with the results and
errors of Erlang's rpc.  `rex` answers the protocol of before, which C nodes, `erl_call`
and `rpc:block_call` speak:

    {'$gen_call', From, {call, M, F, Args, GroupLeader}}         Result
    {'$gen_call', From, {block_call, M, F, Args, GroupLeader}}   Result, one at a time
    {'$gen_cast', {cast, M, F, Args, GroupLeader}}
    {Pid, {call, M, F, Args, GroupLeader}}                       {rex, Result} to Pid
    {Pid, {sbcast, Name, Message}}                               {rex, Node, Node}
    {Pid, {send, Name, Message}}                                 only if there is no such name
    {Pid, features_request}                                      {features_reply, Node, [erpc]}

Result is what the function returned or threw, or `{badrpc, {'EXIT', Reason}}`.  What can
be called is what the runtime's apply hook knows, everything else is `undef`.  Each
function runs in a process of its own, so that `rex` always answers.

Source: rpc.erl of OTP's kernel.
Proof: tests/services/test_rpc.py.
"""

from __future__ import annotations

import inspect
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, CallTimeout, ErlangError, Exit, NodeDown, TermEncodeError, Throw
from pyerlnode.otp import GenServer, NoReply, gen
from pyerlnode.otp.gen_server import spawn_server
from pyerlnode.process import exit_reason, monitor, send, this_process
from pyerlnode.services import erpc
from pyerlnode.term import Atom, Export, Pid, Reference, Term, equal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyerlnode.node import Node
    from pyerlnode.otp import Caller
    from pyerlnode.process import Runtime

__all__ = [
    "Rex",
    "abcast",
    "async_call",
    "block_call",
    "call",
    "cast",
    "multicall",
    "nb_yield",
    "result",
    "service",
    "yield_",
]

_REX: Final = Atom("rex")
_BADRPC, _EXIT = Atom("badrpc"), Atom("EXIT")
_CALL, _BLOCK_CALL = Atom("call"), Atom("block_call")
_ABCAST, _NOTSUP, _NODEDOWN = Atom("abcast"), Atom("notsup"), Atom("nodedown")
_TIMEOUT, _VALUE = Atom("timeout"), Atom("value")
_FEATURES_REPLY, _FEATURES = Atom("features_reply"), [Atom("erpc")]
_NONEXISTING_NAME = Atom("nonexisting_name")


# --- calling ------------------------------------------------------------------------------


async def call(
    node: str, module: str, function: str, args: Sequence[Term] = (), timeout: float | None = None
) -> Term:
    """Call a function on another node; what it returns, or throws.

    What it prints appears where this process's output does.  ErlangError with the remote
    stack if the function failed, Exit if it exited; NodeDown and CallTimeout as for
    `GenServer.call`.  Whoever wants the tuple `{badrpc, Reason}` calls `result`.
    """
    return _value(await result(node, module, function, args, timeout), node)


async def result(
    node: str, module: str, function: str, args: Sequence[Term] = (), timeout: float | None = None
) -> Term:
    """As `rpc:call/5`: what the function returned or threw, or `(badrpc, reason)`."""
    try:
        return _returned(await erpc.call(node, module, function, args, timeout))
    except BadArg:
        raise  # of the arguments here, not of the function there
    except (Throw, Exit, ErlangError) as error:
        if not _is_erpc(error, _NOTSUP):
            return _badrpc(error)
    # A node of before OTP 23 is asked in the old way.
    return await _ask_rex(_CALL, node, module, function, args, timeout)


async def block_call(
    node: str, module: str, function: str, args: Sequence[Term] = (), timeout: float | None = None
) -> Term:
    """As `call`, one after the other on that node: through its process `rex`, which must be there."""
    return _value(await _ask_rex(_BLOCK_CALL, node, module, function, args, timeout), node)


def cast(node: str, module: str, function: str, args: Sequence[Term] = ()) -> bool:
    """Start a function on another node and do not wait; always True."""
    erpc.cast(node, module, function, args)
    return True


def abcast(nodes: Iterable[str], name: str, message: Term) -> Atom:
    """Send a message to the processes registered as `name` on `nodes`; always `abcast`."""
    for node in nodes:
        send((name, node), message)
    return _ABCAST


async def multicall(
    nodes: Iterable[str], module: str, function: str, args: Sequence[Term] = (), timeout: float | None = None
) -> tuple[list[Term], list[Atom]]:
    """Call a function on all of `nodes` at once: the results, and the nodes that gave none.

    A function that failed is a result, `(badrpc, reason)`; a node that cannot be reached,
    or gave no answer in time, is in the second list.
    """
    asked = [Atom(node) for node in nodes]
    results: list[Term] = []
    bad: list[Atom] = []
    outcomes = await erpc.multicall(asked, module, function, args, timeout)
    for node, (kind, value) in zip(asked, outcomes, strict=True):
        if kind == "error" and type(value) is tuple and value[0] is erpc.ERPC:
            bad.append(node)
        else:
            results.append(_returned(value) if kind == "ok" else _badrpc(_ERRORS[kind](value)))
    return results, bad


def async_call(node: str, module: str, function: str, args: Sequence[Term] = ()) -> erpc.RequestId:
    """Begin a call; `yield_` or `nb_yield` take its result."""
    return erpc.send_request(node, module, function, args)


async def yield_(key: erpc.RequestId) -> Term:
    """Wait for what was begun by `async_call`; as `call`."""
    return _value(await _yielded(key, None), key.node)


async def nb_yield(key: erpc.RequestId, timeout: float = 0.0) -> tuple[Atom, Term] | Atom:
    """`(value, V)` if the result is there within `timeout` seconds, else `timeout`; it may be asked again."""
    await key.wait(timeout)
    if not erpc.check_response(key):
        return _TIMEOUT
    return (_VALUE, await _yielded(key, None))


async def _yielded(key: erpc.RequestId, timeout: float | None) -> Term:
    try:
        return _returned(await erpc.receive_response(key, timeout))
    except (Throw, Exit, ErlangError) as error:
        return _badrpc(error)


async def _ask_rex(
    kind: Atom, node: str, module: str, function: str, args: Sequence[Term], timeout: float | None
) -> Term:
    leader = this_process().group_leader
    request = (kind, Atom(module), Atom(function), list(args), leader)
    try:
        return _returned(await GenServer.call((_REX, node), request, timeout))
    except NodeDown:
        return (_BADRPC, _NODEDOWN)
    except CallTimeout:
        return (_BADRPC, _TIMEOUT)
    except Exit as exited:
        return (_BADRPC, (_EXIT, exited.reason))


def _is_erpc(error: Throw | Exit | ErlangError, reason: Atom) -> bool:
    return isinstance(error, ErlangError) and equal(error.reason, (erpc.ERPC, reason))


def _returned(value: Term) -> Term:
    """What rpc makes of a value: once it was `catch` that told a failure from a value, by this tuple."""
    is_exit = type(value) is tuple and len(value) == 2 and value[0] is _EXIT
    return (_BADRPC, value) if is_exit else value


def _badrpc(error: Throw | Exit | ErlangError) -> Term:
    """What rpc makes of what erpc raised."""
    if isinstance(error, Throw):
        return _returned(error.value)
    match error.reason:
        case ("exception", reason, stack):
            return (_BADRPC, (_EXIT, (reason, stack)))
        case ("exception" | "signal", reason):
            return (_BADRPC, (_EXIT, reason))
        case ("erpc", "noconnection"):
            return (_BADRPC, _NODEDOWN)
        case ("erpc", "timeout"):
            return (_BADRPC, _TIMEOUT)
    return (_BADRPC, (_EXIT, error.reason))


_ERRORS: dict[str, Callable[[Term], Throw | Exit | ErlangError]] = {
    "throw": Throw,
    "exit": Exit,
    "error": ErlangError,
}


def _value(result: Term, node: str) -> Term:
    match result:
        case ("badrpc", ("EXIT", (reason, list() as stack))) if all(type(frame) is tuple for frame in stack):
            raise ErlangError(reason, stack)
        case ("badrpc", ("EXIT", reason)):
            raise Exit(reason)
        case ("badrpc", "nodedown"):
            raise NodeDown((_NODEDOWN, Atom(node)))
        case ("badrpc", "timeout"):
            raise CallTimeout(_TIMEOUT)
        case ("badrpc", reason):
            raise Exit(reason)
    return result


# --- answering ----------------------------------------------------------------------------


class Rex(GenServer, module="rpc"):
    """Starts a process for each call and passes its result on."""

    def init(self) -> None:
        self.runtime: Runtime = this_process().runtime
        # Monitor of a process that runs a function -> what takes its result.
        self.running: dict[Reference, Callable[[Term], None]] = {}
        # Calls that wait for each other; the first one is running.
        self.blocking: deque[tuple[Caller, tuple[Term, ...]]] = deque()

    def __state__(self) -> Term:
        return {Atom("running"): len(self.running), Atom("blocking"): len(self.blocking)}

    def handle_call(self, request: Term, caller: Caller) -> Any:
        match request:
            case ("call", Atom(), Atom(), list(), _):
                self.run(request, lambda result: reply(caller, result))
            case ("block_call", Atom(), Atom(), list(), _):
                self.blocking.append((caller, request))
                if len(self.blocking) == 1:
                    self.run_blocking()
            case _:
                reply(caller, (_BADRPC, (Atom("unknown_request"), request)))
        return NoReply()

    def handle_cast(self, request: Term) -> Any:
        match request:
            case ("cast", Atom(), Atom(), list(), _):
                self.run(request, None)
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        match message:
            case ("DOWN", Reference() as ref, "process", _, reason):
                self.ended(ref, reason)
            case (Pid() as sender, "features_request"):
                send(sender, (_FEATURES_REPLY, self.runtime.name, _FEATURES))
            case (Pid() as sender, ("call", Atom(), Atom(), list(), _) as request):
                self.run(request, lambda result: send_result(sender, result))
            case (Pid() as sender, ("sbcast", Atom() as name, text)):
                send(sender, (_REX, self.runtime.name, self.deliver(name, text) or self.runtime.name))
            case (Pid() as sender, ("send", Atom() as name, text)):
                missing = self.deliver(name, (sender, text))
                if missing is not None:
                    send(sender, (_REX, self.runtime.name, missing))
        return NoReply()

    def deliver(self, name: Atom, message: Term) -> Term | None:
        """Send to a local name; None, or what is answered if nobody has it."""
        process = self.runtime.registered_process(name)
        if process is None:
            return (_NONEXISTING_NAME, name)
        process.put(message)
        return None

    def run(self, request: tuple[Term, ...], take: Callable[[Term], None] | None) -> None:
        """Run the function of a request in a new process; `take` is called with the result."""
        _, module, function, args, leader = request
        process = self.runtime.new_process(leader if isinstance(leader, Pid) else None)
        process.begin(self.apply(module, function, args))
        if take is not None:
            self.running[monitor(process.pid)] = take

    async def apply(self, module: Atom, function: Atom, args: list[Term]) -> None:
        """What runs in that process; like a BEAM's, it answers by what it exits with."""
        try:
            result = self.runtime.apply_hook(Export(module, function, len(args)), args)
            if inspect.isawaitable(result):
                result = await result
        except Throw as thrown:
            result = thrown.value
        except Exception as error:
            result = (_BADRPC, (_EXIT, exit_reason(error)))
        raise Exit(_Result(result))

    def ended(self, ref: Reference, reason: Term) -> None:
        """A process that ran a function has ended."""
        take = self.running.pop(ref, None)
        if take is not None:
            take(reason.value if type(reason) is _Result else (_BADRPC, (_EXIT, reason)))

    def run_blocking(self) -> None:
        """Run the call that has waited longest."""
        caller, request = self.blocking[0]

        def take(result: Term) -> None:
            self.blocking.popleft()
            reply(caller, result)
            if self.blocking:
                self.run_blocking()

        self.run(request, take)


class _Result:
    """The exit reason of a process that has a result; it is seen by nobody but `rex`."""

    __slots__ = ("value",)

    def __init__(self, value: Term) -> None:
        self.value = value


def reply(caller: Caller, result: Term) -> None:
    """Answer a call; a result that has no term becomes the failure to send it.

    Nothing is sent for what is no caller: `rex` outlives whatever it is asked.
    """
    try:
        gen.answer(this_process(), caller, result)
    except TermEncodeError as error:
        gen.answer(this_process(), caller, (_BADRPC, (_EXIT, exit_reason(error))))


def send_result(to: Pid, result: Term) -> None:
    """As `reply`, in the form without a gen call."""
    try:
        send(to, (_REX, result))
    except TermEncodeError as error:
        send(to, (_REX, (_BADRPC, (_EXIT, exit_reason(error)))))


def service(node: Node) -> None:
    """Start `rex` on `node`."""
    spawn_server(node.runtime, Rex, name="rex")
