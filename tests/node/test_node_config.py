"""Node names and settings: what is accepted, what is settled for the caller, what is refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.errors import ConfigError
from pyerlnode.node import names
from pyerlnode.node.config import NodeConfig, epmd_addresses, epmd_port


def load(name: str, cookie: str | None = None, **settings: Any) -> NodeConfig:
    settings.setdefault("environ", {})
    settings.setdefault("hostname", "box.example.org")
    return NodeConfig.load(name, cookie, **settings)


@pytest.mark.parametrize(
    ("name", "longnames", "full", "is_long"),
    [
        ("kate@localhost", None, "kate@localhost", False),
        ("kate", None, "kate@box", False),
        ("kate", False, "kate@box", False),
        ("kate", True, "kate@box.example.org", True),
        ("kate@10.0.0.7", None, "kate@10.0.0.7", True),
        ("kate@host.lan", True, "kate@host.lan", True),
        ("kate@::1", None, "kate@::1", True),
        ("kate@localhost", True, "kate@localhost", True),  # as erl -name does
        ("k-a_T3@h", None, "k-a_T3@h", False),
    ],
)
def test_a_name_is_completed_as_erl_does(name: str, longnames: bool | None, full: str, is_long: bool) -> None:
    config = load(name, longnames=longnames)
    assert (config.name, config.longnames) == (full, is_long)


@pytest.mark.parametrize(
    ("name", "longnames", "part"),
    [
        ("kate@host.lan", False, "needs long names"),
        ("kate@10.0.0.1", False, "needs long names"),
        ("@localhost", None, "nothing before"),
        ("kate@", None, "nothing after"),
        ("", None, "nothing before"),
        ("kate@a@b", None, "exactly one @"),
        ("ka.te@localhost", None, "letters, digits"),
        ("ka te@localhost", None, "bad node name"),
        ("käte@localhost", None, "bad node name"),
        ("kate@local host", None, "bad node name"),
        ("k" * 250 + "@localhost", None, "260 characters"),
    ],
)
def test_a_bad_name_is_refused_in_one_line(name: str, longnames: bool | None, part: str) -> None:
    with pytest.raises(ConfigError, match=part) as error:
        load(name, longnames=longnames)
    assert "\n" not in str(error.value)


def test_a_long_name_without_a_host_needs_a_domain() -> None:
    with pytest.raises(ConfigError, match="no domain"):
        load("kate", longnames=True, hostname="box")


@pytest.mark.parametrize(
    ("name", "address", "epmd"),
    [
        ("kate@localhost", "127.0.0.1", ("127.0.0.1", "::1")),
        ("kate@127.0.0.1", "127.0.0.1", ("127.0.0.1", "::1")),
        ("kate@127.0.0.9", "127.0.0.9", ("127.0.0.1", "::1")),
        ("kate@::1", "::1", ("127.0.0.1", "::1")),
        ("kate@[::1]", "::1", ("127.0.0.1", "::1")),
        ("kate@box", "0.0.0.0", ("0.0.0.0", "::")),
        ("kate@10.0.0.7", "0.0.0.0", ("0.0.0.0", "::")),
        ("kate@fe80::7", "::", ("0.0.0.0", "::")),
    ],
)
def test_a_loopback_name_listens_on_loopback_only(name: str, address: str, epmd: tuple[str, ...]) -> None:
    config = load(name)
    assert config.listen_address == address
    assert config.epmd_addresses == epmd


def test_epmd_settings_come_from_the_argument_then_the_environment() -> None:
    environ = {"ERL_EPMD_PORT": "4711", "ERL_EPMD_ADDRESS": "10.0.0.1, 127.0.0.1"}
    config = load("kate@localhost", environ=environ)
    assert config.epmd_port == 4711
    assert config.epmd_addresses == ("10.0.0.1", "127.0.0.1", "::1")
    config = load("kate@localhost", environ=environ, epmd_port=4712, epmd_address="10.0.0.2")
    assert config.epmd_port == 4712
    assert config.epmd_addresses == ("10.0.0.2", "127.0.0.1", "::1")
    assert load("kate@localhost").epmd_port == 4369


def test_a_daemon_of_its_own_listens_everywhere_unless_told_otherwise() -> None:
    assert epmd_addresses(None, {}) == ("0.0.0.0", "::")
    assert epmd_addresses("127.0.0.1", {}) == ("127.0.0.1", "::1")
    assert epmd_addresses("0.0.0.0", {}) == ("0.0.0.0", "::1")


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "4369 ", "٣"])
def test_a_bad_epmd_port_in_the_environment_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="ERL_EPMD_PORT"):
        epmd_port(None, {"ERL_EPMD_PORT": text})


def test_a_bad_epmd_address_is_named() -> None:
    with pytest.raises(ConfigError, match="'box'"):
        load("kate@localhost", environ={"ERL_EPMD_ADDRESS": "box"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epmd_port", 0),
        ("epmd_port", 70000),
        ("listen_ports", (9100, 9000)),
        ("listen_ports", 70000),
        ("net_ticktime", 0),
        ("net_setuptime", 121),
        ("net_setuptime", 0),
        ("max_frame", 10),
        ("max_pending", 0),
    ],
)
def test_a_setting_out_of_range_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError, match="is wanted"):
        load("kate@localhost", **{setting: value})


def test_one_listen_port_is_a_range_of_one() -> None:
    assert load("kate@localhost", listen_ports=9100).listen_ports == (9100, 9100)


def test_the_cookie_shows_in_no_text() -> None:
    assert "s3cret" not in repr(load("kate@localhost", "s3cret"))


def test_a_node_that_wants_a_name_from_others_is_told_by_its_own() -> None:
    assert load("undefined@localhost").dynamic
    assert not load("kate@localhost").dynamic


def test_split_takes_a_name_apart() -> None:
    assert names.split("kate@localhost") == ("kate", "localhost")
