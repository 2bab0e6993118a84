"""What all supervisors have in common: the process, starting a child and stopping one.

A supervisor is a gen_server that traps exits.  While it waits for a child to start or to
end, its other messages wait too, in order, as in OTP; nothing else of the node does.

    await begin_child(process, start)       call the start function: `("ok", pid)` and so on
    await shut_down(process, pid, 5000)     exit signal, wait, kill: why the process ended

Source: supervisor.erl and gen_server.erl of OTP's stdlib; dynamic_supervisor.ex.
Proof: tests/otp/test_supervisor_*.py, tests/otp/test_dynamic_supervisor.py.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pyerlnode.errors import Exit, TermEncodeError, Throw
from pyerlnode.otp import gen, proc_lib, reports, sys
from pyerlnode.otp.debug import IN, NOREPLY, OUT
from pyerlnode.otp.readable import readable
from pyerlnode.otp.results import Failure, Ignore, Stop
from pyerlnode.otp.supervisor import reports as supervisor_reports
from pyerlnode.otp.supervisor import stand_ins
from pyerlnode.otp.supervisor.child import BRUTAL_KILL, PERMANENT, UNDEFINED, SpecError
from pyerlnode.otp.suspending import Suspendable
from pyerlnode.process import Request, error_reason, exit, exit_reason, stacktrace
from pyerlnode.process.links import Links
from pyerlnode.process.process import CANCELLED, EXIT, KILL, KILLED, NOPROC, NORMAL
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from pyerlnode.otp.debug import Debug
    from pyerlnode.otp.proc_lib import StartName
    from pyerlnode.otp.supervisor.child import Child, Start
    from pyerlnode.process import Process

    Pending = Coroutine[Any, Any, None] | None

__all__ = [
    "UNHANDLED",
    "Raised",
    "Supervising",
    "as_reply",
    "begin_child",
    "counted",
    "ended_as_told",
    "raised_reason",
    "shut_down",
    "shut_down_all",
    "start_result",
]

OK: Final = Atom("ok")
ERROR: Final = Atom("error")
SHUTDOWN: Final = Atom("shutdown")
TRY_AGAIN: Final = Atom("try_again_restart")
_FUNCTION_CLAUSE, _NOCATCH = Atom("function_clause"), Atom("nocatch")
_UNLINKED = Atom("child_process_unlinked")
_GEN_SERVER, _DATA = Atom("gen_server"), Atom("data")

# A request that the supervisor has no clause for.
UNHANDLED: Any = object()


# --- one child ----------------------------------------------------------------------------


class Raised(Exception):
    """A start function raised: the class, `error`, `exit` or `throw`, and the term."""

    def __init__(self, kind: str, reason: Term, stack: list[Term]) -> None:
        super().__init__(kind, reason)
        self.kind, self.reason, self.stack = kind, reason, stack


async def begin_child(
    process: Process, start: Start, before: Sequence[Term] = (), after: Sequence[Term] = ()
) -> Term:
    """Call what starts a child, in the supervisor itself, with more arguments before and after its own.

    What it returned, in OTP's form; Raised if it raised.  A Python function returns a pid
    or None, and raises Exit where it did not start.
    """
    try:
        result = start.call(process.runtime, before, after)
        if inspect.isawaitable(result):
            result = await result
    except Exit as error:
        if start.function is not None:
            return (ERROR, error.reason)
        raise Raised("exit", exit_reason(error), []) from None
    except Throw as error:
        raise Raised("throw", error.value, stacktrace(error)) from None
    except asyncio.CancelledError:
        if not process.alive:
            raise
        raise Raised("exit", CANCELLED, []) from None
    except Exception as error:
        raise Raised("error", error_reason(error), stacktrace(error)) from None
    if start.function is not None:
        if result is None:
            return proc_lib.IGNORE
        if isinstance(result, Pid):
            return (OK, result)
    return result


async def shut_down(process: Process, pid: Pid, shutdown: Term) -> Term:
    """End a child as its specification says: an exit signal, the time that it has, `kill`; why it ended."""
    return (await shut_down_all(process, {pid: shutdown}))[pid]


async def shut_down_all(process: Process, children: Mapping[Pid, Term]) -> dict[Pid, Term]:
    """End children at the same time, each with a shutdown time of its own; why each of them ended."""
    stand_in = {pid: stand_ins.of_child(process, pid) for pid in children}
    endings = {pid: Request(process, stand_in[pid], replies=False) for pid in children}
    timers: list[asyncio.TimerHandle] = []
    try:
        for pid, shutdown in children.items():
            if shutdown == BRUTAL_KILL:
                exit(pid, KILL)
            else:
                exit(stand_in[pid], SHUTDOWN)
            if type(shutdown) is int and not endings[pid].is_down:
                timers.append(process.runtime.loop.call_later(shutdown / 1000, exit, pid, KILL))
        for ending in endings.values():
            await ending.wait(None)
    finally:
        for timer in timers:
            timer.cancel()
        for ending in endings.values():
            ending.close()
    reasons = {}
    for pid, ending in endings.items():
        reasons[pid] = _unlink_and_flush(process, stand_in[pid], ending.down_reason)
        stand_ins.forget(process, stand_in[pid])
    return reasons


def _unlink_and_flush(process: Process, pid: Pid, reason: Term) -> Term:
    """Why it ended, without its exit message: a child that was dead before only that knows of."""
    Links.of(process).unlink(pid)
    found: list[Term] = []

    def is_exit(message: Term) -> bool:
        if type(message) is not tuple or len(message) != 3 or message[0] is not EXIT or message[1] != pid:
            return False
        found.append(message[2])
        return True

    if process.mailbox is not None:
        process.mailbox.remove(is_exit)
    if reason is not NOPROC:
        return reason
    return found[0] if found else _UNLINKED


def ended_as_told(reason: Term, child: Child) -> bool:
    """Whether a child that was shut down with this reason did what was wanted."""
    if child.shutdown == BRUTAL_KILL:
        if reason is KILLED:
            return True
    elif reason == SHUTDOWN:
        return True
    return child.restart != PERMANENT and (reason is NORMAL or reports.is_quiet(reason))


# --- the process --------------------------------------------------------------------------


class Supervising(Suspendable):
    """The `Behaviour` of a supervisor; what kind it is, is in its subclasses."""

    __slots__ = ("_init", "clock", "debug", "module", "parent", "started_as")
    system_module: Atom = _GEN_SERVER

    def __init__(
        self,
        init: Callable[[], Any],
        module: Atom,
        name: StartName | None,
        parent: Pid | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self._init = init
        self.module = module
        self.started_as = name
        self.parent = parent or Pid("nonode@nohost", 0, 0, 0)  # until it runs: without a parent it is its own
        self.clock = clock
        self.process: Process
        self.debug: Debug | None = None

    # --- what subclasses provide ----------------------------------------------------------

    async def begin(self, result: Any) -> None:
        """Start what `init` returned; SpecError, or Exit with the reason of a failed start."""
        raise TypeError(f"{type(self).__name__} cannot start")

    def changed(self, result: Any) -> None:
        """Take what `init` of another version of the code gives; SpecError as `begin`."""
        raise self.bad_return(result)

    def answer(self, request: Term) -> Any:
        """The reply to a call, or a coroutine for it; UNHANDLED if there is none."""
        return UNHANDLED

    def told(self, request: Term) -> Any:
        """A cast; as `answer`, and what it returns means nothing."""
        return UNHANDLED

    async def child_ended(self, pid: Pid, reason: Term) -> bool:
        """An exit signal of a process came; False if the supervisor is to end."""
        return True

    async def stop_children(self) -> None:
        """The supervisor ends: end all children."""

    def state(self) -> Term:
        """What `sys:get_state` shows: OTP's record, Elixir's struct."""
        return []

    def info(self, message: Term) -> Pending:
        """Any other message."""
        supervisor_reports.stray(self.process, self.name, message)
        return None

    # --- starting ---------------------------------------------------------------------------

    @property
    def name(self) -> Term:
        """As reports have it: `{local, Name}`, `{global, Name}`, `{via, Module, Name}` or `{Pid, Module}`."""
        if self.started_as is None:
            return (self.process.pid, self.module)
        if isinstance(self.started_as, str):
            return (Atom("local"), Atom(self.started_as))
        return gen.server_term(self.started_as)

    def start(self, process: Process) -> Pending:
        """Trap exits, then start the children that `init` gives."""
        self.process = process
        if self.parent.id == 0:
            self.parent = process.pid
        process.trap_exit = True
        return self._start()

    async def _start(self) -> None:
        result = await self._call_init()
        if result is Ignore or isinstance(result, Ignore) or (isinstance(result, str) and result == "ignore"):
            proc_lib.init_fail(self.process, proc_lib.IGNORE)
            raise Exit(NORMAL)
        if isinstance(result, (Stop, Failure)):
            self._not_started(result.reason)
        try:
            await self.begin(result)
        except SpecError as error:
            self._not_started(error.reason)
        except Exit as error:
            self._not_started(error.reason)
        proc_lib.init_ack(self.process, (OK, self.process.pid))

    async def _call_init(self) -> Any:
        try:
            result = await self._initial()
        except Throw as thrown:
            return thrown.value
        except Exception as error:
            self._not_started(exit_reason(error), None if isinstance(error, Exit) else error)
        return result

    async def _initial(self) -> Any:
        result = self._init()
        return await result if inspect.isawaitable(result) else result

    def bad_return(self, result: Any) -> SpecError:
        """What a supervisor fails with whose `init` returned nonsense."""
        return SpecError((Atom("bad_return"), (self.module, Atom("init"), readable(result))))

    def _not_started(self, reason: Term, error: BaseException | None = None) -> NoReturn:
        if not reports.is_quiet(reason):
            reports.init_failed(self.process, self.module, reason, error)
        proc_lib.init_fail(self.process, (ERROR, reason))
        raise Exit(reason)

    # --- messages ---------------------------------------------------------------------------

    def message(self, message: Term) -> Pending:
        """Handle one message."""
        tag = message[0] if type(message) is tuple and len(message) in (2, 3) else None
        if tag is gen.SYSTEM and len(message) == 3:
            return sys.handle(self, message)
        if tag is EXIT and len(message) == 3 and message[1] == self.parent:
            return self._end(message[2], message)
        if self._held is not None:
            self._held.append(message)
            return None
        if self.debug is not None:
            self.debug.record((IN, message))
        if tag is gen.CALL and len(message) == 3:
            return self._reply(message, self.answer(message[2]))
        if tag is gen.CAST and len(message) == 2:
            done = self.told(message[1])
            return self._no_clause("handle_cast", message) if done is UNHANDLED else self._settled(done)
        if tag is EXIT and len(message) == 3:
            return self._exited(message)
        return self.info(message)

    def _reply(self, message: tuple[Term, gen.Caller, Term], reply: Any) -> Pending:
        if reply is UNHANDLED:
            return self._no_clause("handle_call", message)
        if inspect.isawaitable(reply):
            return self._reply_later(message[1], reply)
        self._send_reply(message[1], reply)
        return None

    async def _reply_later(self, caller: gen.Caller, reply: Awaitable[Term]) -> None:
        self._send_reply(caller, await reply)

    def _send_reply(self, caller: gen.Caller, reply: Term) -> None:
        try:
            gen.answer(self.process, caller, reply)
        except TermEncodeError:
            gen.answer(self.process, caller, readable(reply))
        if self.debug is not None:
            self.debug.record((OUT, readable(reply), caller, self.system_get_state()))

    def _settled(self, done: Any) -> Pending:
        return self.go_on(done) if inspect.isawaitable(done) else None

    async def go_on(self, goes_on: Awaitable[bool]) -> None:
        """Wait whether a supervisor goes on, and end it if not."""
        if not await goes_on:
            await self._end(SHUTDOWN)
        if self.debug is not None:
            self.debug.record((NOREPLY, self.system_get_state()))

    def _exited(self, message: tuple[Term, Pid, Term]) -> Pending:
        return self.go_on(self.child_ended(stand_ins.forget(self.process, message[1]), message[2]))

    def again(self, message: Term) -> None:
        """Send `message` to oneself: other requests get their turn before the next attempt to restart."""
        self.process.put(message)

    def _no_clause(self, function: str, message: Term) -> Coroutine[Any, Any, None]:
        call = message[0] is gen.CALL
        args = [readable(message[2]), message[1]] if call else [readable(message[1])]
        frame: Term = (Atom("supervisor"), Atom(function), [*args, self.system_get_state()], [])
        return self._end((_FUNCTION_CLAUSE, [frame]), message)

    # --- the end ----------------------------------------------------------------------------

    async def _end(self, reason: Term, message: Term = None) -> None:
        """End the children, then with `reason`."""
        self.system_resume()  # exits of children that came while it was suspended tell why they ended
        await self.stop_children()
        if not reports.is_quiet(reason):
            call = type(message) is tuple and message[0] is gen.CALL and type(message[1]) is tuple
            client = message[1][0] if call and message[1] else None
            reports.terminated(
                self.process,
                reason,
                last_message=message,
                state=self.system_get_state(),
                client=client if isinstance(client, Pid) else None,
                error=None,
            )
        raise Exit(reason)

    # --- sys --------------------------------------------------------------------------------

    def system_get_state(self) -> Term:
        return readable(self.state())

    def system_replace_state(self, state: Term) -> Term:
        shown = self.system_get_state()
        if state != shown:
            raise ValueError("a supervisor's state cannot be replaced")
        return shown

    def system_status(self) -> list[Term]:
        name = self.process.name or f"<0.{self.process.pid.id}.{self.process.pid.serial}>"
        status = Atom("suspended" if self.suspended else "running")
        logged = self.debug.events() if self.debug is not None else []
        about = [("Status", status), ("Parent", self.parent), ("Logged events", logged)]
        return [
            (Atom("header"), charlist(f"Status for generic server {name}")),
            (_DATA, [(charlist(key), value) for key, value in about]),
            (_DATA, [(charlist("State"), self.system_get_state())]),
            # Without it supervisor:get_callback_module takes the state for OTP's own record.
            (Atom("supervisor"), [(charlist("Callback"), self.module)]),
        ]

    async def system_code_change(self, module: Term, old_version: Term, extra: Term) -> Any:
        result = await self._initial()
        if result is Ignore or isinstance(result, Ignore):
            return None
        try:
            self.changed(result)
        except SpecError as error:
            return error.reason
        return None

    def system_terminate(self, reason: Term) -> Pending:
        return self._end(reason)


def raised_reason(raised: Raised) -> Term:
    """Why a start failed that raised, as a process that ends so would say."""
    if raised.kind == "exit":
        return raised.reason
    reason = (_NOCATCH, raised.reason) if raised.kind == "throw" else raised.reason
    return (reason, raised.stack)


def start_result(result: Term) -> Term:
    """What a start function returned: `{ok, Pid}`, `{ok, Pid, Info}`, `ignore`, else `{error, Reason}`."""
    if isinstance(result, str) and result == proc_lib.IGNORE:
        return proc_lib.IGNORE
    if type(result) is tuple:
        match result:
            case ("ok", Pid()) | ("ok", Pid(), _) | ("error", _):
                return result
    return (ERROR, result)


def as_reply(result: Term) -> Term:
    """A start result as it is answered: `undefined` where there is no process."""
    return (OK, UNDEFINED) if result[1] is None else result


def counted(specs: int, active: int, supervisors: int, workers: int) -> list[Term]:
    """The answer to `count_children`, in OTP's order."""
    return [
        (Atom("specs"), specs),
        (Atom("active"), active),
        (Atom("supervisors"), supervisors),
        (Atom("workers"), workers),
    ]
