"""Gossip: packets as Elixir makes them, and nodes that find each other on one machine."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.errors import ConfigError
from pyerlnode.services.cluster import Gossip
from pyerlnode.services.cluster.heartbeat import MAX_PACKET, Cipher, pack, unpack

SECONDS = 30.0
NODE = "kate@127.0.0.1"

# "heartbeat::" <> :erlang.term_to_binary(%{node: :"kate@127.0.0.1"})
PACKETS = {
    "OTP 25": "6865617274626561743a3a8374000000016400046e6f646564000e6b617465403132372e302e302e31",
    "OTP 27 and 29": "6865617274626561743a3a83740000000177046e6f6465770e6b617465403132372e302e302e31",
}
# The same of OTP 25 with the secret "somepassword", by :crypto.crypto_one_time(:aes_256_cbc, ...).
ENCRYPTED = bytes.fromhex(
    "000102030405060708090a0b0c0d0e0f0293fcf646d248542d82eea283216c73b653ae37670b8f75c8be4f188edb5bb3"
    "6e086e4443f74f5d0804c49dabb00368"
)


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
def test_a_packet_of_elixir_names_its_node(packet: str) -> None:
    assert unpack(bytes.fromhex(packet)) == NODE


def test_a_packet_is_what_elixir_makes() -> None:
    assert pack(NODE) == bytes.fromhex(PACKETS["OTP 27 and 29"])


def test_an_encrypted_packet_of_elixir_is_read_and_written() -> None:
    cipher = Cipher("somepassword")
    assert unpack(ENCRYPTED, cipher) == NODE
    assert cipher.encrypt(bytes.fromhex(PACKETS["OTP 25"]), iv=ENCRYPTED[:16]) == ENCRYPTED
    assert unpack(pack(NODE, cipher), cipher) == NODE


def test_another_secret_none_and_one_too_many_give_nothing() -> None:
    assert unpack(ENCRYPTED, Cipher("another")) is None
    assert unpack(ENCRYPTED) is None
    assert unpack(pack(NODE), Cipher("somepassword")) is None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"heartbeat::",
        b"heartbeat::\x83",
        b"heartbeat::\x83\x61\x01",
        pack("no at"),
        pack("kate@a b"),
        pack(NODE).replace(b"node", b"mode"),
        b"heartbeat::\x83t\x00\x00\x00\x01w\x04nodem\x00\x00\x00\x0ekate@127.0.0.1",
        pack(NODE).ljust(MAX_PACKET + 1, b"\0"),
    ],
)
def test_what_is_no_heartbeat_names_nobody(packet: bytes) -> None:
    assert unpack(packet) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_harmless(packet: bytes) -> None:
    cipher = Cipher("s")
    for data in (packet, b"heartbeat::" + packet):
        unpack(data)
        unpack(data, cipher)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"port": 0}, "port is 0"),
        ({"port": "x"}, "port is 'x'"),
        ({"if_addr": "::1"}, "if_addr"),
        ({"multicast_addr": "127.0.0.1"}, "no multicast address"),
        ({"secret": ""}, "secret"),
        ({"multicast_ttl": 256}, "multicast_ttl is 256"),
    ],
)
def test_a_wrong_setting_is_named(options: dict[str, object], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        Gossip(**options)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_two_nodes_hear_each_other_by_multicast_on_loopback() -> None:
    options = {"port": free_udp_port(), "multicast_if": "127.0.0.1", "interval": 0.1, "secret": "s"}
    kate, alex = Gossip(**options), Gossip(**options)
    finding = kate.discover(NODE), alex.discover("alex@127.0.0.1")
    async with asyncio.timeout(SECONDS), aclosing(finding[0]), aclosing(finding[1]):
        heard = await asyncio.gather(*map(anext, finding))
    assert heard == [["alex@127.0.0.1"], [NODE]]


async def test_packets_that_go_to_one_machine_need_no_group() -> None:
    port = free_udp_port()
    gossip = Gossip(port=port, if_addr="127.0.0.1", multicast_addr="127.0.0.1", broadcast_only=True)
    async with asyncio.timeout(SECONDS), aclosing(gossip.discover("alex@127.0.0.1")) as found:
        first = asyncio.ensure_future(anext(found))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not first.done():
                sock.sendto(b"noise", ("127.0.0.1", port))
                sock.sendto(bytes.fromhex(PACKETS["OTP 25"]), ("127.0.0.1", port))
                await asyncio.wait([first], timeout=0.05)
    assert first.result() == [NODE]


async def test_a_port_that_somebody_else_has_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        gossip = Gossip(port=port, if_addr="127.0.0.1", multicast_addr="127.0.0.1", broadcast_only=True)
        with pytest.raises(OSError, match=rf"gossip on 127\.0\.0\.1, port {port}: Address already in use"):
            await anext(gossip.discover(NODE))
