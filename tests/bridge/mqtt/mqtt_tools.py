"""A node with an MQTT server, for tests whose own task is a process of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pyerlnode import Atom, Node, receive
from pyerlnode.bridge.mqtt import MQTT
from pyerlnode.otp import GenServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAME = "Elixir.MQTT"
TIMEOUT = 30


@asynccontextmanager
async def running(url: Any, port: int, before: Any = None, **options: Any) -> AsyncIterator[Node]:
    """A node with a server; its own task is a process that may ask it."""
    async with Node("kate@localhost", "secret", epmd_port=port, services=[]) as node:
        if before is not None:
            await before()
        await MQTT.start_link(url, reconnect_min=0.02, reconnect_max=0.2, **options)
        yield node


async def message() -> tuple[Any, Any, dict[str, Any]]:
    """The next message of a topic: topic, payload, properties."""
    kind, topic, payload, properties = await receive(timeout=TIMEOUT)
    assert kind == "mqtt"
    return topic, payload, dict(properties)


async def status(key: str) -> Any:
    return dict(await GenServer.call(NAME, Atom("status")))[key]
