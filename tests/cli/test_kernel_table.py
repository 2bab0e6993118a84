"""The table `[kernel]` of a configuration: what it says of connections, and what goes over it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.cli import options as common
from pyerlnode.cli import run as run_command
from pyerlnode.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyerlnode.node import NodeConfig

    Configured = Callable[..., NodeConfig]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """`configured(table, *options)`: the node that `run` would start with this in its file."""

    def configured(table: str, *words: str) -> NodeConfig:
        file = tmp_path / "app.toml"
        file.write_text(table)
        parser = argparse.ArgumentParser()
        run_command.configure(parser)
        name = ["--sname", "kate@localhost", "--cookie", "secret"]
        return common.run_config(parser.parse_args([*name, "--config", str(file), *words, "app.py:app"]))

    return configured


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("net_ticktime = 30\nnet_tickintensity = 8", {"net_ticktime": 30, "net_tickintensity": 8}),
        ("net_setuptime = 2.5", {"net_setuptime": 2.5}),
        ("dist_listen = false", {"dist_listen": False, "hidden": True}),
        ("connect_all = false", {"connect_all": False}),
        ("prevent_overlapping_partitions = false", {"prevent_overlapping_partitions": False}),
        ("inet_dist_listen_min = 9100", {"listen_ports": (9100, 9100)}),
        ("inet_dist_listen_min = 9100\ninet_dist_listen_max = 9110", {"listen_ports": (9100, 9110)}),
        ('inet_dist_use_interface = "127.0.0.2"', {"listen_address": "127.0.0.2"}),
        ("inet_dist_use_interface = [127, 0, 0, 2]", {"listen_address": "127.0.0.2"}),
        (
            'inet_dist_use_interface = { term = "{0, 0, 0, 0, 0, 0, 0, 1}" }',
            {"listen_address": "0:0:0:0:0:0:0:1"},
        ),
        ("shutdown_timeout = 5000", {"net_ticktime": 60.0, "listen_ports": (0, 0)}),
    ],
)
def test_what_the_table_says(configured: Configured, table: str, wanted: dict[str, Any]) -> None:
    config = configured(f"[kernel]\n{table}\n")
    assert {name: getattr(config, name) for name in wanted} == wanted


def test_an_environment_and_the_command_line_go_over_it(configured: Configured) -> None:
    table = "[kernel]\nnet_ticktime = 30\ninet_dist_listen_min = 9100\n[env.dev.kernel]\nnet_ticktime = 10\n"
    assert configured(table).net_ticktime == 30
    assert configured(table, "--env", "dev").net_ticktime == 10
    config = configured(table, "--env", "dev", "--net-ticktime", "5", "--port", "9200-9210")
    assert (config.net_ticktime, config.listen_ports) == (5, (9200, 9210))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('net_ticktime = "long"', "kernel.net_ticktime: a number of seconds is wanted, not 'long'"),
        ("net_ticktime = true", "kernel.net_ticktime"),
        ("net_ticktime = -1", "net_ticktime is -1"),
        ("net_tickintensity = 4.5", "kernel.net_tickintensity: an integer"),
        ("dist_listen = 0", "kernel.dist_listen: true or false"),
        ("inet_dist_listen_max = 9110", "inet_dist_listen_min is missing"),
        ('inet_dist_listen_min = "9100"', "kernel.inet_dist_listen_min: a port"),
        ("inet_dist_use_interface = [127, 0, 0]", "kernel.inet_dist_use_interface: an IP address"),
        ("inet_dist_use_interface = [300, 0, 0, 1]", "is no IP address"),
        ('inet_dist_use_interface = "box"', "is no IP address"),
    ],
)
def test_what_cannot_be_is_named(configured: Configured, table: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        configured(f"[kernel]\n{table}\n")
