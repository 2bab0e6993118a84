"""Hosts in network namespaces: who hears of whom, and that nothing is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyerlnode.testing import network
from pyerlnode.testing.children import HarnessError
from pyerlnode.testing.network import Host, Network

if TYPE_CHECKING:
    from collections.abc import Iterator

missing = network.available()
needs_namespaces = pytest.mark.skipif(
    missing is not None and "PYERLNODE_NAMESPACES_REQUIRED" not in os.environ, reason=str(missing)
)

# Sends a datagram to itself by way of the other host, which sends it back.
ECHO = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 4000))
print("up", flush=True)
while True:
    data, sender = sock.recvfrom(100)
    sock.sendto(data, sender)
"""
ASK = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(float(sys.argv[2]))
try:
    for _ in range(int(sys.argv[3])):
        try:
            sock.sendto(b"hello", (sys.argv[1], 4000))
            sock.recvfrom(100)
            print("heard")
            break
        except TimeoutError:
            pass
    else:
        print("silence")
except OSError as error:
    print("silence", error)
"""


@pytest.fixture
def three() -> Iterator[Network]:
    """Three hosts; each answers datagrams."""
    with Network(3) as made:
        servers = [
            subprocess.Popen(host.command(sys.executable, "-c", ECHO, host.address), stdout=subprocess.PIPE)
            for host in made.hosts
        ]
        try:
            for server in servers:
                assert server.stdout is not None and server.stdout.readline() == b"up\n"
            yield made
        finally:
            for server in servers:
                server.kill()
                server.communicate()


def hears(asking: Host, asked: Host, *, expected: bool) -> bool:
    """Whether a datagram comes back; tried for long where it should, and twice where it should not."""
    patience = ("0.5", "40") if expected else ("0.2", "2")
    argv = asking.command(sys.executable, "-c", ASK, asked.address, *patience)
    return "heard" in subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@needs_namespaces
def test_hosts_hear_of_each_other_but_not_across_a_partition(three: Network) -> None:
    first, second, third = three.hosts
    assert hears(first, second, expected=True) and hears(third, first, expected=True)
    three.split([first, second], [third])
    assert hears(first, second, expected=True)
    assert not hears(third, first, expected=False) and not hears(first, third, expected=False)
    three.heal()
    assert hears(third, first, expected=True)
    three.unplug(second)
    assert not hears(first, second, expected=False)
    three.plug(second)
    assert hears(first, second, expected=True)


@needs_namespaces
def test_nothing_is_left_and_a_pid_is_the_programs_own() -> None:
    with Network(1) as made:
        (host,) = made.hosts
        program = subprocess.Popen(
            host.command(sys.executable, "-c", "import os; print(os.getpid())"), stdout=subprocess.PIPE
        )
        printed, _ = program.communicate()
        assert int(printed) == program.pid
        assert os.path.exists(f"/run/netns/{host.namespace}")
    assert not os.path.exists(f"/run/netns/{host.namespace}")


@needs_namespaces
def test_what_ip_says_is_told() -> None:
    with Network(1) as made, pytest.raises(HarnessError, match="Cannot find device"):
        made.unplug(Host("nowhere", "10.213.7.9", "port9"))
