"""Names that a module resolves: one that is exported, and what it may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import exit_of

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit, UsageError
from pyerlnode.otp import GenServer, on_call, on_cast
from pyerlnode.term import Atom, Export, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

NAME = ("via", "book", "kate")


class Book:
    """An exported module of names, as the apply hook finds it."""

    def __init__(self) -> None:
        self.names: dict[Any, Pid] = {}
        self.calls: list[str] = []

    def __call__(self, function: Any, args: list[Any]) -> Any:
        assert isinstance(function, Export) and function.module == "book" and function.arity == len(args)
        self.calls.append(function.function)
        return getattr(self, function.function)(*args)

    def whereis_name(self, name: Any) -> Any:
        return self.names.get(name, Atom("undefined"))

    async def register_name(self, name: Any, pid: Pid) -> Atom:
        if name == "refused":
            return Atom("no")
        self.names[name] = pid
        return Atom("yes")

    async def unregister_name(self, name: Any) -> Atom:
        self.names.pop(name, None)
        return Atom("ok")


class Server(GenServer):
    def init(self, fails: bool = False) -> None:
        self.told = 0
        if fails:
            raise Exit("no")

    @on_call
    def get(self) -> int:
        return self.told

    @on_cast
    def tell(self) -> None:
        self.told += 1


@pytest.fixture
def book(runtime: Runtime) -> Book:
    runtime.apply_hook = made = Book()
    return made


async def test_a_server_is_started_asked_told_and_stopped_by_its_name(book: Book) -> None:
    pid = await Server.start(name=NAME)
    assert book.names == {"kate": pid}
    GenServer.cast(NAME, Atom("tell"))
    assert await GenServer.call(NAME, Atom("get")) == 1
    with pytest.raises(Exit) as taken:
        await Server.start(name=NAME)
    assert taken.value.reason == ("already_started", pid)
    await GenServer.stop(NAME)
    assert not erl.is_alive(pid)


async def test_a_start_that_fails_gives_the_name_back(book: Book) -> None:
    with pytest.raises(Exit) as failed:
        await Server.start(True, name=NAME)
    assert failed.value.reason == "no"
    assert book.names == {} and book.calls[-1] == "unregister_name"
    with pytest.raises(Exit) as refused:
        await Server.start(name=("via", "book", "refused"))
    assert refused.value.reason[0] == "already_started"
    assert len(erl.this_process().runtime.processes()) == 1


async def test_nobody_has_the_name(book: Book) -> None:
    assert (await exit_of(NAME, Atom("get")))[0] == "noproc"
    assert GenServer.cast(NAME, Atom("tell")) == "ok"


async def test_a_module_that_raises_or_waits(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(name: Any) -> Any:
        raise ErlangError("badarg")

    monkeypatch.setattr(book, "whereis_name", raises)
    with pytest.raises(ErlangError):
        await GenServer.call(NAME, Atom("get"))
    with pytest.raises(ErlangError):
        await GenServer.stop(NAME)
    assert GenServer.cast(NAME, Atom("tell")) == "ok"

    async def waits(name: Any) -> Any:
        return None

    monkeypatch.setattr(book, "whereis_name", waits)
    with pytest.raises(UsageError, match="must be a def"):
        await GenServer.call(NAME, Atom("get"))
