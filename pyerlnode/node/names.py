"""Node names: `alive@host`, short and long, and what the host part says.

Source: the `kernel` reference manual, net_kernel and "Distributed Erlang", Nodes;
what a BEAM refuses was tried on OTP 25.
Proof: tests/node/test_node_config.py.
"""

from __future__ import annotations

import ipaddress
import re

from pyerlnode.errors import ConfigError
from pyerlnode.protocol.names import is_long_host as is_long
from pyerlnode.protocol.names import split_name

__all__ = ["DYNAMIC", "bare_host", "full_name", "is_long", "is_loopback", "split"]

#: the alive part of a node that lets the first node it connects to name it
DYNAMIC = "undefined"

_ALIVE = re.compile(r"[0-9A-Za-z_-]+")


def split(name: str) -> tuple[str, str]:
    """The alive part and the host part of a name that a node may take; else ConfigError."""
    alive, host = split_name(name)
    if not _ALIVE.fullmatch(alive):
        raise ConfigError(f"bad node name {name!r}: {alive!r} may only hold letters, digits, _ and -")
    return alive, host


def full_name(name: str, hostname: str, *, longnames: bool | None) -> tuple[str, bool]:
    """Complete `name` with this machine's `hostname` and settle the kind of names.

    `longnames` None takes the kind from the host that is written; a name without a
    host is then a short one.  As in OTP, a long-named node may name a host without a
    dot, but one whose host is left out needs a machine that knows its domain.
    Returns the full name and whether long names are in use.
    """
    alive, at, host = name.partition("@")
    if not at:
        host = hostname if longnames else hostname.partition(".")[0]
        if longnames and not is_long(host):
            raise ConfigError(
                f"bad node name {name!r}: this machine ({host!r}) has no domain; write NAME@HOST"
            )
    if longnames is None:
        longnames = is_long(host)
    if not longnames and is_long(host):
        raise ConfigError(f"bad node name {name!r}: a host with a dot needs long names (--name)")
    full = f"{alive}@{host}"
    split(full)
    return full, longnames


def bare_host(host: str) -> str:
    """The host as resolvers want it: an IPv6 address without its brackets."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def is_loopback(host: str) -> bool:
    """Whether the host part means this machine and nobody else."""
    host = bare_host(host)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
