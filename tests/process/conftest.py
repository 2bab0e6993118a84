"""A runtime without a network, for every test of processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pyerlnode.process import Runtime, current_runtime
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    """The runtime that the test's own task acts in; everything in it ends with the test."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 30.0  # a machine with other work to do is nothing to log
    made = Runtime("here@localhost", 7)
    current_runtime.set(made)
    yield made
    await made.stop(Atom("shutdown"))


@pytest.fixture(autouse=True)
def _acts_here(runtime: Runtime) -> None:
    """Every test has one."""
