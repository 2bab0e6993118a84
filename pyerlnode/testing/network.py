"""Hosts on one machine, and the cable between them: network namespaces that can be torn apart.

    with Network(3) as network:
        first, second, third = network.hosts          # each with an address of its own
        subprocess.run(first.command("ping", "-c1", second.address))
        network.split([first], [second, third])       # neither group hears of the other any more
        network.heal()

Each host is a namespace with a loopback device and one interface; these are the ports of a
switch in one more namespace.  A partition plugs them into different switches, so nobody is
told anything: what is sent is lost, as it is between machines.  Nothing of it touches the
network of the machine itself.  It needs root and `ip` (iproute2).

Proof: tests/testing/test_network.py, scripts/chaos.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pyerlnode.testing.children import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Host", "Network", "available"]

# Of the addresses that no machine of the Internet has; only these namespaces know them.
_SUBNET = "10.213.7"
_numbers = itertools.count(1)


def available() -> str | None:
    """None where networks can be made, else what is missing."""
    if shutil.which("ip") is None:
        return "there is no `ip` (iproute2)"
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    name = f"pyerlnode-{os.getpid()}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode == 0:
        _ip("netns", "del", name)
        return None
    return tried.stderr.strip() or "`ip netns add` failed"


@dataclass(frozen=True)
class Host:
    """A namespace, the address of its interface, and the port of the switch that this is plugged into.

    Without a namespace it is this machine.
    """

    namespace: str
    address: str
    port: str

    def command(self, *argv: str) -> list[str]:
        """The argument vector that runs a program there; the pid is the program's own."""
        return [*self.prefix, *argv]

    @property
    def prefix(self) -> tuple[str, ...]:
        """What comes before a program that is to run there."""
        return ("nsenter", f"--net=/run/netns/{self.namespace}", "--") if self.namespace else ()


class Network:
    """`count` hosts that reach each other; use it with `with`."""

    def __init__(self, count: int) -> None:
        self._name = f"pyerlnode-{os.getpid()}-{next(_numbers)}"
        self._switch = f"{self._name}-switch"
        self._switches = 0
        self.hosts = tuple(
            Host(f"{self._name}-{number}", f"{_SUBNET}.{number}", f"port{number}")
            for number in range(1, count + 1)
        )

    def __enter__(self) -> Self:
        try:
            _ip("netns", "add", self._switch)
            for host in self.hosts:
                self._add(host)
            self.heal()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Take everything away; who still runs in a namespace keeps what is left of it."""
        for namespace in [*(host.namespace for host in self.hosts), self._switch]:
            if os.path.exists(f"/run/netns/{namespace}"):
                _ip("netns", "del", namespace)

    def split(self, *groups: Sequence[Host]) -> None:
        """Let hosts hear of those in their own group only; each host is in one of them."""
        while self._switches < len(groups):
            self._switches += 1
            self._ip("link", "add", f"switch{self._switches}", "type", "bridge")
            self._ip("link", "set", f"switch{self._switches}", "up")
        for number, group in enumerate(groups, 1):
            for host in group:
                self._ip("link", "set", host.port, "master", f"switch{number}")

    def heal(self) -> None:
        """Let all hosts hear of each other."""
        self.split(self.hosts)

    def unplug(self, host: Host) -> None:
        """Pull a host's plug: it hears of nobody, and sees that."""
        self._ip("link", "set", host.port, "down")

    def plug(self, host: Host) -> None:
        """Put the plug back in."""
        self._ip("link", "set", host.port, "up")

    def _add(self, host: Host) -> None:
        _ip("netns", "add", host.namespace)
        self._ip("link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        self._ip("link", "set", host.port, "up")
        _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", host.namespace, "link", "set", device, "up")

    def _ip(self, *arguments: str) -> None:
        _ip("-n", self._switch, *arguments)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise HarnessError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
