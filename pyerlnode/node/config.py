"""Every setting of a node in one frozen value, checked before anything is opened.

`NodeConfig.load` is pure: arguments and an environment mapping in, a NodeConfig or a
ConfigError of one line out.  The names are those of the `kernel` application where it
has them.

Source: the `kernel` reference manual (net_ticktime, net_setuptime, dist_listen,
inet_dist_listen_min, connect_all), the manual of `erl` (-proto_dist, -erl_epmd_port,
-start_epmd); epmd manual (ERL_EPMD_PORT, ERL_EPMD_ADDRESS).
Proof: tests/node/test_node_config.py.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypedDict

from pyerlnode.errors import ConfigError
from pyerlnode.node import names
from pyerlnode.node.busy_wait import THRESHOLDS, default_threshold
from pyerlnode.node.link import BUSY_LIMIT
from pyerlnode.node.senders import MAX_UNSENT
from pyerlnode.protocol.epmd import EPMD_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLOSURES",
    "PROTO_DIST",
    "NodeConfig",
    "NodeSettings",
    "epmd_addresses",
    "epmd_port",
    "epmd_relaxed",
]

_LOOPBACK = ("127.0.0.1", "::1")
#: what `closures` can be
CLOSURES = ("off", "exported", "builtins")
#: what `proto_dist` can be; TLS is not among them, it comes with `tls`
PROTO_DIST = ("inet_tcp", "inet6_tcp")


class NodeSettings(TypedDict, total=False):
    """What `NodeConfig.load` and `Node` take beside the name and the cookie; see `NodeConfig`."""

    longnames: bool | None
    hidden: bool
    epmd_port: int | None
    epmd_address: str | None
    epmd_serve: bool
    epmd: bool
    erl_epmd_port: int | None
    node_ports: Mapping[str, int]
    proto_dist: str
    dist_listen: bool
    connect_all: bool
    prevent_overlapping_partitions: bool
    listen_address: str | None
    listen_ports: tuple[int, int] | int
    net_ticktime: float
    net_tickintensity: int
    net_setuptime: float
    max_connections: int
    max_pending: int
    max_frame: int
    max_queued: int
    dist_buf_busy_limit: int
    max_unsent: int
    sbwt: str | None
    closures: str
    remsh: bool
    tls: str | PathLike[str] | None


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
    #: an EPMD of ours takes STOP from anybody here, and KILL while names are registered
    epmd_relaxed: bool = False
    #: be registered with EPMD, and ask it where others listen
    epmd: bool = True
    #: where all nodes listen that `node_ports` does not name; there is no EPMD then
    erl_epmd_port: int | None = None
    #: where single nodes listen, by their full names
    node_ports: Mapping[str, int] = field(default_factory=dict)

    #: inet_tcp or inet6_tcp: which addresses are tried first, and listened on
    proto_dist: str = "inet_tcp"
    #: without, nobody can connect to this node: it is hidden and not registered, and only dials
    dist_listen: bool = True
    #: as of `global`: be connected with all that a connected node is connected with
    connect_all: bool = True
    prevent_overlapping_partitions: bool = True

    listen_address: str = "127.0.0.1"
    #: first and last port to try; (0, 0) takes any free one
    listen_ports: tuple[int, int] = (0, 0)

    net_ticktime: float = 60.0
    #: how often in a net_ticktime is looked whether the peer is silent
    net_tickintensity: int = 4
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
    #: how long the event loop looks for more after a read before it sleeps, in words: a BEAM's +sbwt
    sbwt: str = field(default_factory=default_threshold)
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
        _check("net_tickintensity", self.net_tickintensity, 4, 1000)
        _check("net_setuptime", self.net_setuptime, 0.01, 120)
        for setting in ("max_connections", "max_pending", "max_queued", "dist_buf_busy_limit", "max_unsent"):
            _check(setting, getattr(self, setting), 1, 2**31)
        _check("max_frame", self.max_frame, 1024, 2**32 - 1)
        if self.erl_epmd_port is not None:
            _check("erl_epmd_port", self.erl_epmd_port, 1, 65535)
        for node, port in self.node_ports.items():
            names.split(node)
            _check(f"the port of {node}", port, 1, 65535)
        for setting, choices in (("closures", CLOSURES), ("proto_dist", PROTO_DIST), ("sbwt", THRESHOLDS)):
            value = getattr(self, setting)
            if value not in choices:
                raise ConfigError(f"{setting} is {value!r}; {', '.join(choices)} are possible")

    @property
    def dynamic(self) -> bool:
        """Whether the node gets its name from the first node that it connects to."""
        return names.split(self.name)[0] == names.DYNAMIC

    @property
    def host(self) -> str:
        return names.split(self.name)[1]

    @property
    def ipv6(self) -> bool:
        """Whether IPv6 comes first."""
        return self.proto_dist == PROTO_DIST[1]

    def port_of(self, node: str) -> int | None:
        """Where `node` listens, if that is settled without EPMD."""
        return self.node_ports.get(node, self.erl_epmd_port)

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
        epmd: bool = True,
        erl_epmd_port: int | None = None,
        node_ports: Mapping[str, int] | None = None,
        proto_dist: str = PROTO_DIST[0],
        dist_listen: bool = True,
        connect_all: bool = True,
        prevent_overlapping_partitions: bool = True,
        listen_address: str | None = None,
        listen_ports: tuple[int, int] | int = 0,
        net_ticktime: float = 60.0,
        net_tickintensity: int = 4,
        net_setuptime: float = 7.0,
        max_connections: int = 4096,
        max_pending: int = 128,
        max_frame: int = 256 * 1024 * 1024,
        max_queued: int = 1_000_000,
        dist_buf_busy_limit: int = BUSY_LIMIT,
        max_unsent: int = MAX_UNSENT,
        sbwt: str | None = None,
        closures: str = "builtins",
        remsh: bool = False,
        tls: str | PathLike[str] | None = None,
    ) -> NodeConfig:
        """Settle what was left open from `environ` and the name's host.

        `hostname` is this machine's (its full one where long names are wanted).
        """
        name, longnames = names.full_name(name, hostname, longnames=longnames)
        alive, host = names.split(name)
        # As in OTP, who cannot be dialled is in nobody's list.
        hidden = hidden or not dist_listen or alive == names.DYNAMIC
        if listen_ports == 0 and erl_epmd_port is not None:
            listen_ports = erl_epmd_port
        return cls(
            name=name,
            longnames=longnames,
            cookie=cookie,
            hidden=hidden,
            epmd_port=_epmd_port(epmd_port, environ),
            epmd_addresses=epmd_addresses(epmd_address, environ, host=host),
            epmd_serve=epmd_serve,
            epmd_relaxed=epmd_relaxed(environ),
            epmd=epmd and erl_epmd_port is None,
            erl_epmd_port=erl_epmd_port,
            node_ports=dict(node_ports or {}),
            proto_dist=proto_dist,
            dist_listen=dist_listen,
            connect_all=connect_all,
            prevent_overlapping_partitions=prevent_overlapping_partitions,
            listen_address=_checked_address(listen_address, host, proto_dist),
            listen_ports=(listen_ports, listen_ports) if isinstance(listen_ports, int) else listen_ports,
            net_ticktime=net_ticktime,
            net_tickintensity=net_tickintensity,
            net_setuptime=net_setuptime,
            max_connections=max_connections,
            max_pending=max_pending,
            max_frame=max_frame,
            max_queued=max_queued,
            dist_buf_busy_limit=dist_buf_busy_limit,
            max_unsent=max_unsent,
            sbwt=default_threshold() if sbwt is None else sbwt,
            closures=closures,
            remsh=remsh,
            tls=None if tls is None else fspath(tls),
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


def epmd_relaxed(environ: Mapping[str, str]) -> bool:
    """Whether an EPMD of ours lets itself be stopped: ERL_EPMD_RELAXED_COMMAND_CHECK is set."""
    return "ERL_EPMD_RELAXED_COMMAND_CHECK" in environ


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


def _checked_address(argument: str | None, host: str, proto_dist: str) -> str:
    """Where a node listens: where it is told to, or where a node of this host does."""
    if argument is None:
        return _listen_address(names.bare_host(host), ipv6=proto_dist == PROTO_DIST[1])
    address = names.bare_host(argument)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ConfigError(f"listen address {argument!r} is no IP address") from None
    return address


def _listen_address(host: str, *, ipv6: bool) -> str:
    """Loopback for a loopback name, else everywhere."""
    if host == "localhost":
        return _LOOPBACK[ipv6]
    if names.is_loopback(host):
        return host
    return "::" if ":" in host or ipv6 else "0.0.0.0"


def _check(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{what} is {value}; {low} to {high} is wanted")
