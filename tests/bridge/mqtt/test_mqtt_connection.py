"""Connections that are refused, encrypted, silent, killed."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest
from clusters import until
from mqtt_tools import NAME, TIMEOUT, message, running, status

from pyerlnode import Atom, Supervisor, receive
from pyerlnode.bridge.mqtt import MQTT
from pyerlnode.errors import ConfigError, ErlangError
from pyerlnode.otp import GenServer
from pyerlnode.process import exit, spawn, whereis
from pyerlnode.testing import free_port as another_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mosquitto_server import Mosquitto


# Client and broker leave the closing of some sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """None of them is left to the tests of others."""
    yield
    gc.collect()


async def is_connected() -> bool:
    return bool(await status("connected"))


async def is_lost() -> bool:
    return not await status("connected")


@pytest.fixture
def tls(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> tuple[Mosquitto, str, str]:
    """A broker that wants a certificate of its client, the file of the CA, and that of another one."""
    pytest.importorskip("cryptography")
    from pyerlnode.node.certificates import Authority

    ca = Authority()
    certificate, key = ca.issue(["localhost", "127.0.0.1"])
    for name, content in (("ca", ca.pem), ("cert", certificate), ("key", key), ("other", Authority().pem)):
        (tmp_path / f"{name}.pem").write_bytes(content)
    lines = [
        f"{option}file {tmp_path}/{name}.pem"
        for option, name in (("ca", "ca"), ("cert", "cert"), ("key", "key"))
    ]
    return (
        mosquitto(lines=[*lines, "require_certificate true"]),
        f"{tmp_path}/ca.pem",
        f"{tmp_path}/other.pem",
    )


async def test_tls_with_certificates_of_both(
    tls: tuple[Mosquitto, str, str], free_port: int, tmp_path: Path
) -> None:
    broker, ca, _ = tls
    own = {"certfile": str(tmp_path / "cert.pem"), "keyfile": str(tmp_path / "key.pem")}
    async with running(f"mqtts://localhost:{broker.port}", free_port, cafile=ca, **own):
        await MQTT.subscribe(NAME, "a")
        await MQTT.publish(NAME, "a", b"x", qos=1)
        assert (await message())[1] == b"x"


async def test_a_broker_whose_certificate_is_not_trusted(
    tls: tuple[Mosquitto, str, str], free_port: int
) -> None:
    broker, _, other = tls
    url = f"mqtts://localhost:{broker.port}"
    async with running(url, free_port, cafile=other, request_timeout=0.5):
        with pytest.raises(ErlangError, match="CERTIFICATE_VERIFY_FAILED"):
            await MQTT.subscribe(NAME, "a")
    with pytest.raises(ConfigError, match="/no/such/file"):
        MQTT.child(url, cafile="/no/such/file")


async def test_plain_mqtt_to_a_port_that_speaks_tls(tls: tuple[Mosquitto, str, str], free_port: int) -> None:
    broker, _, _ = tls
    async with running(f"mqtt://localhost:{broker.port}", free_port, timeout=0.3, request_timeout=1):
        with pytest.raises(ErlangError, match="not_connected"):
            await MQTT.subscribe(NAME, "a")


async def test_a_broker_that_falls_silent(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    broker = mosquitto()
    async with running(broker.url, free_port, keepalive=1, timeout=1):
        await MQTT.subscribe(NAME, "a", qos=1)
        broker.send_signal(signal.SIGSTOP)
        await until(is_lost, TIMEOUT)
        assert await MQTT.publish(NAME, "a", b"meanwhile", qos=1) == ("ok", "queued")
        broker.send_signal(signal.SIGCONT)
        assert (await message())[1] == b"meanwhile"


async def test_a_broker_that_hangs_up_at_once(free_port: int) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with running(f"mqtt://127.0.0.1:{port}", free_port, timeout=0.3, request_timeout=1):
            with pytest.raises(ErlangError, match="not_connected"):
                await MQTT.subscribe(NAME, "a")


async def test_a_broker_that_answers_nonsense(free_port: int, quiet: Callable[[str], None]) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xff\xff\xff\xff HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        await writer.drain()
        writer.close()

    quiet("asyncio")
    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with running(f"mqtt://127.0.0.1:{port}", free_port, timeout=0.3, request_timeout=1):
            with pytest.raises(ErlangError, match="not_connected"):
                await MQTT.subscribe(NAME, "a")


async def test_a_host_that_is_unknown(
    free_port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "no-such-host.invalid":  # without asking the name servers of this machine
            raise socket.gaierror(-2, "Name or service not known")
        return ask(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with running("mqtt://no-such-host.invalid", free_port, request_timeout=0.5):
        with pytest.raises(ErlangError, match="Name or service not known"):
            await MQTT.subscribe(NAME, "a")
    lines = [record for record in caplog.records if record.name == "pyerlnode.mqtt"]
    assert len(lines) == 1  # however often it tried


async def test_a_connection_whose_process_is_killed(
    mosquitto: Callable[..., Mosquitto], free_port: int, quiet: Callable[[str], None]
) -> None:
    quiet("pyerlnode.otp")
    async with running(mosquitto().url, free_port):
        await MQTT.subscribe(NAME, "a", qos=1)
        for number in range(2):
            children = await Supervisor.which_children("Elixir.MQTT.Supervisor")
            connection: Any = next(pid for id, pid, _, _ in children if id == "connection")
            exit(connection, Atom("kill"))
            await MQTT.publish(NAME, "a", b"%d" % number, qos=1)
            assert (await message())[1] == b"%d" % number


async def test_two_clients_with_one_name(
    mosquitto: Callable[..., Mosquitto], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto()
    async with running(broker.url, free_port, client_id="kate"):
        await MQTT.start_link(broker.url, name="other", client_id="kate", reconnect_max=0.5)
        # They take turns, ever more slowly, and do not fill the log.
        await until(lambda: broker.log.count("already connected") >= 6, TIMEOUT)
    lines = [record for record in caplog.records if "not connected" in record.getMessage()]
    assert len(lines) <= broker.log.count("already connected")


async def test_who_ends_before_the_broker_was_asked(
    mosquitto: Callable[..., Mosquitto], free_port: int
) -> None:
    async def ask_and_go() -> None:
        for number in range(3):
            GenServer.send_request(NAME, (Atom("subscribe"), f"gone/{number}"))

    async with running(mosquitto().url, free_port):
        await until(is_connected, TIMEOUT)
        for _ in range(5):
            spawn(ask_and_go)
        await MQTT.subscribe(NAME, "a")

        async def is_forgotten() -> bool:
            return bool(await status("subscriptions") == 1 and await status("subscribers") == 1)

        await until(is_forgotten, TIMEOUT)


async def test_a_flood_of_publishes_and_of_messages(
    mosquitto: Callable[..., Mosquitto], free_port: int
) -> None:
    broker = mosquitto(lines=["max_queued_messages 0"])
    async with running(broker.url, free_port, queue_limit=50_000):
        await MQTT.subscribe(NAME, "f", qos=1)
        for number in range(2000):
            GenServer.cast(NAME, (Atom("publish"), "f", b"%d" % number, [(Atom("qos"), 1)]))
        got = [int((await message())[1]) for _ in range(2000)]
        assert got == list(range(2000))


async def test_the_password_stands_in_no_report(free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pyerlnode")
    url = f"mqtt://kate:swordfish@127.0.0.1:{another_port()}"
    async with running("mqtt://127.0.0.1:1", free_port, name=None):
        top = await Supervisor.start_link([MQTT.child(url)], strategy="one_for_one")
        await until(lambda: whereis(NAME) is not None, TIMEOUT)
        [(id, _, _, _)] = await Supervisor.which_children(top)
        assert "swordfish" not in str(await GenServer.call(top, (Atom("get_childspec"), id)))
        with pytest.raises(TimeoutError):
            await receive(timeout=0)
    assert "127.0.0.1" in caplog.text and "swordfish" not in caplog.text
