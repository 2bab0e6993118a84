"""A node: everything between the processes of one runtime and the network.

    async with Node("kate@localhost", cookie="secret") as node:
        await node.connect("alex@localhost")

Start: listen (so that nobody is ever sent to a closed port), register with EPMD
(which gives the creation), give the runtime its name, start the services.  Several
nodes may live in one program, and on one event loop.

Source: the `kernel` reference manual, net_kernel; erlang:nodes/1, set_cookie/2,
disconnect_node/1.
Proof: tests/node/test_node.py.
"""

from __future__ import annotations

import inspect
import logging
import os
import random
import socket
from typing import TYPE_CHECKING, Self, TypeAlias

from pyerlnode.errors import ConfigError, EpmdError, PyerlnodeError, UsageError
from pyerlnode.node import epmd_client, hosts, names
from pyerlnode.node.config import NodeConfig
from pyerlnode.node.connector import Connector, Location
from pyerlnode.node.cookie import Cookies, find_cookie
from pyerlnode.node.epmd_client import EpmdKeeper
from pyerlnode.node.link import DISCONNECT, SHUTDOWN
from pyerlnode.node.listener import Listener
from pyerlnode.node.router import Router
from pyerlnode.node.tls import Tls
from pyerlnode.process.process import current_runtime
from pyerlnode.process.runtime import Runtime
from pyerlnode.protocol.connection import Connection
from pyerlnode.protocol.epmd import Registration
from pyerlnode.protocol.events import LocalNode, Settings
from pyerlnode.protocol.flags import OFFERED, OFFERED_VISIBLE
from pyerlnode.protocol.names import split_name
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextvars import Token
    from typing import Unpack

    from pyerlnode.node.config import NodeSettings
    from pyerlnode.node.link import Link
    from pyerlnode.node.router import NodeEvent

    # Called when the node has its name; what it starts lives in `node.runtime`.
    Service: TypeAlias = Callable[["Node"], Awaitable[object] | None]

__all__ = ["Node"]

logger = logging.getLogger("pyerlnode.node")

_SHUTDOWN_REASON = Atom("shutdown")


class Node:
    """One node of a cluster; use it with `async with`, or `start` and `stop`."""

    def __init__(
        self,
        name: str | NodeConfig,
        cookie: str | None = None,
        *,
        services: Sequence[Service] = (),
        **settings: Unpack[NodeSettings],
    ) -> None:
        """`name` is `NAME@HOST`, or `NAME` at this machine; or all settings in a `NodeConfig`.

        Raises ConfigError for a setting that cannot be used.  Nothing is opened before `start`.
        """
        if isinstance(name, NodeConfig):
            if cookie is not None or settings:
                raise UsageError("with a NodeConfig there is nothing else to set")
            self.config = name
        else:
            longnames = settings.get("longnames")
            hostname = socket.getfqdn() if longnames else socket.gethostname()
            self.config = NodeConfig.load(name, cookie, environ=os.environ, hostname=hostname, **settings)
        self.port = 0
        self._services = tuple(services)
        self._state = "new"
        self._cookies: Cookies | None = None
        self._runtime: Runtime | None = None
        self._router: Router | None = None
        self._connector: Connector | None = None
        self._listener: Listener | None = None
        self._keeper: EpmdKeeper | None = None
        self._tls: Tls | None = None
        self._local: LocalNode | None = None
        self._named = False
        self._before_stop: list[Callable[[], Awaitable[object]]] = []
        self._token: Token[Runtime] | None = None

    def __repr__(self) -> str:
        return f"<Node {self.config.name} {self._state}>"

    # --- start and stop ---------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Join the world: after this others can connect, and processes can be spawned.

        Raises ConfigError (cookie), NameTaken, EpmdError, or OSError (the port).  The
        calling task and those that it makes belong to this node then.
        """
        if self._state != "new":
            raise UsageError(f"{self!r} cannot be started again; make a new Node")
        self._state = "starting"
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        self._state = "up"

    async def _start(self) -> None:
        config = self.config
        cookies = self._cookies = Cookies(find_cookie(config.cookie, os.environ))
        tls = self._tls = Tls(config.tls) if config.tls is not None else None
        runtime = self._runtime = Runtime()
        router = self._router = Router(
            runtime,
            busy_limit=config.dist_buf_busy_limit,
            max_unsent=config.max_unsent,
            sbwt=config.sbwt,
        )
        self._connector = Connector(
            router,
            initiate=self._initiate,
            locate=self._locate,
            named=self._named_by_peer,
            setuptime=config.net_setuptime,
            max_queued=config.max_queued,
            tls=tls,
        )
        router.dialler = self._connector
        runtime.distribution = router
        self._token = current_runtime.set(runtime)
        if config.dynamic:
            # Nobody can look for a node that has no name yet, so there is nothing to listen for.
            self._local = LocalNode.dynamic(config.host)
            return
        if config.dist_listen:
            self._listener = self._new_listener(router, self._connector, cookies)
            self.port = self._listener.bind(config.listen_address, config.listen_ports)
        self._identify(config.name, await self._register())
        if self._listener is not None:
            self._listener.serve()
        await self._start_services()

    def _new_listener(self, router: Router, connector: Connector, cookies: Cookies) -> Listener:
        config, tls = self.config, self._tls
        if tls is not None and not tls.can_listen:
            raise ConfigError(
                f"TLS options {tls.file}: server: without certfile nobody can connect "
                "(dist_listen false makes a node that only dials)"
            )
        return Listener(
            router,
            connector,
            cookies,
            accept=self._accept,
            max_pending=config.max_pending,
            max_connections=config.max_connections,
            tls=tls,
            setuptime=config.net_setuptime,
        )

    async def _register(self) -> int:
        """Let EPMD know where this node listens; the creation."""
        config = self.config
        if not (config.dist_listen and config.epmd):
            # Small ones are those of old EPMDs.
            return random.randint(4, 0xFFFFFFFF)
        self._keeper = EpmdKeeper(
            Registration(names.split(config.name)[0], self.port),
            config.epmd_port,
            serve=config.epmd_serve,
            addresses=config.epmd_addresses,
            relaxed=config.epmd_relaxed,
            ipv6=config.ipv6,
        )
        return await self._keeper.start()

    def _identify(self, name: str, creation: int) -> None:
        flags = OFFERED if self.config.hidden else OFFERED_VISIBLE
        self.runtime.identify(name, creation)
        self._local = LocalNode(name, creation, flags)
        self._named = True

    async def _start_services(self) -> None:
        services, self._services = self._services, ()
        for service in services:
            started = service(self)
            if inspect.isawaitable(started):
                await started

    async def stop(self) -> None:
        """End the node's processes, then leave: connections, EPMD, port.

        Who is linked from elsewhere sees `shutdown`, who is connected a closed
        connection.  Harmless when the node is not running.
        """
        if self._state in ("new", "stopping", "stopped"):
            return
        self._state = "stopping"
        try:
            for last_wish in reversed(self._before_stop):
                await last_wish()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        if self._runtime is not None:
            await self._runtime.stop(_SHUTDOWN_REASON)
        if self._listener is not None:
            await self._listener.close()
        if self._connector is not None:
            await self._connector.close()
        if self._keeper is not None:
            await self._keeper.close()
        links = self._router.links() if self._router is not None else []
        for link in links:
            link.close(SHUTDOWN)
        for link in links:
            await link.wait_gone()
        self._leave_context()
        self._state = "stopped"

    def before_stop(self, last_wish: Callable[[], Awaitable[object]], *, at_last: bool = False) -> None:
        """Wait for `last_wish()` when the node stops, while everything runs.

        The last one given comes first; `at_last`: after all others.
        """
        self._before_stop.insert(0 if at_last else len(self._before_stop), last_wish)

    def _leave_context(self) -> None:
        if self._token is None or current_runtime.get(None) is not self._runtime:
            return
        try:
            current_runtime.reset(self._token)
        except ValueError:
            logger.debug("%r was started in another context", self)

    # --- what it is -------------------------------------------------------------------

    @property
    def runtime(self) -> Runtime:
        """The processes of this node; UsageError before `start`."""
        if self._runtime is None:
            raise UsageError(f"{self!r} is not started")
        return self._runtime

    @property
    def name(self) -> Atom:
        """The full name; `nonode@nohost` while a node without a name has none yet."""
        return self._runtime.name if self._runtime is not None else Atom(self.config.name)

    @property
    def creation(self) -> int:
        """What tells this life of the node from others under the same name; 0 before the start."""
        return self._runtime.creation if self._runtime is not None else 0

    @property
    def is_alive(self) -> bool:
        """Whether it runs and has a name."""
        return self._named and self._state in ("starting", "up")

    @property
    def epmd_address(self) -> tuple[str, int] | None:
        """Host and port of the EPMD that it is registered with, if it is with one."""
        if self._keeper is None:
            return None
        return "::1" if self.config.ipv6 else "127.0.0.1", self.config.epmd_port

    @property
    def serves_epmd(self) -> bool:
        """Whether the EPMD of this machine runs in this node."""
        return self._keeper is not None and self._keeper.server is not None

    def set_cookie(self, node: str | None, cookie: str) -> None:
        """The cookie for connections with `node` from now on; None: for all that have none of their own."""
        if self._cookies is None:
            raise UsageError(f"{self!r} is not started")
        self._cookies.set(node, cookie)

    def get_cookie(self) -> str:
        """The cookie for connections with nodes that have none of their own."""
        if self._cookies is None:
            raise UsageError(f"{self!r} is not started")
        return self._cookies.of(self.name)

    @property
    def has_common_cookie(self) -> bool:
        """Whether no other node has a cookie of its own: who is connected knows `get_cookie()` then."""
        return self._cookies is not None and self._cookies.is_common

    def links(self) -> list[Link]:
        """The connections that are up."""
        return self._router.links() if self._router is not None else []

    # --- other nodes ------------------------------------------------------------------

    async def dial(self, node: str) -> None:
        """Be connected to `node` when this returns; raises what prevents it.

        PeerError: it refused, has another cookie, or broke the protocol.  EpmdError:
        no EPMD there, or it does not know the name.  OSError: host or port.
        """
        if self._connector is None:
            raise UsageError(f"{self!r} is not started")
        split_name(node)
        await self._connector.connect(Atom(node))
        await self._start_services()  # of a node that was without a name until now

    async def connect(self, node: str) -> bool:
        """As `net_kernel:connect_node/1`; the log says why it is False. True for this node itself."""
        if node == self.name:
            return True
        try:
            await self.dial(node)
        except UsageError:
            raise
        except (PyerlnodeError, OSError):
            return False
        return True

    def disconnect(self, node: str) -> bool:
        """Close the connection to `node`; whether there was one."""
        link = self._router.link_of(Atom(node)) if self._router is not None else None
        if link is None:
            return False
        link.close(DISCONNECT)
        return True

    def nodes(self, kind: str = "visible") -> list[Atom]:
        """`visible`, `hidden`, `connected` (both) or `known` nodes."""
        return self._router.nodes(kind) if self._router is not None else []

    def on_node_event(self, observer: Callable[[NodeEvent], object]) -> Callable[[], None]:
        """Call `observer` for each node that comes or goes; returns what ends that.

        A nodeup comes before the first signal of that node, a nodedown after the last.
        """
        if self._router is None:
            raise UsageError(f"{self!r} is not started")
        return self._router.observe(observer)

    # --- what connector and listener ask for ------------------------------------------

    def _settings(self) -> Settings:
        config = self.config
        return Settings(
            setup_time=config.net_setuptime,
            net_ticktime=config.net_ticktime,
            net_tickintensity=config.net_tickintensity,
            max_frame=config.max_frame,
        )

    def _initiate(self, node: str, now: float) -> Connection:
        assert self._local is not None and self._cookies is not None
        cookie = self._cookies.of(node)
        settings = self._settings()
        return Connection.initiator(self._local, node, cookie, now, prefix=self._prefix, settings=settings)

    def _accept(self, now: float) -> Connection:
        assert self._local is not None
        return Connection.acceptor(self._local, now, prefix=self._prefix, settings=self._settings())

    @property
    def _prefix(self) -> int:
        """Bytes of the lengths in the handshake."""
        return 2 if self._tls is None else 4

    async def _locate(self, node: str) -> Location:
        config = self.config
        alive, host = split_name(node)
        port = config.port_of(node)
        if port is not None:
            return Location(await hosts.resolve(host, ipv6=config.ipv6), port)
        if not config.epmd:
            raise EpmdError(f"where {node} listens is not known: there is no EPMD, and no port is set for it")
        return Location(*await epmd_client.find(alive, host, config.epmd_port, ipv6=config.ipv6))

    def _named_by_peer(self, name: str, creation: int) -> None:
        self._identify(name, creation)
