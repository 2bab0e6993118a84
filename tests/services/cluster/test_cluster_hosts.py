"""Nodes by EPMD: of `.hosts.erlang`, of a list of hosts, of this machine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from clusters import Cluster as Nodes
from clusters import run

from pyerlnode.errors import ConfigError
from pyerlnode.services import local
from pyerlnode.services.cluster import ErlangHosts, LocalEpmd
from pyerlnode.services.cluster.hosts import host_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_has_one_host_on_a_line(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("% ours\n'kate.example.org'.\n\n  alex. % a short one\n")
    assert host_file(file) == ["kate.example.org", "alex"]


@pytest.mark.parametrize("line", ["kate.example.org", "'kate.example.org'", "{kate, alex}.", "'kate"])
def test_a_line_that_is_no_host_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "hosts"
    file.write_text(f"'alex'.\n{line}\n")
    with pytest.raises(ConfigError, match=r"hosts, line 2: 'host\.name'\. is wanted"):
        host_file(file)


def test_the_file_is_looked_for_here_and_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(ConfigError, match=r"no \.hosts\.erlang in "):
        host_file()
    (home / ".hosts.erlang").write_text("'home'.\n")
    assert host_file() == ["home"]
    (here / ".hosts.erlang").write_text("'here'.\n")
    assert host_file() == ["here"]


async def test_all_nodes_of_the_hosts_are_found(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Nodes() as nodes:
        await nodes.start("kate")
        await nodes.start("alex")
        monkeypatch.setenv("ERL_EPMD_PORT", str(nodes.epmd_port))
        strategy = ErlangHosts(hosts=["localhost", "nowhere.invalid"])
        with caplog.at_level(logging.WARNING, "pyerlnode.cluster"):
            for _ in range(2):
                assert sorted(await strategy.look("max@localhost")) == ["alex@localhost", "kate@localhost"]
        [record] = caplog.records
        assert "ErlangHosts: host 'nowhere.invalid' is unknown" in record.getMessage()


async def test_all_nodes_of_this_machine_are_found() -> None:
    async with Nodes([local.remember]) as nodes:
        kate = await nodes.start("kate")
        await nodes.start("alex")
        found = await run(kate, LocalEpmd().look, "kate@localhost")
        assert sorted(found) == ["alex@localhost", "kate@localhost"]


def test_a_file_and_hosts_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="either a file or a list"):
        ErlangHosts(file="hosts", hosts=["a"])
