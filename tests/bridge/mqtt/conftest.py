"""Brokers for tests, and a node with a server that is connected to one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import mosquitto_server
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def mosquitto() -> Iterator[Callable[..., mosquitto_server.Mosquitto]]:
    """`mosquitto(users=..., persistent=True)`: a broker of the test's own."""
    yield from mosquitto_server.brokers()


@pytest.fixture
def quiet() -> Iterator[Callable[[str], None]]:
    """`quiet("amqtt")`: nothing below that logger is shown or seen until the test is over."""
    levels: dict[logging.Logger, int] = {}

    def silence(name: str) -> None:
        logger = logging.getLogger(name)
        levels[logger] = logger.level
        logger.setLevel(logging.CRITICAL)

    yield silence
    for logger, level in levels.items():
        logger.setLevel(level)
