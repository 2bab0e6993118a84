"""GenStatem: a state machine; a class is a machine, an instance is its data.

    class Door(GenStatem):
        def init(self, code: bytes) -> NextState:
            self.code = code
            return NextState("locked")

        def locked(self, event, content):              # the state `locked` is the method `locked`
            match event, content:
                case ("call", caller), ("button", code) if code == self.code:
                    return NextState("open", ReplyTo(caller, True), StateTimeout(10, "lock"))
                case ("call", caller), ("button", _):
                    return KeepState(ReplyTo(caller, False))

        def open(self, event, content):
            match event:
                case "state_timeout":
                    return NextState("locked")
                case "call", _:
                    return KeepState(Postpone())

    pid = await Door.start_link(b"1234", name="door")
    assert await GenStatem.call(pid, (Atom("button"), b"1234"))

`event` is `("call", caller)`, `cast`, `info`, `internal`, `timeout`, `state_timeout` or
`("timeout", name)`.  What a callback returns stands in `statem_results.py`; None is
`KeepState()`.

Two modes, as in OTP: a method for each state, or, in a class that has it, `handle_event`
for all of them, where a state may be any term.  `callback_mode` says it explicitly, and
`callback_mode = ["state_functions", "state_enter"]` asks for calls with the event `enter`
and the state before.

Callbacks are `def` or `async def`, as those of a GenServer.  Erlang's `gen_statem:call`
and `cast` work on it from everywhere, and the functions below on Erlang's machines.

Source: gen_statem(3), gen_statem.erl of OTP's stdlib (27).
Proof: tests/otp/test_gen_statem_*.py, interop/test_gen_statem.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyerlnode.errors import BadArg, UsageError
from pyerlnode.otp import client, enter_loop, gen, proc_lib
from pyerlnode.otp.gen_server import check_options, class_meant, started
from pyerlnode.otp.results import atom
from pyerlnode.otp.statem.modes import Mode, check_callback_mode
from pyerlnode.otp.statem.results import NextState
from pyerlnode.otp.statem.server import StatemServer
from pyerlnode.process import this_process
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Sequence
    from typing import NoReturn

    from pyerlnode.otp.gen import Caller, ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult
    from pyerlnode.process import Request
    from pyerlnode.term import Pid, Reference, Term

__all__ = ["GenStatem"]

_GEN_STATEM: Final = Atom("gen_statem")
_INIT, _OK = Atom("init"), Atom("ok")


class GenStatem:
    """Derive from it; see the module's description.

    `class Door(GenStatem, module="door")` says which module the machine is of, as other
    nodes see it; without it that is the class's name.
    """

    __slots__ = ("__weakref__",)

    __module_name__: ClassVar[str] = "GenStatem"
    callback_mode: ClassVar[str | Sequence[str]] = ()
    """`state_functions` or `handle_event_function` (default: that if the class has `handle_event`),
    and `state_enter`."""

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hidden = sorted(_CLIENT_FUNCTIONS & vars(cls).keys())
        if hidden:
            raise UsageError(
                f"{cls.__name__}.{hidden[0]} would hide GenStatem.{hidden[0]}; give the state another name"
            )
        check_callback_mode(cls, cls.callback_mode)
        cls.__module_name__ = module or cls.__name__

    @classmethod
    def __mode__(cls) -> Mode:
        mode: Mode | None = cls.__dict__.get("__known_mode__")
        if mode is None:
            mode = Mode(cls, GenStatem)
            cls.__known_mode__ = mode  # type: ignore[attr-defined]  # kept with the class, for as long as it lives
        return mode

    # --- callbacks --------------------------------------------------------------------

    def init(self, *args: Any) -> Any:
        """Called with the arguments of `start_link`, in the new process.

        Returns `NextState(state, actions...)`, or `Ignore`, `Stop(reason)`, `Failure(reason)`.
        """
        raise UsageError(f"{type(self).__name__} has no init, which returns the first state")

    def handle_event(self, event: Term, content: Term, state: Term) -> Any:
        """An event in any state, of a class without a method for each state."""

    def terminate(self, reason: Term, state: Term) -> Any:
        """Called before the machine ends by itself, by its parent or by `GenStatem.stop`; may be async."""

    def code_change(self, old_version: Term, state: Term, extra: Term) -> Any:
        """`sys:change_code` of a suspended machine; None, `NextState(state)`, or `Failure(reason)`."""

    def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
        """What crash reports and `sys:get_status` show.

        The keys are state, data, postponed, timeouts, log; in a report reason and queue too.
        """
        return status

    # --- starting ---------------------------------------------------------------------

    @classmethod
    async def start_link(
        cls, *args: Any, name: StartName | None = None, timeout: float | None = None, **options: Any
    ) -> Pid | None:
        """Start a machine, linked to the caller, and wait for its `init`; see `GenServer.start_link`."""
        pid: Pid | None = started(
            await start_machine(cls, args, link=True, name=name, timeout=timeout, **options)
        )
        return pid

    @classmethod
    async def start(
        cls, *args: Any, name: StartName | None = None, timeout: float | None = None, **options: Any
    ) -> Pid | None:
        """As `start_link`, without a link."""
        pid: Pid | None = started(await start_machine(cls, args, name=name, timeout=timeout, **options))
        return pid

    @classmethod
    async def start_monitor(
        cls, *args: Any, name: StartName | None = None, timeout: float | None = None, **options: Any
    ) -> tuple[Pid, Reference] | None:
        """As `start`, monitored by the caller from the start; pid and reference."""
        result: tuple[Pid, Reference] | None = started(
            await start_machine(cls, args, watch=True, name=name, timeout=timeout, **options)
        )
        return result

    @staticmethod
    async def enter_loop(
        machine: GenStatem, first: NextState, *, name: StartName | None = None, debug: Sequence[Any] = ()
    ) -> NoReturn:
        """Let the calling process become this machine; see `GenServer.enter_loop`."""
        process = this_process()
        process.check_may_wait("GenStatem.enter_loop")
        if not isinstance(first, NextState):
            raise BadArg(f"enter_loop takes NextState(state, actions...), not {first!r}")
        parent = enter_loop.parent_of(process)
        enter_loop.check_registered(process, name)
        server = StatemServer(type(machine), machine.__mode__(), (), parent, tuple(debug))
        await enter_loop.serve(process, server, lambda: server.enter(process, machine, first))

    # --- what clients call --------------------------------------------------------------

    @staticmethod
    def call(server: ServerRef, request: Term, timeout: float | None = None) -> Awaitable[Term]:
        """Ask and wait for the reply, at most `timeout` seconds (None: for ever, as in Erlang).

        Raises Exit `{Reason, {gen_statem, call, [Server, Request, Milliseconds]}}`, as `GenServer.call`.
        """
        this_process().check_may_wait("GenStatem.call")
        return client.call(_GEN_STATEM, server, request, timeout)

    @staticmethod
    def cast(server: ServerRef, event: Term) -> Atom:
        """Send an event that is not answered; always `ok`, whether there is such a machine or not."""
        gen.cast(server, event)
        return _OK

    @staticmethod
    def reply(caller: Caller, value: Term) -> Atom:
        """Answer a call, from any process; in a callback `ReplyTo(caller, value)` does the same."""
        gen.reply(this_process(), caller, value)
        return _OK

    @staticmethod
    def stop(
        server: ServerRef, reason: Term = "normal", timeout: float | None = None
    ) -> Coroutine[Any, Any, Atom]:
        """Order the machine to end with `reason`, after its `terminate`, and wait for that; `ok`.

        Exit with the bare reason where there is none, it takes too long, or it ended with another one.
        """
        process = this_process()
        process.check_may_wait("GenStatem.stop")
        return client.stopped(process, server, atom(reason), timeout)

    @staticmethod
    def send_request(server: ServerRef, request: Term) -> Request:
        """Send a call without waiting; the reply is taken by `receive_response`."""
        return gen.make_call(this_process(), gen.CALL, server, request)

    @staticmethod
    async def receive_response(sent: Request, timeout: float | None = None) -> Term:
        """The reply to `send_request`; Exit with the bare reason.  See `GenServer.receive_response`."""
        return await client.receive_response(sent, timeout)


_CLIENT_FUNCTIONS = frozenset(
    {
        "call",
        "cast",
        "enter_loop",
        "receive_response",
        "reply",
        "send_request",
        "start",
        "start_link",
        "start_monitor",
        "stop",
    }
)


async def start_machine(
    cls: type[GenStatem],
    args: tuple[Any, ...],
    *,
    link: bool = False,
    watch: bool = False,
    name: StartName | None = None,
    timeout: float | None = None,
    **options: Any,
) -> StartResult:
    """Start a machine of `cls`: `("ok", pid)`, `"ignore"` or `("error", reason)`, which supervisors go by."""
    debug = check_options(options)
    cls, args = class_meant(GenStatem, cls, args)
    mode = cls.__mode__()
    server = StatemServer(cls, mode, args, proc_lib.parent_of_new(this_process()) if link else None, debug)
    return await proc_lib.start(
        server,
        initial_call=(mode.module, _INIT, 1),
        link=link,
        watch=watch,
        name=name,
        timeout=timeout,
        max_mailbox=options.get("max_mailbox"),
    )
