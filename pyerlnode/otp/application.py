"""An application: what is started when a node comes up and stopped when it goes.

    class Chat(Application):
        async def start(self, type, args):
            return await Counter.start_link(0, name="Elixir.Counter")

`start` runs in a process of the application's own.  What it starts with `start_link`
is linked to that process and ends with the application, in reverse order.

A list of child specifications can stand in the place of an Application: a supervisor
(one_for_one) starts them.  So can an async function: it is what `start` does.
It may go on as a process instead of returning; the application counts as started
then when the function first waits in `receive`.

Source: `application` and `application_master` in the kernel reference manual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.errors import Exit
from pyerlnode.otp.supervising import Supervising
from pyerlnode.otp.supervisor import Supervisor
from pyerlnode.process import Request, Runtime, monitor, receive, this_process
from pyerlnode.process.mailbox import Mailbox, Receive
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from pyerlnode.otp.child_spec import ChildSpec

# How long a child may take to end after the exit signal `shutdown`, in seconds (a worker's default in OTP).
SHUTDOWN_TIME = 5.0

_NORMAL, _SHUTDOWN, _KILL = Atom("normal"), Atom("shutdown"), Atom("kill")


class Application:
    """Derive from it; `start` is required, `stop` is called after everything has ended."""

    async def start(self, type: Atom, args: Term) -> Pid | None:
        """Start the application's processes; the pid of the topmost one, if there is one.

        `type` is `normal`.  An exception is a failed start.
        """
        raise TypeError(f"{self.__class__.__name__} has no start method")

    async def stop(self) -> None:
        """Clean up, when all processes of the application have ended."""

    @staticmethod
    def from_function(function: Callable[[], Awaitable[Any]]) -> Application:
        """The application whose start is an async function; a pid that it returns is the topmost process."""
        return _FunctionApplication(function)

    @staticmethod
    def from_children(children: list[ChildSpec]) -> Application:
        """The application that is a one_for_one supervisor of these children."""

        async def start() -> Pid | None:
            return await Supervisor.start_link(children, strategy="one_for_one")

        return _FunctionApplication(start)


class _FunctionApplication(Application):
    def __init__(self, function: Callable[[], Awaitable[Any]]) -> None:
        self._function = function

    async def start(self, type: Atom, args: Term) -> Pid | None:
        result = await self._function()
        return result if isinstance(result, Pid) else None


class ApplicationMaster:
    """Runs one application on a runtime.

    `started` is done when the start has succeeded, `ended` with the exit reason when
    the application's process has ended, also when that is why it did not start.
    """

    def __init__(self, runtime: Runtime, application: Application, args: Term) -> None:
        loop = runtime.loop
        self.started: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[Term] = loop.create_future()
        self._runtime = runtime
        self._application = application
        self._process = runtime.spawn(self._run(args), this_process())
        self._process.mailbox = _FirstReceive(self._is_started)
        self._watching = loop.create_task(
            self._watch(Request(this_process(), self._process.pid, replies=False))
        )

    @classmethod
    def start(cls, runtime: Runtime, application: Application, args: Term = None) -> ApplicationMaster:
        """Begin to start `application`; wait for `started` or `ended`."""
        return cls(runtime, application, args)

    async def _run(self, args: Term) -> None:
        top = await self._application.start(_NORMAL, args)
        ref = monitor(top) if top is not None else None
        self._is_started()
        message = await receive(lambda message: _is_down(message, ref))
        raise Exit(message[4])

    def _is_started(self) -> None:
        if not self.started.done():
            self.started.set_result(None)

    async def _watch(self, request: Request) -> None:
        await request.wait(None)
        self.ended.set_result(request.down_reason)
        if not self.started.done():
            self.started.cancel()

    async def stop(self) -> None:
        """End the application's processes, the one started last first, then call its `stop`."""
        links = self._process.links
        for pid in reversed(links.active() if links is not None else []):
            if links is not None:
                links.unlink(pid)
            await self._shut_down(pid)
        await self._shut_down(self._process.pid)
        await self._watching
        await self._application.stop()

    async def _shut_down(self, pid: Pid) -> None:
        process = self._runtime.process(pid)
        if process is None:
            return  # of another node, or it has ended already
        # A supervisor that has started needs as long as its children do.
        patient = self.started.done() and isinstance(process.behaviour, Supervising)
        for reason in (_SHUTDOWN, _KILL):
            request = Request(this_process(), pid, replies=False)
            process.exit_signal(self._process.pid, reason)
            await request.wait(None if patient else SHUTDOWN_TIME)
            if request.is_down:
                return


class _FirstReceive(Mailbox):
    """A mailbox that says when its process first waits for a message."""

    __slots__ = ("_receiving", "_tell")

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._receiving: Receive | None = None
        super().__init__()

    @property
    def receiving(self) -> Receive | None:
        return self._receiving

    @receiving.setter
    def receiving(self, receive: Receive | None) -> None:
        self._receiving = receive
        if receive is not None:
            self._tell()


def _is_down(message: Term, ref: Reference | None) -> bool:
    return ref is not None and isinstance(message, tuple) and len(message) == 5 and message[1] == ref
