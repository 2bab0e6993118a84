"""Which event loop a program of this package runs on."""

from __future__ import annotations

import asyncio

import pytest

from pyerlnode.errors import ConfigError
from pyerlnode.process.loop import run


async def _kind() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


@pytest.mark.parametrize("wanted", ["asyncio", "uvloop"])
def test_the_loop_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    pytest.importorskip(wanted)
    monkeypatch.setenv("PYERLNODE_LOOP", wanted)
    assert run(_kind()) == wanted


def test_uvloop_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvloop")
    monkeypatch.delenv("PYERLNODE_LOOP", raising=False)
    assert run(_kind()) == "uvloop"


def test_asyncio_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYERLNODE_LOOP", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "uvloop", None)
    assert run(_kind()) == "asyncio"
    monkeypatch.setenv("PYERLNODE_LOOP", "uvloop")
    with pytest.raises(ConfigError, match="not installed"):
        run(_kind())


def test_a_loop_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYERLNODE_LOOP", "tokio")
    with pytest.raises(ConfigError, match="tokio"):
        run(_kind())
