"""Brokers for tests, and a node with a server that is connected to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mosquitto_server
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def mosquitto() -> Iterator[Callable[..., mosquitto_server.Mosquitto]]:
    """`mosquitto(users=..., persistent=True)`: a broker of the test's own."""
    yield from mosquitto_server.brokers()
