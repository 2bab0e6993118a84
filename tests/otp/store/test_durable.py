"""Durable servers: which attributes are kept, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from otp_tools import exit_of, process_of, reason_of

import pyerlnode.process as erl
from pyerlnode.errors import Throw
from pyerlnode.otp import (
    Continue,
    Durable,
    GenServer,
    NoReply,
    Reply,
    Stop,
    Store,
    on_call,
    on_cast,
    on_info,
    sys,
)
from pyerlnode.otp.gen_server import start_server
from pyerlnode.otp.store.memory import MemoryStore
from pyerlnode.term import Atom

if TYPE_CHECKING:
    import pytest

    from pyerlnode.term import Pid

KEY = Atom("shop")


class Shop(Durable):
    async def init(self, url: str = "memory") -> None:
        self.before = 1
        await self.restore(url, KEY, count=0, items=[])
        self.volatile = 0

    @on_call
    def get(self) -> Any:
        self.volatile += 1
        return self.count

    @on_call
    def add(self, n: int) -> Any:
        self.count += n
        return self.count

    @on_call
    def twice(self, n: int) -> Any:
        self.add(n)
        return self.add(n)

    @on_call
    async def slowly(self, item: Any) -> Any:
        self.items.append(item)
        await asyncio.sleep(0)
        self.add(1)
        return self.items

    @on_call
    def crash(self) -> None:
        self.count += 100
        raise RuntimeError("on purpose")

    @on_call
    def throw(self) -> None:
        self.count += 1
        raise Throw(Reply(self.count))

    @on_call("halt")
    def ends(self) -> Any:
        self.count += 1000
        return Stop("normal", reply=Atom("ok"))

    @on_call
    async def early(self, *, caller: Any) -> Any:
        self.count = 7
        await self.save()
        GenServer.reply(caller, await (await Store.open("memory")).get(KEY))
        return NoReply()

    @on_cast
    def inc(self) -> None:
        self.count += 1

    @on_info("tick")
    def ticked(self) -> Any:
        self.count += 1
        return Continue("more")

    def handle_continue(self, arg: Any) -> Any:
        self.count += 10
        return NoReply()

    def handle_call(self, request: Any, caller: Any) -> Any:
        self.items = [request]
        return Reply(request)


async def kept() -> Any:
    store = await Store.open("memory")
    try:
        return await store.get(KEY)
    finally:
        await store.close()


async def call(pid: Pid, request: Any) -> Any:
    return await GenServer.call(pid, request)


async def started(*args: Any) -> Pid:
    pid = await Shop.start(*args)
    assert pid is not None
    return pid


async def test_what_a_callback_has_changed_is_kept_before_its_reply(url: str) -> None:
    pid = await started(url)
    store = await Store.open(url)
    assert await call(pid, Atom("get")) == 0
    assert await store.get(KEY) is None
    for request, reply, count, items in (
        ((Atom("add"), 5), 5, 5, []),
        ((Atom("twice"), 2), 9, 9, []),
        ((Atom("slowly"), 1.5), [1.5], 10, [1.5]),
        ("other", "other", 10, [b"other"]),
    ):
        assert await call(pid, request) == reply
        assert await store.get(KEY) == {"count": count, "items": items}
    GenServer.cast(pid, Atom("inc"))
    erl.send(pid, (Atom("tick"),))
    assert await call(pid, Atom("get")) == 22
    assert await store.get(KEY) == {"count": 22, "items": [b"other"]}
    erl.exit(pid, "kill")
    pid = await started(url)
    assert await call(pid, Atom("get")) == 22
    assert await call(pid, (Atom("slowly"), 2)) == [b"other", 2]


async def test_without_a_change_nothing_is_written_and_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    write = MemoryStore._write

    async def counts(self: MemoryStore, key: bytes, value: bytes) -> None:
        writes.append(value)
        await write(self, key, value)

    monkeypatch.setattr(MemoryStore, "_write", counts)
    pid = await started()
    server = process_of(pid)
    for _ in range(3):
        await call(pid, Atom("get"))
        await call(pid, (Atom("add"), 0))
    assert writes == []
    await call(pid, (Atom("twice"), 1))
    assert len(writes) == 1
    assert server.task is None


async def test_the_change_of_a_callback_that_raises_is_not_kept() -> None:
    pid = await started()
    await call(pid, (Atom("add"), 1))
    await exit_of(pid, Atom("crash"))
    assert await kept() == {"count": 1, "items": []}
    pid = await started()
    assert await call(pid, Atom("get")) == 1
    # A throw is a result as in OTP, and kept with the next change that is.
    assert await call(pid, Atom("throw")) == 2
    assert await call(pid, (Atom("add"), 1)) == 3
    assert await kept() == {"count": 3, "items": []}


async def test_the_last_change_is_kept_and_save_keeps_at_once() -> None:
    pid = await started()
    assert await call(pid, Atom("early")) == {"count": 7, "items": []}
    assert await call(pid, Atom("halt")) == "ok"
    await reason_of(pid)
    assert await kept() == {"count": 1007, "items": []}


async def test_a_change_that_cannot_be_kept_ends_the_server_without_a_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pid = await started()
    await call(pid, (Atom("add"), 1))

    async def fails(self: MemoryStore, key: bytes, value: bytes) -> None:
        raise self._error("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryStore, "_write", fails)
        reason, _ = await exit_of(pid, (Atom("add"), 1))
    assert reason[0]["message"] == b"StoreError: memory: the disk is full"
    pid = await started()
    assert await call(pid, Atom("get")) == 1
    # A value that is no term cannot be kept either.
    reason, _ = await exit_of(pid, (Atom("slowly"), object()))
    assert b"TermEncodeError" in reason[0]["message"]


async def test_the_attributes_of_a_new_version_get_their_values() -> None:
    store = await Store.open("memory")
    await store.put(KEY, {Atom("count"): 3, Atom("gone"): 4})
    pid = await started()
    assert await call(pid, (Atom("add"), 1)) == 4
    assert await kept() == {"count": 4, "items": []}
    await store.put(KEY, [1])
    kind, (reason, _) = await start_server(Shop, ())
    assert kind == "error"
    assert reason["message"] == b"StoreError: memory: :shop has no map of attributes, but [1]"


async def test_a_subclass_and_what_sys_sees() -> None:
    class Branch(Shop):
        def add(self, n: int) -> Any:
            return super().add(2 * n)

    pid = await Branch.start()
    assert pid is not None
    assert await call(pid, (Atom("add"), 1)) == 2
    assert await kept() == {"count": 2, "items": []}
    assert await sys.get_state(pid) == {"before": 1, "count": 2, "items": [], "volatile": 0}


async def test_a_server_that_restores_nothing_is_an_ordinary_one() -> None:
    class Plain(Durable):
        def init(self) -> None:
            self.n = 0

        @on_call
        def add(self) -> int:
            self.n += 1
            return self.n

    pid = await Plain.start()
    assert pid is not None
    assert [await call(pid, Atom("add")) for _ in range(2)] == [1, 2]
    assert await kept() is None
