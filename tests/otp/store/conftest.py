"""The stores that the tests of this directory run against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import postgresql_server
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_server.Server]:
    """A PostgreSQL server."""
    yield from postgresql_server.running()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, of each kind."""
    if request.param == "memory":
        return "memory"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    server: postgresql_server.Server = request.getfixturevalue("postgresql")
    return server.create()
