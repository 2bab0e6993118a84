"""A node for a plain program, which knows no asyncio: it asks another node, and waits.

    with connect("alex@localhost", cookie="secret") as alex:
        count = alex.call("Elixir.Counter", Atom("get"))
        total = alex.rpc("lists", "sum", [[1, 2, 3]])

The node is hidden, has a name of its own, and runs on an event loop in a thread.

Proof: tests/services/test_client.py, interop/test_client.py.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import secrets
import socket
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pyerlnode.errors import UsageError
from pyerlnode.node import NodeConfig, names
from pyerlnode.otp import GenServer
from pyerlnode.process import send
from pyerlnode.services import rpc
from pyerlnode.services.node import Node
from pyerlnode.term import Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context
    from typing import Unpack

    from pyerlnode.node import NodeSettings

__all__ = ["Client", "client_config", "connect"]

T = TypeVar("T")
# Any port will do: nothing is sent there.
_DISCARD = 9


def connect(peer: str, cookie: str | None = None, **settings: Unpack[NodeSettings]) -> Client:
    """Connect to `peer`; what it gives is closed at the end of a `with`, or by `close`.

    `settings` are those of `Node`.  Raises what prevents a connection, as `Node.dial` does.
    """
    return Client(peer, client_config(peer, cookie, settings))


def client_config(peer: str, cookie: str | None, settings: NodeSettings) -> NodeConfig:
    """A hidden node of its own name on this machine, to talk to `peer` with."""
    _, host = names.split(peer)
    longnames = names.is_long(host)
    own_host = host if names.is_loopback(host) else _own_host(host, longnames)
    wanted: NodeSettings = {"hidden": True, "epmd_serve": False, **settings, "longnames": longnames}
    name = f"pyerlnode-{os.getpid()}-{secrets.token_hex(3)}@{own_host}"
    return NodeConfig.load(name, cookie, environ=os.environ, hostname=own_host, **wanted)


def _own_host(peer_host: str, longnames: bool) -> str:
    if not longnames:
        return socket.gethostname().partition(".")[0]
    name = socket.getfqdn()
    # Without a domain the address that the other node reaches this machine by has to do.
    return name if names.is_long(name) else _address_towards(names.bare_host(peer_host))


def _address_towards(host: str) -> str:
    """The address of this machine on the way to `host`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, _DISCARD, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.connect(address)
            return str(sock.getsockname()[0])
    except (OSError, UnicodeError):
        # Whoever dials it will hear what is wrong with that host.
        return socket.gethostbyname(socket.gethostname())


class Client:
    """A connection to the node `peer`; its methods may be called by any thread, and each one waits."""

    def __init__(self, peer: str, config: NodeConfig) -> None:
        """Connect; raises what prevents that."""
        self.peer = peer
        self._config = config
        self._loop: asyncio.AbstractEventLoop
        self._context: Context
        self._end: asyncio.Event
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._up: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name=f"connection to {peer}", daemon=True)
        self._thread.start()
        try:
            self._up.result()
        except BaseException:
            self._thread.join()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.peer}{' closed' if self._closed else ''}>"

    def close(self) -> None:
        """Leave; harmless when that was done before."""
        if not self._closed:
            self._closed = True
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def call(self, server: Pid | str, request: Term, timeout: float | None = 5.0) -> Any:
        """As `GenServer.call`, to a process of that name there, or to a pid."""
        return self._wait(lambda: GenServer.call(self._there(server), request, timeout))

    def cast(self, server: Pid | str, request: Term) -> None:
        """As `GenServer.cast`."""
        self._wait(lambda: _done(lambda: GenServer.cast(self._there(server), request)))

    def send(self, to: Pid | str, message: Term) -> None:
        """Send a message to a process of that name there, or to a pid."""
        self._wait(lambda: _done(lambda: send(self._there(to), message)))

    def rpc(
        self, module: str, function: str, args: list[Term] | None = None, timeout: float | None = None
    ) -> Any:
        """The result of a function there; a module of Elixir is `Elixir.Enum`."""
        return self._wait(lambda: rpc.call(self.peer, module, function, args or [], timeout=timeout))

    def _there(self, server: Pid | str) -> Pid | tuple[str, str]:
        return server if isinstance(server, Pid) else (server, self.peer)

    # --- the thread -----------------------------------------------------------------------

    def _wait(self, make: Callable[[], Awaitable[T]]) -> T:
        """The result of what `make()` gives, awaited in the node, by a process of its own."""
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        if self._closed:
            raise self._gone()
        self._loop.call_soon_threadsafe(self._begin, make, done, context=self._context)
        return done.result()

    def _begin(self, make: Callable[[], Awaitable[T]], done: concurrent.futures.Future[T]) -> None:
        task = self._loop.create_task(_await(make))
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._tell(task, done))

    def _tell(self, task: asyncio.Task[T], done: concurrent.futures.Future[T]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            done.set_exception(self._gone())
        elif (error := task.exception()) is not None:
            done.set_exception(error)
        else:
            done.set_result(task.result())

    def _gone(self) -> UsageError:
        return UsageError(f"{self!r}: nothing can be asked any more")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._up.done():
                raise
            self._up.set_exception(error)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with Node(self._config) as node:
            await node.dial(self.peer)
            self._context = copy_context()
            self._up.set_result(None)
            await self._end.wait()


async def _await(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


async def _done(act: Callable[[], object]) -> None:
    act()
