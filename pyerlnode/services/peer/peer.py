"""What programs call of `Peer`.

Source: peer(3) of OTP's stdlib.
Proof: tests/services/peer/test_peer.py.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from pyerlnode.errors import BadArg
from pyerlnode.otp import ChildSpec, GenServer
from pyerlnode.otp.results import check_timeout
from pyerlnode.services import erpc
from pyerlnode.services.peer.server import LAST_OUTPUT, NODE, PeerServer, Settings
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from pyerlnode.otp.gen import ServerRef

__all__ = ["Peer", "Started"]

# Seconds, as OTP's wait_boot and shutdown.
BOOT_TIME: Final = 15.0
SHUTDOWN_TIME: Final = 10.0
CALL_TIME: Final = 5.0
# What a peer runs that is given no program: an application without processes.
BARE: Final = "pyerlnode.services.peer.bare:nothing"

_OPTIONS: Final[dict[str, Any]] = {
    "name": None,
    "args": (),
    "env": {},
    "wait_boot": BOOT_TIME,
    "shutdown": SHUTDOWN_TIME,
    "peer_down": "stop",
}

_OK = Atom("ok")


class Started(NamedTuple):
    """The process that stands for the peer here, and the peer's node."""

    peer: Pid
    node: Atom


class Peer:
    """All of it is in functions of the class; a peer is known by its process here."""

    __slots__ = ()

    __module_name__: ClassVar[str] = "peer"

    @staticmethod
    async def start_link(target: str = BARE, **options: Any) -> Started:
        """Start a peer that ends with the caller, and wait until it is up: its process here, its node.

        `target` is what `pyerlnode run` takes: `file.py:attr` or `package.module:attr`.  Options:
        `name` (`NAME` or `NAME@HOST`; default: a random one at this node's host), `args` (further
        ones of `pyerlnode run`), `env` (variables beside those of this program), `wait_boot` (15)
        and `shutdown` (10), in seconds, and `peer_down`: what happens here when the peer ends by
        itself: `stop` (default; the process here ends normally) or `crash` (with
        `(exit_status, code)`).

        Exit `(boot_failed, code)` where it ends instead, which says why on standard error, and
        `timeout`.
        """
        return await _start(_settings(target, options), link=True)

    @staticmethod
    async def start(target: str = BARE, **options: Any) -> Started:
        """As `start_link`, without a link: it ends by `stop`, and with this node."""
        return await _start(_settings(target, options), link=False)

    @staticmethod
    def child(
        target: str = BARE, *, id: Term = None, restart: str = "permanent", **options: Any
    ) -> ChildSpec:
        """The specification of a peer under a supervisor; its id is its name, if it has one."""
        settings = _settings(target, options)
        own = id if id is not None else Atom(settings.name)
        # The peer's own time, and its last output, come first.
        shutdown = None if settings.shutdown is None else settings.shutdown + 2 * LAST_OUTPUT
        return ChildSpec(
            own,
            (_start_child, [settings]),
            restart=restart,
            shutdown="infinity" if shutdown is None else shutdown,
        )

    @staticmethod
    def stop(peer: ServerRef) -> Awaitable[Atom]:
        """Stop the peer as SIGTERM does, and wait for its end; what takes too long is killed."""
        return GenServer.stop(peer)

    @staticmethod
    async def node(peer: ServerRef) -> Atom:
        """The name of the peer's node."""
        node: Atom = await GenServer.call(peer, NODE)
        return node

    @staticmethod
    async def call(
        peer: ServerRef,
        module: str,
        function: str,
        args: Sequence[Term] = (),
        timeout: float | None = CALL_TIME,
    ) -> Any:
        """Call an exported function of the peer, within `timeout` seconds; raises as `erpc.call`."""
        return await erpc.call(await Peer.node(peer), module, function, list(args), timeout)

    @staticmethod
    def random_name(prefix: str = "peer") -> str:
        """A name that no other node has."""
        return f"{prefix}-{secrets.token_hex(8)}"


def _settings(target: str, options: Mapping[str, Any]) -> Settings:
    for option in options:
        if option not in _OPTIONS:
            raise BadArg(f"a peer takes {', '.join(_OPTIONS)}, not {option!r}")
    given = {**_OPTIONS, **options}
    if given["peer_down"] not in ("stop", "crash"):
        raise BadArg(f"peer_down: stop or crash is wanted, not {given['peer_down']!r}")
    check_timeout(given["wait_boot"])
    check_timeout(given["shutdown"])
    given["name"] = given["name"] or Peer.random_name()
    return Settings(target=target, **given)


async def _start(settings: Settings, *, link: bool) -> Started:
    start = PeerServer.start_link if link else PeerServer.start
    peer = await start(settings)
    assert peer is not None
    return Started(peer, await Peer.node(peer))


async def _start_child(settings: Settings) -> Term:
    peer, node = await _start(settings, link=True)
    return (_OK, peer, node)
