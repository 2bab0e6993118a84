"""All nodes that EPMD knows on certain hosts: of `.hosts.erlang`, of a list, or of this machine.

The file holds one host in quotes and with a dot on each line, as net_adm's:

    'kate.example.org'.
    'alex.example.org'.

It is looked for in the current directory, then in the home directory.

Source: net_adm(3), host_file/0 and names/1; libcluster's ErlangHosts and LocalEpmd.
Proof: tests/services/cluster/test_cluster_hosts.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyerlnode.errors import ConfigError, EpmdError, PyerlnodeError
from pyerlnode.node import epmd_client
from pyerlnode.node.config import epmd_port
from pyerlnode.protocol.names import split_name
from pyerlnode.services.cluster.strategy import POLLING_INTERVAL, Polling, logger, texts
from pyerlnode.term import parse_erlang

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["ErlangHosts", "LocalEpmd", "host_file"]

FILE = ".hosts.erlang"


class ErlangHosts(Polling):
    """Nodes of the hosts in `.hosts.erlang`, in another file of that form, or of `hosts`."""

    def __init__(
        self,
        file: str | None = None,
        hosts: Sequence[str] | None = None,
        polling_interval: float = POLLING_INTERVAL,
    ) -> None:
        """The file is read at each look, so that it may change; ConfigError for both file and hosts."""
        super().__init__(polling_interval)
        if file is not None and hosts is not None:
            raise ConfigError("erlang_hosts: either a file or a list of hosts is wanted")
        self._file = None if file is None else Path(str(file))
        self._hosts = None if hosts is None else texts("hosts", hosts)
        self._silent: dict[str, str] = {}

    async def look(self, own: str) -> Collection[str]:
        hosts = self._hosts if self._hosts is not None else host_file(self._file)
        found: list[str] = []
        for host in hosts:
            try:
                registered = await epmd_client.names(host, epmd_port(None, os.environ))
            except (OSError, EpmdError) as error:
                self._complain(host, str(error))
            else:
                self._silent.pop(host, None)
                found.extend(f"{name}@{host}" for name, _ in registered)
        return found

    def _complain(self, host: str, why: str) -> None:
        """One host that does not answer keeps us from none of the others, and is logged once."""
        if self._silent.get(host) != why:
            self._silent[host] = why
            logger.warning("%s: %s", type(self).__name__, why)


class LocalEpmd(Polling):
    """All nodes that are registered on this machine, under the host of this node's own name."""

    async def look(self, own: str) -> Collection[str]:
        host = split_name(own)[1]
        return [f"{name}@{host}" for name, _ in await epmd_client.names("127.0.0.1", _own_epmd_port())]


def _own_epmd_port() -> int:
    from pyerlnode.services.local import local_node

    return local_node().config.epmd_port


def host_file(file: Path | None = None) -> list[str]:
    """The hosts of a file, or of the first `.hosts.erlang` that there is; ConfigError if it is none."""
    if file is None:
        places = (Path.cwd() / FILE, Path.home() / FILE)
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            raise ConfigError(f"there is no {FILE} in {places[0].parent} nor in {places[1].parent}")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    written = ((number, line.partition("%")[0].strip()) for number, line in enumerate(lines, 1))
    return [_host(file, number, line) for number, line in written if line]


def _host(file: Path, number: int, line: str) -> str:
    try:
        host = parse_erlang(line.removesuffix("."))
    except PyerlnodeError:
        host = None
    if not line.endswith(".") or not isinstance(host, str) or not host:
        raise ConfigError(f"{file}, line {number}: 'host.name'. is wanted, not {line!r}")
    return str(host)
