"""Modules are loaded again while their servers go on."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys as python
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp import GenServer, GenStatem, NoReply, Supervisor, sys
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import modules
from pyerlnode.services.reloader import Reloader, reload
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path
    from types import ModuleType

FIRST = """
from pyerlnode import GenServer, GenStatem, KeepState, Module, NextState, ReplyTo, on_call

class Counter(GenServer):
    def init(self, count=0):
        self.count = count

    @on_call
    def get(self):
        return self.count

class Door(GenStatem):
    def init(self):
        self.opened = 0
        return NextState("locked")

    def locked(self, event, content):
        return KeepState(ReplyTo(event[1], "first"))

shop = Module("ReloadedShop")

@shop.export
def price():
    return 1

@shop.export
def gone():
    return 1
"""

SECOND = """
# A line more: everything stands further down.
from pyerlnode import (ErlangError, Failure, GenServer, GenStatem, KeepState, Module, NextState, ReplyTo,
    on_call)

class Counter(GenServer):
    vsn = 2

    def init(self, count=0):
        self.count = count * 10
        self.step = 1

    @on_call
    def get(self):
        return ("second", self.count)

    @on_call
    def add(self, n: int):
        self.count += n * self.step
        return self.count

    def code_change(self, old_version, extra):
        self.step = old_version
        if self.count == 7:
            return Failure("no_sevens")
        if self.count == 8:
            raise ErlangError("eight")
        self.step = 100

class Door(GenStatem):
    def init(self):
        self.opened = 0
        return NextState("locked")

    def shut(self, event, content):
        return KeepState(ReplyTo(event[1], "second"))

    async def code_change(self, old_version, state, extra):
        return NextState("shut")

shop = Module("ReloadedShop")

@shop.export
def price():
    return 2
"""


@pytest.fixture(autouse=True)
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime("here@localhost", 7)
    current_runtime.set(made)
    yield made
    await made.stop(Atom("shutdown"))


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module in a file of its own."""
    (tmp_path / "reloaded_counter.py").write_text(FIRST)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(python, "dont_write_bytecode", True)
    yield importlib.import_module("reloaded_counter")
    del python.modules["reloaded_counter"]
    modules._exported.pop("Elixir.ReloadedShop", None)


def rewrite(module: ModuleType, source: str) -> None:
    file = str(module.__file__)
    with open(file, "w") as stream:
        stream.write(source)


async def get(server: Any) -> Any:
    return await GenServer.call(server, Atom("get"))


async def test_servers_keep_their_state_and_run_the_new_code(counter: ModuleType) -> None:
    pid = await counter.Counter.start(5, name="counted")
    door = await counter.Door.start()
    rewrite(counter, SECOND)
    done = await reload("reloaded_counter")
    assert (done.module, set(done.servers), done.refused, done.error) == (
        "reloaded_counter",
        {pid, door},
        (),
        None,
    )
    assert await get(pid) == ("second", 5)
    assert await GenServer.call(pid, (Atom("add"), 1)) == 105
    assert await GenStatem.call(door, Atom("x")) == "second"
    assert (await sys.get_state(door))[0] == "shut"  # type: ignore[index]
    assert (await sys.get_status(pid))[3][1] == "running"  # type: ignore[index]


async def test_what_is_started_later_is_new_wherever_the_old_class_is_held(counter: ModuleType) -> None:
    old = counter.Counter
    supervisor = await Supervisor.start_link([(old, 1, {"name": "counted"})], strategy="one_for_one")
    assert supervisor is not None
    rewrite(counter, SECOND)
    await reload(counter)
    assert counter.Counter is not old
    assert await get("counted") == ("second", 1)
    pid = erl.whereis("counted")
    assert pid is not None
    ref = erl.monitor(pid)
    erl.exit(pid, Atom("kill"))
    await erl.receive(lambda message: message[1] == ref, timeout=5)
    while erl.whereis("counted") is None:  # noqa: ASYNC110  # a restart is no event for others
        await asyncio.sleep(0)
    assert await get("counted") == ("second", 10)
    assert await get(await old.start(2)) == ("second", 20)
    await Supervisor.stop(supervisor)


SHOP = """
from pyerlnode import GenServer, Supervision, Supervisor

class Till(GenServer):
    pass

class Shop(Supervisor):
    def init(self):
        return Supervision([(Till, CHILD)], strategy="one_for_one")
"""


async def test_a_supervisor_takes_the_specifications_of_its_new_init(counter: ModuleType) -> None:
    rewrite(counter, SHOP.replace("(Till, CHILD)", "Till"))
    await reload(counter)
    shop = await counter.Shop.start_link()
    children = await Supervisor.which_children(shop)
    rewrite(
        counter,
        SHOP.replace("(Till, CHILD)", "{'id': 'Till', 'start': (Till, 'start_link', []), 'shutdown': 1}"),
    )
    await reload(counter)
    assert await Supervisor.which_children(shop) == children
    assert (await Supervisor.get_childspec(shop, "Till"))["shutdown"] == 1000
    rewrite(counter, SHOP.replace("(Till, CHILD)", "7"))
    assert (await reload(counter)).error is None
    assert (await Supervisor.get_childspec(shop, "Till"))["shutdown"] == 1000
    assert (await sys.get_status(shop))[3][1] == "running"  # type: ignore[index]
    await Supervisor.stop(shop)


async def test_exports_are_those_of_the_new_source(counter: ModuleType) -> None:
    assert modules.function_exported("Elixir.ReloadedShop", "gone", 0)
    rewrite(counter, SECOND + "\nraise RuntimeError('at the end')\n")
    assert (await reload(counter)).error == "RuntimeError: at the end"
    assert modules.function_exported("Elixir.ReloadedShop", "gone", 0)
    assert counter.price() == 1
    rewrite(counter, SECOND)
    assert (await reload(counter)).error is None
    assert not modules.function_exported("Elixir.ReloadedShop", "gone", 0)
    found = modules.find("Elixir.ReloadedShop", "price", 0)
    assert found is not None and found.call() == 2


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("class Counter(:", "SyntaxError: invalid syntax (line 1)"),
        (SECOND + "\nraise ValueError('no')", "ValueError: no"),
        (SECOND.replace("ErlangError, Failure", "NoSuchThing, Failure"), "ImportError: cannot import"),
        ("\0", ""),
    ],
)
async def test_source_that_is_wrong_leaves_the_old_code(
    counter: ModuleType, source: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await counter.Counter.start(5)
    rewrite(counter, source)
    done = await reload(counter)
    assert done.servers == () and done.error is not None and done.error.startswith(error)
    assert len(caplog.records) == 1 and "\n" not in caplog.records[0].getMessage()
    assert "reloaded_counter was not loaded again, the old code goes on" in caplog.text
    assert await get(pid) == 5
    assert await get(await counter.Counter.start(6)) == 6


async def test_a_code_change_that_fails_leaves_that_server_as_it_was(
    counter: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    pids = [await counter.Counter.start(count) for count in (6, 7, 8)]
    rewrite(counter, SECOND)
    done = await reload(counter)
    assert (done.servers, set(done.refused)) == ((pids[0],), set(pids[1:]))
    assert [await get(pid) for pid in pids] == [("second", 6), 7, 8]
    assert await sys.get_state(pids[1]) == {Atom("count"): 7}
    lines = [record.getMessage() for record in caplog.records if "keeps the old code" in record.getMessage()]
    assert len(lines) == 2 and "no_sevens" in lines[0] and "eight" in lines[1]


async def test_a_class_that_is_gone_or_of_another_layout_is_refused(
    counter: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    pid, door = await counter.Counter.start(5), await counter.Door.start()
    rewrite(
        counter,
        "from pyerlnode import GenServer\nclass Counter(GenServer):\n    __slots__ = ('count',)\n    ",
    )
    del counter.Door
    done = await reload(counter)
    assert set(done.refused) == {pid, door}
    assert "has no class Door any more" in caplog.text
    assert await get(pid) == 5
    assert await GenStatem.call(door, Atom("x")) == "first"


async def test_a_server_that_is_busy_or_asleep(counter: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    class Slow(counter.Counter):  # type: ignore[name-defined, misc]
        async def handle_cast(self, request: Any) -> Any:
            await release.wait()
            return NoReply()

    release = asyncio.Event()
    Slow.__module__, Slow.__qualname__ = counter.__name__, "Counter"
    slow = await Slow.start(1)
    asleep = await counter.Counter.start(2)
    await sys.suspend(asleep)
    GenServer.cast(slow, Atom("wait"))
    rewrite(counter, SECOND)
    done = await reload(counter, timeout=0.02)
    assert (done.servers, done.refused) == ((asleep,), (slow,))
    assert "keeps the old code: :timeout" in caplog.text
    release.set()
    assert await get(slow) == 1
    assert (await sys.get_status(asleep))[3][1] == "suspended"  # type: ignore[index]
    await sys.resume(asleep)
    assert await get(asleep) == ("second", 2)


async def test_servers_go_on_when_who_loads_the_code_ends(counter: ModuleType) -> None:
    class Slow(counter.Counter):  # type: ignore[name-defined, misc]
        async def handle_cast(self, request: Any) -> Any:
            busy.set()
            await release.wait()
            return NoReply()

    busy, release = asyncio.Event(), asyncio.Event()
    Slow.__module__, Slow.__qualname__ = counter.__name__, "Counter"
    idle, slow = await counter.Counter.start(1), await Slow.start(2)
    GenServer.cast(slow, Atom("wait"))
    await busy.wait()
    rewrite(counter, SECOND)
    loading, ref = erl.spawn_monitor(reload, counter)
    while (await sys.get_status(idle))[3][1] != "suspended":  # type: ignore[index]
        pass
    erl.exit(loading, Atom("kill"))
    assert (await erl.receive(timeout=5.0))[1] == ref
    release.set()
    assert [await get(idle), await get(slow)] == [1, 2]


async def test_what_a_failed_source_exported_under_a_new_name_is_forgotten(counter: ModuleType) -> None:
    rewrite(counter, SECOND + "\n@Module('ReloadedAnnex').export\ndef room(): pass\nraise ValueError('no')\n")
    assert (await reload(counter)).error == "ValueError: no"
    assert not modules.is_loaded("Elixir.ReloadedAnnex")


async def test_calls_made_meanwhile_wait_for_the_new_code(counter: ModuleType) -> None:
    pid = await counter.Counter.start(5)
    rewrite(counter, SECOND)
    done, *replies = await asyncio.gather(reload(counter), *(get(pid) for _ in range(20)))
    assert done.error is None
    assert set(map(repr, replies)) <= {"5", "('second', 5)"}
    assert await get(pid) == ("second", 5)


async def test_what_is_no_module() -> None:
    for wrong in ("no_such_module", "builtins", 7):
        with pytest.raises(BadArg):
            await reload(wrong)  # type: ignore[arg-type]


async def test_the_watcher_sees_a_file_change(counter: ModuleType, tmp_path: Path) -> None:
    pid = await counter.Counter.start(5)
    watcher = await Reloader.start(str(tmp_path), 3600.0)
    assert watcher is not None
    erl.send(watcher, Atom("check"))
    await sys.get_state(watcher)
    assert await get(pid) == 5
    rewrite(counter, SECOND)
    os.utime(str(counter.__file__), ns=(1, 1))
    erl.send(watcher, Atom("check"))
    await sys.get_state(watcher)
    assert await get(pid) == ("second", 5)
    os.remove(str(counter.__file__))
    erl.send(watcher, Atom("check"))
    await sys.get_state(watcher)
    assert await get(pid) == ("second", 5)
    with pytest.raises(Exit):
        await Reloader.start()
