"""`pyerlnode mqtt CONFIG`: a node that hosts a bridge to MQTT brokers until it is told to stop.

    pyerlnode mqtt --sname bridge@localhost --cookie secret bridge.toml

Its server is registered as `Elixir.MQTT`, unless the file gives it another name.

Proof: tests/cli/test_mqtt.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.cli import run as run_command
from pyerlnode.otp import Application

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    run_command.configure_node(parser)
    parser.add_argument("bridge", metavar="CONFIG", help="TOML file: brokers, routes, codecs")


def run(options: argparse.Namespace) -> int:
    def load() -> Application:
        # Only now: without the extra it says what to install.
        from pyerlnode.bridge.mqtt.configuration import load as children

        return Application.from_children(children(options.bridge), "mqtt")

    return run_command.host(options, load)
