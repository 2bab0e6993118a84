"""Arguments that several commands share, and the node that they describe."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

from pyerlnode.cli import configuration, connections
from pyerlnode.errors import ConfigError
from pyerlnode.node import NodeConfig
from pyerlnode.node import names as node_names

if TYPE_CHECKING:
    import argparse

    from pyerlnode.term import Term


def seconds(text: str) -> float:
    """The type of an argument that is a time: a number of seconds, greater than 0."""
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError(text)
    return value


def add_client(parser: argparse.ArgumentParser) -> None:
    """What a command that joins for a moment needs."""
    add_cookie(parser)
    connections.add_common(parser)


def add_cookie(parser: argparse.ArgumentParser) -> None:
    """`--cookie`."""
    parser.add_argument("--cookie", metavar="C", help="default: PYERLNODE_COOKIE, else ~/.erlang.cookie")


def client_config(options: argparse.Namespace, peer: str) -> NodeConfig:
    """A hidden node of its own name on this host, to talk to `peer` with."""
    _, host = node_names.split(peer)
    longnames = node_names.is_long(host)
    own_host = host if node_names.is_loopback(host) else _hostname(longnames)
    name = f"pyerlnode-{os.getpid()}-{secrets.token_hex(3)}@{own_host}"
    settings = connections.client_settings(options)
    settings["longnames"], settings["hidden"] = longnames, True
    return NodeConfig.load(name, options.cookie, environ=os.environ, hostname=own_host, **settings)


def _hostname(longnames: bool) -> str:
    name = socket.getfqdn() if longnames else socket.gethostname().partition(".")[0]
    if longnames and not node_names.is_long(name):
        # Without a domain the address that other nodes reach this machine by has to do.
        name = socket.gethostbyname(socket.gethostname())
    return name


def run_config(options: argparse.Namespace) -> NodeConfig:
    """The node that `pyerlnode run` starts."""
    longnames = options.sname is None
    name = options.name if longnames else options.sname
    if not name:
        raise ConfigError("the node's name is empty")
    settings = connections.own_settings(options)
    settings["longnames"], settings["hidden"] = longnames, options.hidden
    settings["closures"], settings["remsh"] = options.closures, options.remsh
    hostname = socket.getfqdn() if longnames else socket.gethostname()
    return NodeConfig.load(name, options.cookie, environ=os.environ, hostname=hostname, **settings)


def environment(options: argparse.Namespace) -> dict[str, dict[str, Term]]:
    """What applications are configured with: `--config` and `--env`, or PYERLNODE_ENV."""
    if options.config is None:
        if options.env is not None:
            raise ConfigError("--env chooses an environment of a file: --config is missing")
        return {}
    return configuration.load(options.config, options.env or os.environ.get("PYERLNODE_ENV") or None)
