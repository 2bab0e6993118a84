"""Stores that cannot be opened: the start of their server fails at once, and says why in one line."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import postgresql_server
import pytest

from pyerlnode.errors import StoreError
from pyerlnode.otp import GenServer, Store
from pyerlnode.otp.gen_server import start_server
from pyerlnode.otp.store.url import shown


class Keeps(GenServer):
    async def init(self, url: str) -> None:
        self.store = await Store.open(url, timeout=2)


async def message_of(url: str) -> str:
    """What the start of a server fails with: as `Store.open` says, and no word more."""
    with pytest.raises(StoreError) as failed:
        await Store.open(url, timeout=2)
    kind, (reason, stack) = await start_server(Keeps, (url,))
    assert kind == "error"
    assert reason["__struct__"] == "Elixir.RuntimeError"
    assert reason["message"].decode() == f"StoreError: {failed.value}"
    assert stack[0][:2] == ("test_opening", "Keeps.init")
    assert "\n" not in str(failed.value)
    return str(failed.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://localhost",
        "sqlite",
        "/var/lib/state.db",
        "memory:x",
        "memory://a/b",
        "memory://a?b",
        "Memory",
    ],
)
async def test_what_names_no_store(url: str) -> None:
    message = await message_of(url)
    assert message.startswith(repr(url))
    assert "memory, memory://NAME, sqlite:///FILE or postgresql://USER@HOST/DATABASE is expected" in message


@pytest.mark.parametrize("url", ["sqlite:", "sqlite:///", "sqlite://state.db", "sqlite:///state.db?mode=ro"])
async def test_what_names_no_file(url: str) -> None:
    assert "sqlite:///FILE is expected" in await message_of(url)


async def test_urls_that_are_none() -> None:
    assert "is no URL" in await message_of("sqlite://[::1/x")


async def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert await message_of(f"sqlite:///{missing}/x.db") == (
        f"sqlite:///{missing}/x.db: there is no directory {missing}"
    )
    relative = await message_of("sqlite:///missing/x.db")
    assert f"there is no directory {Path.cwd()}/missing; a file is absolute with a fourth slash" in relative
    text = tmp_path / "text"
    text.write_text("This is no database, but long enough to be one. " * 100)
    assert "file is not a database" in await message_of(f"sqlite:///{text}")
    assert "unable to open database file" in await message_of(f"sqlite:///{tmp_path}")
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE pyerlnode_store (name TEXT)")
    connection.close()
    assert "no such column: key" in await message_of(f"sqlite:///{other}")


async def test_relative_and_quoted_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///state.db", "sqlite:///a%20b.db"):
        store = await Store.open(url)
        await store.put(1, 2)
        await store.close()
    with closing(sqlite3.connect(tmp_path / "a b.db")) as connection:
        assert connection.execute("SELECT count(*) FROM pyerlnode_store").fetchone() == (1,)
    assert (tmp_path / "state.db").exists()


async def test_a_file_that_another_program_holds(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=r"database is locked|no answer within 0\.2 s"):
        await Store.open(f"sqlite:///{tmp_path}/held.db", timeout=0.2)
    holder.execute("ROLLBACK")
    holder.close()
    await (await Store.open(f"sqlite:///{tmp_path}/held.db")).put(1, 2)


# --- PostgreSQL ------------------------------------------------------------------------------------


async def test_databases_that_cannot_be_opened(postgresql: postgresql_server.Server, free_port: int) -> None:
    assert "Connection refused" in await message_of(f"postgresql://tester@127.0.0.1:{free_port}/x")
    assert 'database "nowhere" does not exist' in await message_of(postgresql.url("nowhere"))
    assert 'role "bob" does not exist' in await message_of(postgresql.url("postgres", "bob"))
    wrong = await message_of(postgresql.url("postgres", "alice:guess"))
    assert 'password authentication failed for user "alice"' in wrong
    assert "guess" not in wrong
    assert "no password supplied" in await message_of(postgresql.url("postgres", "alice"))
    assert "invalid" in await message_of("postgresql://tester@127.0.0.1/x?color=red")
    other = postgresql.create()
    postgresql.sql("CREATE TABLE pyerlnode_store (name text)", other.rpartition("/")[2])
    assert 'column "key" does not exist' in await message_of(other)
    # Alice may connect, but must not make tables.
    assert "permission denied" in await message_of(
        postgresql.url("postgres", f"alice:{postgresql_server.PASSWORD}")
    )


async def test_a_server_that_takes_connections_and_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://alice:secret@127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(StoreError) as failed:
            await Store.open(url, timeout=0.2)
    assert str(failed.value) == f"{shown(url)}: no answer within 0.2 s"


async def test_without_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pyerlnode.otp.store.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'pyerlnode\[postgresql\]'"):
        await Store.open("postgresql://alice@localhost/x")


def test_a_url_is_shown_without_its_password() -> None:
    assert shown("postgresql://alice:secret@host:1/x?password=secret") == "postgresql://alice@host:1/x"
    assert shown("postgresql://alice:se@cret@host/x") == "postgresql://alice@host/x"
    assert shown("postgresql:///x") == "postgresql:///x"
    assert shown("sqlite:///a.db") == "sqlite:///a.db"
    assert shown("memory") == "memory"


async def test_opening_waits_and_a_def_callback_must_not() -> None:
    class Hasty(GenServer):
        def init(self) -> None:
            Store.open("memory").send(None)

    kind, (reason, _) = await start_server(Hasty, ())
    assert kind == "error" and b"UsageError" in reason["message"]
    await asyncio.sleep(0)
