"""Nodes that connect with TLS: what passes, and each way in which it can be wrong, by its name."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from node_tools import Client, free_port, until
from tls_files import certificate, write_options

from pyerlnode.errors import ConfigError, HandshakeError, TlsError
from pyerlnode.node import Node
from pyerlnode.node.acceptor import listening_socket
from pyerlnode.process import receive, register, self
from pyerlnode.protocol.control import RegSend
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    StartNode = Callable[..., Awaitable[Node]]

KATE = "kate@localhost"
BOTH = ("tlsv1.2", "tlsv1.3")


@pytest.fixture
def tls(tmp_path: Path) -> str:
    return write_options(tmp_path / "good")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def take_message(node: Node, name: str) -> asyncio.Future[Any]:
    """A process of that name; its first message."""
    received: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        register(name, self())
        received.set_result(await receive())

    process = node.runtime.spawn(body())
    await until(lambda: process.name)
    return received


@pytest.mark.parametrize("version", BOTH)
async def test_messages_of_any_size_pass_with_both_versions(
    start_node: StartNode, tmp_path: Path, version: str
) -> None:
    tls = write_options(tmp_path, versions=(version,))
    kate, alex = await start_node("kate", tls=tls), await start_node("alex", tls=tls)
    await alex.dial(KATE)
    assert kate.nodes() == ["alex@localhost"] and alex.nodes() == [KATE]
    (link,) = alex.links()
    assert link.is_secure
    for sender, receiver in ((alex, kate), (kate, alex)):
        received = await take_message(receiver, "post")
        message = (Atom("large"), os.urandom(10_000_000))
        sender.runtime.signal(receiver.name, RegSend(self(), Atom("post"), message))
        async with asyncio.timeout(30):
            assert await received == message


async def test_a_node_named_after_an_address_is_verified_by_it(start_node: StartNode, tls: str) -> None:
    await start_node("kate@127.0.0.1", tls=tls)
    alex = await start_node("alex@127.0.0.1", tls=tls)
    await alex.dial("kate@127.0.0.1")


async def test_both_dial_at_once_and_one_connection_is_left(start_node: StartNode, tls: str) -> None:
    for _ in range(3):
        kate, alex = await start_node("kate", tls=tls), await start_node("alex", tls=tls)
        async with asyncio.timeout(30):
            assert await asyncio.gather(kate.connect(alex.name), alex.connect(kate.name)) == [True, True]
        assert len(kate.links()) == len(alex.links()) == 1
        await alex.stop()
        await kate.stop()


async def test_a_connection_that_is_closed_is_closed_on_both_sides(start_node: StartNode, tls: str) -> None:
    kate, alex = await start_node("kate", tls=tls), await start_node("alex", tls=tls)
    for _ in range(3):
        await alex.dial(KATE)
        alex.disconnect(KATE)
        await until(lambda: not kate.links())
        await kate.dial("alex@localhost")
        alex.disconnect(KATE)
        await until(lambda: not kate.links())


async def test_a_peer_that_does_not_read_makes_the_link_busy_and_loses_nothing(
    start_node: StartNode, tls: str
) -> None:
    kate, alex = await start_node("kate", tls=tls), await start_node("alex", tls=tls)
    await alex.dial(KATE)
    (link,), (other,) = alex.links(), kate.links()
    received: list[Any] = []

    async def body() -> None:
        register("post", self())
        while True:
            received.append(await receive())

    process = kate.runtime.spawn(body())
    await until(lambda: process.name)
    assert other._transport is not None
    other._transport.pause_reading()
    number = 0
    while not link.busy:
        alex.runtime.signal(Atom(KATE), RegSend(self(), Atom("post"), (number, bytes(200_000))))
        number += 1
        await asyncio.sleep(0)
        assert number < 1000
    other._transport.resume_reading()
    await until(lambda: len(received) == number, 30)
    assert [each[0] for each in received] == list(range(number))
    await until(lambda: not link.busy, 30)


# --- certificates that are wrong -----------------------------------------------------------


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("expired", "certificate has expired"),
        ("other_host", "certificate is for another host: .*localhost"),
        ("unknown_ca", "certificate is of an unknown CA"),
    ],
)
async def test_a_wrong_certificate_of_the_server_is_named(
    start_node: StartNode,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    said: str,
    version: str,
) -> None:
    await start_node("kate", tls=write_options(tmp_path / "kate", server=kind, versions=(version,)))
    alex = await start_node("alex", tls=write_options(tmp_path / "alex", versions=(version,)))
    with pytest.raises(TlsError, match=f"localhost, port [0-9]+: its {said}"):
        await alex.dial(KATE)
    assert f"no connection to {KATE}: localhost, port" in "".join(warnings(caplog))


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("expired", "its certificate has expired"),
        ("unknown_ca", "its certificate is of an unknown CA"),
        (None, "it gave no client certificate"),
    ],
)
async def test_a_wrong_certificate_of_a_client_is_named(
    start_node: StartNode,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str | None,
    said: str,
    version: str,
) -> None:
    kate = await start_node("kate", tls=write_options(tmp_path / "kate", versions=(version,)))
    alex = await start_node("alex", tls=write_options(tmp_path / "alex", client=kind, versions=(version,)))
    with pytest.raises(HandshakeError, match="closed"):
        await alex.dial(KATE)
    await until(lambda: any(line.endswith(said) or said in line for line in warnings(caplog)))
    assert kate.nodes() == []


async def test_a_server_that_does_not_ask_takes_clients_without_certificate(
    start_node: StartNode, tmp_path: Path
) -> None:
    await start_node("kate", tls=write_options(tmp_path / "kate", server_verifies=False))
    alex = await start_node("alex", tls=write_options(tmp_path / "alex", client=None))
    await alex.dial(KATE)


async def test_a_client_that_does_not_verify_takes_any_server(start_node: StartNode, tmp_path: Path) -> None:
    await start_node("kate", tls=write_options(tmp_path / "kate", server="other_host"))
    alex = await start_node("alex", tls=write_options(tmp_path / "alex", client_verifies=False))
    await alex.dial(KATE)


async def test_a_client_with_nothing_to_verify_with_trusts_nobody(
    start_node: StartNode, tmp_path: Path, tls: str
) -> None:
    await start_node("kate", tls=tls)
    file = tmp_path / "half.conf"
    file.write_text(
        f'[{{server, [{{certfile, "{tmp_path}/good/server_certfile.pem"}},'
        f'{{keyfile, "{tmp_path}/good/server_keyfile.pem"}}]}}].'
    )
    alex = await start_node("alex", tls=str(file))
    with pytest.raises(TlsError, match="client: without cacertfile no certificate can be verified"):
        await alex.dial(KATE)


async def test_two_ends_without_a_common_version(
    start_node: StartNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await start_node("kate", tls=write_options(tmp_path / "kate", versions=("tlsv1.3",)))
    alex = await start_node("alex", tls=write_options(tmp_path / "alex", versions=("tlsv1.2",)))
    with pytest.raises(HandshakeError):
        await alex.dial(KATE)
    await until(lambda: "no version of TLS in common" in "".join(warnings(caplog)))


async def test_a_new_certificate_is_taken_from_the_file(
    start_node: StartNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = write_options(tmp_path / "kate", server="expired")
    await start_node("kate", tls=options)
    alex = await start_node("alex", tls=write_options(tmp_path / "alex"))
    with pytest.raises(TlsError, match="expired"):
        await alex.dial(KATE)
    certfile, keyfile = (tmp_path / "kate" / f"server_{name}.pem" for name in ("certfile", "keyfile"))
    new_certificate, new_key = certificate("good")
    certfile.write_bytes(new_certificate)
    with pytest.raises(TlsError, match="expired"):  # not whole yet: the key is the old one
        await alex.dial(KATE)
    assert "the certificates from before are kept" in "".join(warnings(caplog))
    keyfile.write_bytes(new_key)
    await alex.dial(KATE)


# --- no TLS at all -------------------------------------------------------------------------


async def test_a_peer_that_speaks_plainly_to_a_port_with_tls(
    start_node: StartNode, tls: str, caplog: pytest.LogCaptureFixture
) -> None:
    await start_node("kate", tls=tls)
    alex = await start_node("alex")
    with pytest.raises(HandshakeError):
        await alex.dial(KATE)
    await until(
        lambda: any("127.0.0.1:" in line and "does not speak TLS" in line for line in warnings(caplog))
    )


async def test_a_peer_that_speaks_tls_to_a_plain_port(
    start_node: StartNode, tls: str, caplog: pytest.LogCaptureFixture
) -> None:
    await start_node("kate")
    alex = await start_node("alex", tls=tls)
    with pytest.raises(TlsError, match="or speaks without TLS"):
        await alex.dial(KATE)
    await until(lambda: any("it speaks TLS" in line for line in warnings(caplog)))


async def test_a_server_that_says_nothing_is_given_up(start_node: StartNode, tls: str) -> None:
    with listening_socket("127.0.0.1", 0) as silent:
        port = silent.getsockname()[1]
        alex = await start_node("alex", tls=tls, net_setuptime=0.5, node_ports={KATE: port})
        async with asyncio.timeout(30):
            with pytest.raises(TlsError, match=r"no TLS handshake within 0\.45 s: perhaps it speaks without"):
                await alex.dial(KATE)


async def test_a_client_that_says_nothing_is_given_up_and_named(
    start_node: StartNode, tls: str, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate", tls=tls, net_setuptime=0.3)
    async with await Client.open(kate.port) as client:
        address = "127.0.0.1:{}".format(client.writer.get_extra_info("sockname")[1])
        assert await client.rest(30) == b""
    await until(lambda: f"{address}: no TLS handshake within 0.3 s" in "".join(warnings(caplog)))


async def test_handshakes_under_way_are_bounded_and_the_oldest_gives_way(
    start_node: StartNode, tls: str, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate", tls=tls, max_pending=3, net_setuptime=30.0)
    clients = [await Client.open(kate.port) for _ in range(4)]
    assert await clients[0].rest(30) == b""
    assert "gives way: more than 3 are in the TLS handshake" in "".join(warnings(caplog))
    alex = await start_node("alex", tls=tls)
    await alex.dial(KATE)
    for client in clients:
        await client.close()


async def test_a_node_that_stops_leaves_no_handshake_open(start_node: StartNode, tls: str) -> None:
    kate = await start_node("kate", tls=tls)
    async with await Client.open(kate.port) as client:
        await kate.stop()
        assert await client.rest(30) == b""


# --- what cannot start ---------------------------------------------------------------------


async def test_a_node_that_others_may_dial_needs_a_certificate(start_node: StartNode, tmp_path: Path) -> None:
    file = tmp_path / "client.conf"
    file.write_text("[{client, [{verify, verify_none}]}].")
    with pytest.raises(ConfigError, match="server: without certfile nobody can connect"):
        await start_node("kate", tls=str(file))
    await start_node("zoe", tls=write_options(tmp_path / "zoe", server_verifies=False))
    alex = await start_node("alex", tls=str(file), dist_listen=False)
    await alex.dial("zoe@localhost")


# --- another event loop --------------------------------------------------------------------


def test_it_works_with_uvloop(tmp_path: Path) -> None:
    tls, wrong = write_options(tmp_path / "good"), write_options(tmp_path / "wrong", server="expired")
    port = free_port()

    async def scenario() -> None:
        async with Node(KATE, "secret", epmd_port=port, tls=tls) as kate:
            async with Node("alex@localhost", "secret", epmd_port=port, tls=tls) as alex:
                await alex.dial(KATE)
                received = await take_message(kate, "post")
                message = os.urandom(3_000_000)
                alex.runtime.signal(Atom(KATE), RegSend(self(), Atom("post"), message))
                assert await received == message
            async with Node("zoe@localhost", "secret", epmd_port=port, tls=wrong) as zoe:
                with pytest.raises(TlsError, match="expired"):
                    await kate.dial("zoe@localhost")
                assert zoe.nodes() == []

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 30))
