"""GenServer: a class is a server, an instance is its state.

    class Counter(GenServer):
        def init(self, initial: int = 0) -> None:
            self.count = initial

        @on_call                                   # GenServer.call(pid, :get): what is returned is the reply
        def get(self) -> int:
            return self.count

        @on_call                                   # GenServer.call(pid, {:add, 3})
        def add(self, n: int) -> int:
            self.count += n
            return self.count

        @on_cast                                   # GenServer.cast(pid, :inc)
        def inc(self) -> None:
            self.count += 1

    pid = await Counter.start_link(0, name="Elixir.Counter")
    assert await GenServer.call(pid, (Atom("add"), 3)) == 3

Two styles, side by side in one class if need be:

* Marked methods (`on_call`, `on_cast`, `on_info`) are named like the request.  Their
  annotations convert and check (`conversion.py`).  A keyword-only parameter `caller` is
  what `GenServer.reply` takes, for a method that returns `NoReply()`.
* `handle_call(request, caller)`, `handle_cast(request)`, `handle_info(message)` get what
  no marked method takes, whole, and return `Reply`, `NoReply` or `Stop`; anything else
  ends the server with `bad_return_value`, as in OTP.

A request whose name is known and whose arguments do not fit goes to `handle_call` if
the class has one; else it ends the server with `function_clause`, as a missing clause
does in Elixir.  So does a call or a cast of a name that nobody knows; a class that
handles no calls at all, or no casts, ends with Elixir's RuntimeError.  Any other message
that nobody knows is logged and dropped.

Callbacks are `def` or `async def`.  A `def` callback must not wait: calls, `receive`
and `start_link` in it are a UsageError.  One server runs one callback at a time.

Source: gen_server(3), gen_server.erl; GenServer of Elixir.
Proof: tests/otp/test_gen_server_*.py.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyerlnode.errors import BadArg, ErlangError, Exit, UsageError
from pyerlnode.otp import client, enter_loop, gen, proc_lib
from pyerlnode.otp.client import CALL_TIMEOUT
from pyerlnode.otp.dispatch import handlers_of
from pyerlnode.otp.here import cast, start_here
from pyerlnode.otp.readable import readable
from pyerlnode.otp.results import atom, check_timeout
from pyerlnode.otp.server import Server
from pyerlnode.otp.supervisor.newest import newest
from pyerlnode.process import Request, current_process, this_process
from pyerlnode.process.bounded import check_max_mailbox
from pyerlnode.process.portal import OtherThread, forwarded
from pyerlnode.process.reasons import name_code
from pyerlnode.term import Atom, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable
    from typing import NoReturn

    from pyerlnode.otp.dispatch import Handlers
    from pyerlnode.otp.gen import Caller, ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult
    from pyerlnode.process import Request, Runtime

__all__ = ["GenServer"]

_GEN_SERVER: Final = Atom("Elixir.GenServer")
_OPTIONS: Final = ("debug", "hibernate_after", "max_mailbox")
_OK, _ABCAST, _UNDEF = Atom("ok"), Atom("abcast"), Atom("undef")


class GenServer:
    """Derive from it; see the module's description.

    `class Counter(GenServer, module="Elixir.Counter")` says which module the server is
    of, as other nodes see it (`$initial_call`, the stack of a crash); without it that is
    the class's name.
    """

    __slots__ = ("__weakref__",)

    __module_name__: ClassVar[str] = "GenServer"

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hidden = sorted(_CLIENT_FUNCTIONS & vars(cls).keys())
        if hidden:
            name = hidden[0]
            raise UsageError(
                f"{cls.__name__}.{name} would hide GenServer.{name}; "
                f'give the method another name and mark it with the request: @on_call("{name}")'
            )
        cls.__module_name__ = module or cls.__name__
        if module is not None:
            _name_functions(cls, Atom(module))

    @classmethod
    def __server_handlers__(cls) -> Handlers:
        return handlers_of(cls, GenServer)

    # --- callbacks --------------------------------------------------------------------

    def init(self, *args: Any) -> Any:
        """Called with the arguments of `start_link`, in the new process.

        Returns None, `NoReply(timeout=...)`, `Continue(arg)` or `Hibernate` when the server
        has started, else `Ignore`, `Stop(reason)` or `Failure(reason)`.
        """

    def handle_call(self, request: Term, caller: Caller) -> Any:
        """A call; returns `Reply`, `NoReply`, `Stop(reason, reply)` or `Stop(reason)`."""
        raise _unhandled("call", "handle_call/3")

    def handle_cast(self, request: Term) -> Any:
        """A cast; returns `NoReply`, `Continue` or `Stop(reason)`."""
        raise _unhandled("cast", "handle_cast/2")

    def handle_info(self, message: Term) -> Any:
        """Any other message, as `handle_cast`; `timeout` when the time of a result is over."""

    def handle_continue(self, arg: Term) -> Any:
        """After a result with `Continue(arg)`, before the next message; as `handle_cast`."""
        # Elixir has no default for it either.
        frame: Term = (Atom(self.__module_name__), Atom("handle_continue"), [readable(arg)], [])
        raise ErlangError(_UNDEF, [frame])

    def terminate(self, reason: Term) -> Any:
        """Called before the server ends by itself, by its parent or by `GenServer.stop`; may be async.

        Not called when it is killed, nor when an exit signal ends it that it does not trap.
        """

    def code_change(self, old_version: Term, extra: Term) -> Any:
        """`sys:change_code` of a suspended server; None, or `Failure(reason)` to refuse."""

    def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
        """What crash reports and `sys:get_status` show: the keys state, message, reason, log."""
        return status

    # --- starting ---------------------------------------------------------------------

    @classmethod
    async def start_link(
        cls, *args: Any, name: StartName | None = None, timeout: float | None = None, **options: Any
    ) -> Pid | None:
        """Start a server, linked to the caller, and wait for its `init(*args)`; its pid.

        `Counter.start_link(0)`, or as in Elixir `GenServer.start_link(Counter, 0)`.
        None if `init` returned `Ignore`.  Raises Exit with OTP's reason if it did not
        start: `(already_started, pid)`, `timeout` (seconds, counted from the call; the
        process is killed), `(bad_return_value, value)`, or what `init` ended with.

        Further options: `debug`, what `sys` does from the start (`["trace", ("log", 20), "statistics"]`),
        `max_mailbox`, how many messages it takes and what becomes of more (`1000`, `(1000, "drop_old")`),
        and `hibernate_after`, which is taken and has no effect: there is nothing to compact.
        """
        return await cls._start(args, True, name, timeout, options)

    @classmethod
    async def start(
        cls, *args: Any, name: StartName | None = None, timeout: float | None = None, **options: Any
    ) -> Pid | None:
        """As `start_link`, without a link."""
        return await cls._start(args, False, name, timeout, options)

    @classmethod
    async def _start(
        cls,
        args: tuple[Any, ...],
        link: bool,
        name: StartName | None,
        timeout: float | None,
        options: dict[str, Any],
    ) -> Pid | None:
        """In the turn of who starts it where nothing speaks against that, else by a process that waits."""
        pid: Pid | None
        if name is None and timeout is None and not options and cls is not GenServer:
            here = start_here(cls, args, link)
            if isinstance(here, Pid):
                return here
            if here is not None:
                pid = started(await proc_lib.outcome(here, link=link))
                return pid
        pid = started(await start_server(cls, args, link=link, name=name, timeout=timeout, **options))
        return pid

    @classmethod
    async def start_monitor(
        cls, *args: Any, name: StartName | None = None, timeout: float | None = None, **options: Any
    ) -> tuple[Pid, Reference] | None:
        """As `start`, monitored by the caller from the start; pid and reference."""
        result: tuple[Pid, Reference] | None = started(
            await start_server(cls, args, watch=True, name=name, timeout=timeout, **options)
        )
        return result

    @staticmethod
    async def enter_loop(
        server: GenServer,
        first: Any = None,
        *,
        name: StartName | None = None,
        debug: Iterable[Any] = (),
    ) -> NoReturn:
        """Let the calling process, which proc_lib has started, become this server; it never returns.

        `server` is the instance, whose `init` is not called; `first` what `init` could have
        returned to go on: `NoReply(timeout=...)`, `Continue(arg)`.  The parent is the first of
        `$ancestors`.  Exit `process_was_not_started_by_proc_lib`, and where the process is not
        registered as `name`, `process_not_registered` or its like.
        """
        process = this_process()
        process.check_may_wait("GenServer.enter_loop")
        parent = enter_loop.parent_of(process)
        enter_loop.check_registered(process, name)
        handlers = handlers_of(type(server), GenServer)
        behaviour = Server(type(server), handlers, (), parent, tuple(debug))
        await enter_loop.serve(process, behaviour, lambda: behaviour.enter(process, server, first))

    # --- what clients call --------------------------------------------------------------

    @staticmethod
    def call(server: ServerRef, request: Term, timeout: float | None = CALL_TIMEOUT) -> Awaitable[Term]:
        """Ask and wait for the reply, at most `timeout` seconds (None: for ever).

        `server` is a pid, a local name, `(name, node)`, `("global", name)` or
        `("via", module, name)`.  Raises Exit with the reason that an Elixir caller exits with,
        `{Reason, {GenServer, call, [Server, Request, Milliseconds]}}`: NoProc, NodeDown,
        CallTimeout (a late reply reaches nobody), or what the server ended with.
        UsageError, at once, in a `def` callback, which cannot wait.
        """
        process = current_process.get()
        if process is not None and process.inline:
            process.check_may_wait("GenServer.call")
        return client.call(_GEN_SERVER, server, request, timeout)

    cast = staticmethod(cast)

    @staticmethod
    def reply(caller: Caller, value: Term) -> Atom:
        """Answer a call that a callback left open with `NoReply`; from any process, also after that."""
        try:
            process = this_process()
        except OtherThread as here:
            return here.call(GenServer.reply, caller, value)
        gen.reply(process, caller, value)
        return _OK

    @staticmethod
    @forwarded
    def stop(
        server: ServerRef, reason: Term = "normal", timeout: float | None = None
    ) -> Coroutine[Any, Any, Atom]:
        """Order the server to end with `reason`, after its `terminate`, and wait for that; `ok`.

        Exit `{Reason, {GenServer, stop, [...]}}` where there is none, where it takes longer than
        `timeout` seconds, and where it ended with another reason.
        """
        process = this_process()
        process.check_may_wait("GenServer.stop")
        return client.stop(_GEN_SERVER, process, server, atom(reason), timeout)

    @staticmethod
    @forwarded
    def abcast(name: str, request: Term, nodes: Iterable[str] | None = None) -> Atom:
        """Cast to the servers registered as `name` on `nodes` (default: this and all visible ones)."""
        for where in client.all_nodes(nodes):
            gen.cast((name, where), request)
        return _ABCAST

    @staticmethod
    @forwarded
    def multi_call(
        name: str, request: Term, nodes: Iterable[str] | None = None, timeout: float | None = None
    ) -> Coroutine[Any, Any, tuple[list[tuple[Atom, Term]], list[Atom]]]:
        """Call the servers registered as `name` on `nodes`: `([(node, reply)], [node without one])`."""
        process = this_process()
        process.check_may_wait("GenServer.multi_call")
        return client.multi_call(process, name, request, client.all_nodes(nodes), timeout)

    @staticmethod
    @forwarded
    def send_request(server: ServerRef, request: Term) -> Request:
        """Send a call without waiting; the reply is taken by `receive_response`."""
        return gen.make_call(this_process(), gen.CALL, server, request)

    @staticmethod
    async def receive_response(sent: Request, timeout: float | None = None) -> Term:
        """The reply to `send_request`; Exit as `call`, with the bare reason.

        After a timeout the request is given up: a late reply reaches nobody.
        """
        return await client.receive_response(sent, timeout)

    @staticmethod
    async def wait_response(sent: Request, timeout: float | None = None) -> Term:
        """What comes of `send_request`: `(reply, value)`, `(error, (reason, server))`, or `timeout`.

        After a timeout it can be waited for again.
        """
        return await client.wait_response(sent, timeout)

    @staticmethod
    def check_response(sent: Request) -> Term:
        """What has come of `send_request` by now: as `wait_response`, or `no_reply`."""
        return client.check_response(sent)


# What a subclass must not define: a call through the class would no longer be a client's.
_CLIENT_FUNCTIONS = frozenset(
    {
        "abcast",
        "call",
        "cast",
        "check_response",
        "enter_loop",
        "multi_call",
        "receive_response",
        "reply",
        "send_request",
        "start",
        "start_link",
        "start_monitor",
        "stop",
        "wait_response",
    }
)


# --- starting ---------------------------------------------------------------------------


async def start_server(
    cls: type[GenServer],
    args: tuple[Any, ...],
    *,
    link: bool = False,
    watch: bool = False,
    name: StartName | None = None,
    timeout: float | None = None,
    **options: Any,
) -> StartResult:
    """Start a server of `cls`: `("ok", pid)`, `"ignore"` or `("error", reason)`, which supervisors go by."""
    cls, args = class_meant(GenServer, cls, args)
    handlers = handlers_of(cls, GenServer)
    debug = check_options(options)
    server = Server(cls, handlers, args, proc_lib.parent_of_new(this_process()) if link else None, debug)
    return await proc_lib.start(
        server,
        initial_call=handlers.initial_call,
        link=link,
        watch=watch,
        name=name,
        timeout=timeout,
        max_mailbox=options.get("max_mailbox"),
    )


def class_meant(base: type[Any], cls: type[Any], args: tuple[Any, ...]) -> tuple[type[Any], tuple[Any, ...]]:
    """Whose callbacks are called, with which arguments: `GenServer.start_link(Counter, 0)` names the class.

    UsageError for the behaviour itself without one.
    """
    if cls is not base:
        return newest(cls), args
    if not args or not isinstance(args[0], type) or not issubclass(args[0], base):
        name = base.__name__
        raise UsageError(f"which {name}? MyServer.start_link(...) or {name}.start_link(MyServer, ...)")
    return newest(args[0]), args[1:]


def spawn_server(runtime: Runtime, cls: type[GenServer], *args: Any, name: str) -> Pid:
    """Start a server of the node itself: registered at once, linked to nobody, not waited for.

    It traps exits: who links to it and goes must not take it along.  A slow node does not
    suspend it: it has the others to answer.
    """
    handlers = handlers_of(cls, GenServer)
    process = runtime.spawn(Server(cls, handlers, args, None))
    process.trap_exit = process.async_dist = True
    process.dictionary = {proc_lib.ANCESTORS: [], proc_lib.INITIAL_CALL: handlers.initial_call}
    runtime.names.register(name, process.pid)
    return process.pid


def check_options(options: dict[str, Any]) -> tuple[Any, ...]:
    """The options of a start that every behaviour takes; what `debug` says.  BadArg for others."""
    for name in options:
        if name not in _OPTIONS:
            known = ", ".join(("name", "timeout", *_OPTIONS))
            raise BadArg(f"expected one of the options {known}. Got: {name!r}")
    check_max_mailbox(options.get("max_mailbox"))
    check_timeout(options.get("hibernate_after"))
    debug = options.get("debug", ())
    if not isinstance(debug, (list, tuple)):
        raise BadArg(f"debug: a list of options is wanted, not {debug!r}")
    return tuple(debug)


def started(result: StartResult) -> Any:
    """What the Python functions give for a start result: the pid, None for `ignore`; Exit for an error."""
    if result == proc_lib.IGNORE:
        return None
    kind, value = result
    if kind == "ok":
        return value
    raise Exit(value)


def _unhandled(what: str, clause: str) -> RuntimeError:
    process = this_process()
    name = to_elixir(process.name or process.pid)
    return RuntimeError(f"attempted to {what} GenServer {name} but no {clause} clause was provided")


def _name_functions(server: type[GenServer], module: Atom) -> None:
    """What a class of a module defines stands in stacks as functions of that module."""
    for name, value in vars(server).items():
        if isinstance(value, FunctionType):
            name_code(value, module, Atom(name), 1 if name == "init" else None)
