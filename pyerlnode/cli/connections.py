"""The options that say how a node reaches others, and how others reach it.

Proof: tests/cli/test_connection_options.py.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pyerlnode.node.busy_wait import THRESHOLDS
from pyerlnode.node.config import PROTO_DIST
from pyerlnode.node.tls import Tls

if TYPE_CHECKING:
    from pyerlnode.node import NodeSettings

__all__ = ["add_common", "add_epmd_port", "add_own", "client_settings", "common_settings", "own_settings"]


def add_epmd_port(parser: argparse.ArgumentParser) -> None:
    """`--epmd-port`."""
    parser.add_argument(
        "--epmd-port", type=int, metavar="P", help="port of EPMD (default: ERL_EPMD_PORT, else 4369)"
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every node needs that dials others."""
    add_epmd_port(parser)
    parser.add_argument(
        "--epmd", choices=("auto", "none"), default="auto", help="none: do without (default auto)"
    )
    parser.add_argument(
        "--erl-epmd-port", type=int, metavar="P", help="all nodes listen there, and there is no EPMD"
    )
    parser.add_argument(
        "--node-port",
        metavar="NODE=P",
        action="append",
        default=[],
        type=_node_port,
        help="NODE listens on this port: EPMD is not asked for it",
    )
    parser.add_argument(
        "--proto-dist",
        metavar="P",
        choices=PROTO_DIST,
        default=PROTO_DIST[0],
        help=f"{' or '.join(PROTO_DIST)}: IPv4 first (default), or IPv6",
    )
    parser.add_argument(
        "--tls", metavar="FILE", help="connect with TLS only; FILE is what a BEAM takes as -ssl_dist_optfile"
    )
    parser.add_argument("--net-setuptime", metavar="S", type=float, help="seconds to connect (default 7)")


def add_own(parser: argparse.ArgumentParser) -> None:
    """What else a node of its own can be told."""
    parser.add_argument(
        "--port",
        metavar="P[-Q]",
        type=_ports,
        help="listen on this port, or on the first free one of these (default: any)",
    )
    parser.add_argument(
        "--listen-address",
        metavar="A",
        help="listen on this IP address only (default: loopback for a host that is, else everywhere)",
    )
    parser.add_argument(
        "--no-dist-listen", action="store_true", help="only dial: nobody can connect to the node"
    )
    parser.add_argument(
        "--no-connect-all",
        action="store_true",
        help="do not connect to the nodes that a connected node is connected with",
    )
    parser.add_argument("--net-ticktime", metavar="S", type=float, help="seconds (default 60)")
    parser.add_argument(
        "--zdbbl",
        metavar="KB",
        type=int,
        default=1024,
        help="kilobytes that may wait for a slow node before who sends to it is suspended (default 1024)",
    )
    parser.add_argument(
        "--sbwt",
        choices=THRESHOLDS,
        help="how long to look for more after a read before the node sleeps"
        " (default medium, or none where there is one processor)",
    )


def common_settings(options: argparse.Namespace) -> NodeSettings:
    """Of `add_common`."""
    settings: NodeSettings = {
        "epmd_port": options.epmd_port,
        "epmd": options.epmd != "none",
        "erl_epmd_port": options.erl_epmd_port,
        "node_ports": dict(options.node_port),
        "proto_dist": options.proto_dist,
        "tls": options.tls,
    }
    if options.net_setuptime is not None:
        settings["net_setuptime"] = options.net_setuptime
    return settings


def own_settings(options: argparse.Namespace, kernel: NodeSettings) -> NodeSettings:
    """Of `add_common` and `add_own`; where nothing was said, what `kernel` has."""
    settings: NodeSettings = {**kernel, **common_settings(options)}
    if options.port is not None:
        settings["listen_ports"] = options.port if options.port != (0, 0) else 0
    if options.listen_address is not None:
        settings["listen_address"] = options.listen_address
    if options.no_dist_listen:
        settings["dist_listen"] = False
    if options.no_connect_all:
        settings["connect_all"] = False
    if options.net_ticktime is not None:
        settings["net_ticktime"] = options.net_ticktime
    settings["dist_buf_busy_limit"] = options.zdbbl * 1024
    if options.sbwt is not None:
        settings["sbwt"] = options.sbwt
    return settings


def client_settings(options: argparse.Namespace) -> NodeSettings:
    """Of a node that is there for a moment: it listens where that can be of use to anybody."""
    settings = common_settings(options)
    without_epmd = options.epmd == "none" or options.erl_epmd_port is not None
    shows_nothing = options.tls is not None and not Tls(options.tls).can_listen
    settings["dist_listen"] = not (without_epmd or shows_nothing)
    settings["epmd_serve"] = False
    return settings


def _node_port(text: str) -> tuple[str, int]:
    node, equals, port = text.rpartition("=")
    if not (equals and port.isascii() and port.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r}: NODE=PORT is wanted")
    return node, int(port)


def _ports(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    if not all(part.isascii() and part.isdigit() for part in (low, high if dash else low)):
        raise argparse.ArgumentTypeError(f"{text!r}: a port, or two with a dash between, is wanted")
    return int(low), int(high if dash else low)
