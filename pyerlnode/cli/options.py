"""Arguments that several commands share, and the node that they describe."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

from pyerlnode.cli import configuration, connections, kernel
from pyerlnode.errors import ConfigError, PyerlnodeError, UsageError
from pyerlnode.node import NodeConfig
from pyerlnode.term import Atom, to_elixir

if TYPE_CHECKING:
    import argparse

    from pyerlnode.node import Node
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


class Unreachable(PyerlnodeError):
    """There is no connection to the node that a command is about."""


async def reach(node: Node, peer: str) -> None:
    """Connect to `peer`; Unreachable says, in one line, why that does not work."""
    # What the log would say of it, too, beside the line of the command.
    logging.getLogger("pyerlnode.node").addHandler(logging.NullHandler())
    try:
        await node.dial(peer)
    except UsageError:
        raise
    except (PyerlnodeError, OSError) as error:
        down = to_elixir((Atom("nodedown"), Atom(peer)))
        raise Unreachable(f"{down}: {error or type(error).__name__}") from None


def client_config(options: argparse.Namespace, peer: str) -> NodeConfig:
    """A hidden node of its own name on this machine, to talk to `peer` with."""
    # Not for those who only ask EPMD, or start a node of their own.
    from pyerlnode.services import client

    return client.client_config(peer, options.cookie, connections.client_settings(options))


def run_config(options: argparse.Namespace) -> NodeConfig:
    """The node that `pyerlnode run` starts."""
    longnames = options.sname is None
    name = options.name if longnames else options.sname
    if not name:
        raise ConfigError("the node's name is empty")
    settings = connections.own_settings(options, kernel.settings(environment(options).get("kernel", {})))
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
