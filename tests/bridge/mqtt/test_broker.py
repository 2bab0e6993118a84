"""The embedded broker, for a first try."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from mqtt_tools import NAME, TIMEOUT, message, running

from pyerlnode.bridge.mqtt import MQTT, EmbeddedBroker
from pyerlnode.errors import ConfigError, Exit
from pyerlnode.otp import Supervisor
from pyerlnode.process import process_flag
from pyerlnode.testing import free_port as another_port

pytest.importorskip("amqtt")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


async def test_messages_by_way_of_the_embedded_broker(free_port: int) -> None:
    broker = EmbeddedBroker(port=another_port())

    async def start() -> None:
        await Supervisor.start_link([broker], strategy="one_for_one")

    options = {"protocol": "3.1.1", "request_timeout": TIMEOUT}
    async with running(broker.url, free_port, before=start, **options):
        await MQTT.subscribe(NAME, "a/+", qos=1)
        await MQTT.publish(NAME, "a/1", b"x", qos=1)
        assert await message() == ("a/1", b"x", {"qos": 1, "retain": False})


async def test_a_port_that_is_taken(
    free_port: int, mosquitto: Mosquitto, quiet: Callable[[str], None]
) -> None:
    quiet("amqtt")
    taken = mosquitto()  # type: ignore[operator]

    async def start() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(Exit, match="broker"):
            await Supervisor.start_link([EmbeddedBroker(port=taken.port)], strategy="one_for_one")

    async with running(taken.url, free_port, before=start):
        pass


def test_what_is_refused() -> None:
    for wrong in ({"port": 0}, {"port": "x"}, {"address": ""}):
        with pytest.raises(ConfigError):
            EmbeddedBroker(**wrong)
