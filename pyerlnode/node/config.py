"""Every setting of a node in one frozen value, checked before anything is opened.

`NodeConfig.load` is pure: arguments and an environment mapping in, a NodeConfig or a
ConfigError of one line out.  The names are those of the `kernel` application where it
has them.

Source: the `kernel` reference manual (net_ticktime, net_setuptime,
inet_dist_listen_min); epmd manual (ERL_EPMD_PORT, ERL_EPMD_ADDRESS).
Proof: tests/node/test_node_config.py.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from pyerlnode.errors import ConfigError
from pyerlnode.node import names
from pyerlnode.node.link import BUSY_LIMIT
from pyerlnode.node.senders import MAX_UNSENT
from pyerlnode.protocol.epmd import EPMD_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLOSURES", "NodeConfig", "NodeSettings", "epmd_addresses", "epmd_port"]

_LOOPBACK = ("127.0.0.1", "::1")
#: what `closures` can be
CLOSURES = ("off", "exported", "builtins")


class NodeSettings(TypedDict, total=False):
    """What `NodeConfig.load` and `Node` take beside the name and the cookie; see `NodeConfig`."""

    longnames: bool | None
    hidden: bool
    epmd_port: int | None
    epmd_address: str | None
    epmd_serve: bool
    listen_address: str | None
    listen_ports: tuple[int, int] | int
    net_ticktime: float
    net_setuptime: float
    max_connections: int
    max_pending: int
    max_frame: int
    max_queued: int
    dist_buf_busy_limit: int
    max_unsent: int
    closures: str
    remsh: bool
    tls: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Settings of one node; times in seconds, sizes in bytes."""

    #: full name; the alive part `undefined` lets the first node dialled give one
    name: str
    longnames: bool = False
    #: the cookie given in so many words; None: the environment or the cookie file
    cookie: str | None = field(default=None, repr=False)
    hidden: bool = False

    epmd_port: int = EPMD_PORT
    #: what an embedded EPMD binds
    epmd_addresses: tuple[str, ...] = _LOOPBACK
    #: serve EPMD in this process when none answers on this host
    epmd_serve: bool = True

    listen_address: str = "127.0.0.1"
    #: first and last port to try; (0, 0) takes any free one
    listen_ports: tuple[int, int] = (0, 0)

    net_ticktime: float = 60.0
    net_setuptime: float = 7.0
    #: authenticated connections; a further peer gets `not_allowed`
    max_connections: int = 4096
    #: connections that are not authenticated yet; the oldest gives way
    max_pending: int = 128
    #: one frame of an authenticated peer
    max_frame: int = 256 * 1024 * 1024
    #: control messages kept for a peer that is being dialled
    max_queued: int = 1_000_000
    #: bytes that may wait for a slow peer before who sends to it is suspended: a BEAM's +zdbbl
    dist_buf_busy_limit: int = BUSY_LIMIT
    #: bytes that a process which does not let itself be suspended may send to such a peer
    max_unsent: int = MAX_UNSENT
    #: what closures from shells may do: `off`, `exported` or `builtins`
    closures: str = "builtins"
    #: let `iex --remsh`, `erl -remsh` and `pyerlnode remsh` open a Python prompt here
    remsh: bool = False
    #: connections with TLS only, as this file says: the one that a BEAM takes with -ssl_dist_optfile
    tls: str | None = None

    def __post_init__(self) -> None:
        names.split(self.name)
        _check("EPMD port", self.epmd_port, 1, 65535)
        low, high = self.listen_ports
        _check("listen port", low, 0, 65535)
        _check("listen port", high, low, 65535)
        _check("net_ticktime", self.net_ticktime, 0.1, 2**31)
        _check("net_setuptime", self.net_setuptime, 0.01, 120)
        for setting in ("max_connections", "max_pending", "max_queued", "dist_buf_busy_limit", "max_unsent"):
            _check(setting, getattr(self, setting), 1, 2**31)
        _check("max_frame", self.max_frame, 1024, 2**32 - 1)
        if self.closures not in CLOSURES:
            raise ConfigError(f"closures is {self.closures!r}; {', '.join(CLOSURES)} are possible")

    @property
    def dynamic(self) -> bool:
        """Whether the node gets its name from the first node that it connects to."""
        return names.split(self.name)[0] == names.DYNAMIC

    @property
    def host(self) -> str:
        return names.split(self.name)[1]

    @classmethod
    def load(
        cls,
        name: str,
        cookie: str | None = None,
        *,
        environ: Mapping[str, str],
        hostname: str,
        longnames: bool | None = None,
        hidden: bool = False,
        epmd_port: int | None = None,
        epmd_address: str | None = None,
        epmd_serve: bool = True,
        listen_address: str | None = None,
        listen_ports: tuple[int, int] | int = 0,
        net_ticktime: float = 60.0,
        net_setuptime: float = 7.0,
        max_connections: int = 4096,
        max_pending: int = 128,
        max_frame: int = 256 * 1024 * 1024,
        max_queued: int = 1_000_000,
        dist_buf_busy_limit: int = BUSY_LIMIT,
        max_unsent: int = MAX_UNSENT,
        closures: str = "builtins",
        remsh: bool = False,
        tls: str | None = None,
    ) -> NodeConfig:
        """Settle what was left open from `environ` and the name's host.

        `hostname` is this machine's (its full one where long names are wanted).
        """
        name, longnames = names.full_name(name, hostname, longnames=longnames)
        host = names.split(name)[1]
        return cls(
            name=name,
            longnames=longnames,
            cookie=cookie,
            hidden=hidden,
            epmd_port=_epmd_port(epmd_port, environ),
            epmd_addresses=epmd_addresses(epmd_address, environ, host=host),
            epmd_serve=epmd_serve,
            listen_address=listen_address or _listen_address(host),
            listen_ports=(listen_ports, listen_ports) if isinstance(listen_ports, int) else listen_ports,
            net_ticktime=net_ticktime,
            net_setuptime=net_setuptime,
            max_connections=max_connections,
            max_pending=max_pending,
            max_frame=max_frame,
            max_queued=max_queued,
            dist_buf_busy_limit=dist_buf_busy_limit,
            max_unsent=max_unsent,
            closures=closures,
            remsh=remsh,
            tls=tls,
        )


def epmd_port(argument: int | None, environ: Mapping[str, str]) -> int:
    """The port of EPMD: the argument, else ERL_EPMD_PORT, else 4369."""
    if argument is not None:
        _check("EPMD port", argument, 1, 65535)
        return argument
    text = environ.get("ERL_EPMD_PORT", "")
    if not text:
        return EPMD_PORT
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ConfigError(f"ERL_EPMD_PORT is {text!r}; a port from 1 to 65535 is wanted")
    return int(text)


# The name is a parameter of NodeConfig.load as well.
_epmd_port = epmd_port


def epmd_addresses(
    argument: str | None, environ: Mapping[str, str], *, host: str | None = None
) -> tuple[str, ...]:
    """What an EPMD of ours binds: both loopbacks, and the comma-separated addresses given.

    The argument wins over ERL_EPMD_ADDRESS.  Without either, a node whose `host`
    other machines can reach makes it listen everywhere, as `epmd` itself does: they
    find the node through it.  `host` None stands for a daemon of its own.
    """
    text = argument if argument is not None else environ.get("ERL_EPMD_ADDRESS", "")
    given = [names.bare_host(part.strip()) for part in text.split(",") if part.strip()]
    for address in given:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ConfigError(f"EPMD address {address!r} is no IP address") from None
    if given:
        return _without_doubles((*given, *_LOOPBACK))
    return _LOOPBACK if host is not None and names.is_loopback(host) else ("0.0.0.0", "::")


def _without_doubles(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Drop a loopback address where the whole family is bound anyway."""
    covered = {"127.0.0.1": "0.0.0.0", "::1": "::"}
    kept = [address for address in addresses if covered.get(address) not in addresses]
    return tuple(dict.fromkeys(kept))


def _listen_address(host: str) -> str:
    """Where a node of this host listens: loopback for a loopback name, else everywhere."""
    host = names.bare_host(host)
    if host == "localhost":
        return "127.0.0.1"
    if names.is_loopback(host):
        return host
    return "::" if ":" in host else "0.0.0.0"


def _check(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{what} is {value}; {low} to {high} is wanted")
