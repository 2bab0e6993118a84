"""Tables: what ETS does, as OTP 27 did it, and who has them."""

from __future__ import annotations

from typing import Any

import pytest
from otp_tools import idle, inside, reason_of

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit
from pyerlnode.otp import GenServer, Table, on_call
from pyerlnode.process import Runtime, current_runtime, this_process
from pyerlnode.term import Atom, Pid, Reference


def badarg(function: Any, *args: Any, **options: Any) -> None:
    with pytest.raises(ErlangError) as failed:
        function(*args, **options)
    assert failed.value.reason is Atom("badarg")


async def elsewhere(function: Any, *args: Any) -> Any:
    """What another process gets."""

    async def body() -> Any:
        return function(*args)

    return await inside(body)


async def test_objects() -> None:
    table = Table.new("a")
    assert table.insert(("k", 1, "x"))
    assert table.insert([])
    assert table.lookup("k") == [("k", 1, "x")]
    assert table.lookup("other") == []
    assert table.member("k") and not table.member("other")
    assert table.insert([("k", 2), ("l", 3)])
    assert table.tab2list() == [("k", 2), ("l", 3)]
    assert not table.insert_new([("m", 1), ("l", 4)])
    assert table.tab2list() == [("k", 2), ("l", 3)]
    assert table.insert_new([("n", 1), ("n", 2)])
    assert table.take("n") == [("n", 2)]
    assert table.take("n") == []
    assert table.delete("k") and table.delete("k")
    assert table.tab2list() == [("l", 3)]
    assert table.delete_all_objects()
    assert table.tab2list() == []


async def test_what_is_no_object_changes_nothing() -> None:
    table = Table.new("a")
    for wrong in ((), 5, "text", [("k", 1), 5], [("k", 1), ()], ("k", 1, object())[2:]):
        badarg(table.insert, wrong)
        badarg(table.insert_new, wrong)
    badarg(table.insert, [("k", 1), (object(), 1)])
    badarg(table.lookup, object())
    assert table.tab2list() == []
    # Beside the key anything goes, as it is.
    thing = object()
    table.insert(("thing", thing))
    assert table.lookup_element("thing") is thing


DEEP: Any = ()
for _ in range(100_000):
    DEEP = (DEEP,)
KEYS = [1, 1.0, True, Atom("1"), "1", [1], {1: 2}, {1.0: 2}, (1,), None, -0.0, 0.0, DEEP]


async def test_keys_are_terms_told_apart_as_erlang_does() -> None:
    for kind in ("set", "bag"):
        table = Table.new("a", type=kind)
        for number, key in enumerate(KEYS):
            table.insert((key, number))
        assert [table.lookup(key)[0][1] for key in KEYS] == list(range(len(KEYS)))
        # Text is a binary.
        assert table.member(b"1")
        for key in KEYS:
            table.delete(key)
        assert table.tab2list() == []


async def test_an_ordered_set() -> None:
    table = Table.new("o", type="ordered_set")
    table.insert([(2, "a"), (1, "b"), (1.0, "c"), (Atom("a"), 1), (0.5, "x")])
    assert table.tab2list() == [(0.5, "x"), (1.0, "c"), (2, "a"), ("a", 1)]
    assert table.lookup(1) == table.lookup(1.0) == [(1.0, "c")]
    assert table.delete(1)
    assert table.delete(DEEP)
    assert not table.member(1.0)
    table.insert((DEEP, 1))
    assert table.lookup_element(DEEP) == 1
    info = table.info()
    assert info is not None and info["size"] == 4


async def test_a_bag() -> None:
    table = Table.new("b", type="bag")
    table.insert([(1, "a"), (1, "b"), (1, "a"), (1.0, "c")])
    assert table.lookup(1) == [(1, "a"), (1, "b")]
    assert table.lookup_element(1) == ["a", "b"]
    assert not table.insert_new((1, "z"))
    badarg(table.insert, [(2, "a"), (2, object())])
    assert not table.member(2)
    badarg(table.update_counter, 1)
    badarg(table.update_element, 1, 2, "z")
    assert sorted(table.tab2list()) == [(1, "a"), (1, "b"), (1.0, "c")]
    info = table.info()
    assert info is not None and info["size"] == 3
    assert table.take(1) == [(1, "a"), (1, "b")]


async def test_updates() -> None:
    table = Table.new("a")
    table.insert(("k", 1))
    assert table.update_counter("k", 5) == 6
    assert table.update_counter("k") == 7
    assert table.update_counter("q", 1, default=("other", 10)) == 11
    assert table.tab2list() == [("k", 7), ("q", 11)]
    badarg(table.update_counter, "none", 5)
    badarg(table.update_counter, "k", 1, position=1)
    badarg(table.update_counter, "k", 1, position=3)
    badarg(table.update_counter, "k", 1.5)
    assert table.update_element("k", 2, "v")
    assert not table.update_element("none", 2, "v")
    badarg(table.update_element, "k", 1, "v")
    badarg(table.update_element, "k", 3, "v")
    badarg(table.update_counter, "k", 1)
    assert table.lookup("k") == [("k", "v")]
    badarg(table.lookup_element, "none")
    badarg(table.lookup_element, "k", 3)
    assert table.lookup_element("none", 2, "default") == "default"


async def test_names_and_references() -> None:
    table = Table.new("named", named=True)
    assert Table.whereis("named") is table
    assert table.id is Atom("named")
    badarg(Table.new, "named", named=True)
    unnamed = Table.new("named")
    assert isinstance(unnamed.id, Reference)
    assert Table.whereis(unnamed.id) is unnamed
    assert Table.whereis("nope") is None
    assert Table.all() == [table, unnamed]
    badarg(Table.new, "x", type="duplicate_bag")
    badarg(Table.new, "x", access="open")
    badarg(Table.new, "x", heir=("nobody", 1))
    badarg(Table.new, "x", heir=(Pid("other@host", 1, 0, 1), 1))
    assert len(Table.all()) == 2
    assert unnamed.drop()
    badarg(unnamed.lookup, 1)
    badarg(unnamed.drop)
    assert unnamed.info() is None
    assert repr(unnamed) == "<Table named, gone>" != repr(table)


async def test_another_runtime_has_tables_of_its_own() -> None:
    Table.new("named", named=True)
    other = Runtime("there@localhost", 1)
    current_runtime.set(other)
    try:
        assert Table.whereis("named") is None
    finally:
        await other.stop(Atom("shutdown"))


async def test_access() -> None:
    public, protected, private = (
        Table.new("t", access=access) for access in ("public", "protected", "private")
    )
    assert await elsewhere(public.insert, ("k", 1))
    assert public.lookup("k") == [("k", 1)]
    for table in (protected, private):
        table.insert(("k", 1))
        for write in (table.insert, table.insert_new, table.delete, table.take, table.update_counter):
            await elsewhere(badarg, write, ("k", 1))
        for whole in (table.delete_all_objects, table.drop):
            await elsewhere(badarg, whole)
        assert (await elsewhere(table.info))["size"] == 1
    assert await elsewhere(protected.lookup, "k") == [("k", 1)]
    assert await elsewhere(protected.tab2list) == [("k", 1)]
    for read in (private.lookup, private.member, private.lookup_element):
        await elsewhere(badarg, read, "k")
    await elsewhere(badarg, private.tab2list)
    for table in (public, protected):
        await elsewhere(badarg, table.set_heir, None)
        await elsewhere(badarg, table.give_away, erl.self(), 1)
    assert await elsewhere(public.drop)
    badarg(public.lookup, "k")


async def test_info() -> None:
    table = Table.new("named", named=True, heir=(erl.self(), "data"), access="private", type="bag")
    assert table.info() == {
        "id": "named",
        "name": "named",
        "named_table": True,
        "type": "bag",
        "protection": "private",
        "size": 0,
        "owner": erl.self(),
        "heir": erl.self(),
    }
    table.set_heir(None)
    info = table.info()
    assert info is not None and info["heir"] == "none"


# --- the owner's end ---------------------------------------------------------------------------


class Owner(GenServer):
    """Has a table `owned`, perhaps with an heir."""

    def init(self, *heir: Any) -> None:
        self.table = Table.new("owned", named=True, heir=heir or None)
        self.table.insert(("count", 7))

    @on_call
    def give(self, to: Any, data: Any) -> Any:
        return self.table.give_away(to, data)


async def test_a_table_goes_with_its_owner_before_anybody_is_told() -> None:
    pid = await Owner.start()
    assert pid is not None
    table = Table.whereis("owned")
    assert table is not None and table.lookup_element("count") == 7
    ref = erl.monitor(pid)
    erl.exit(pid, "kill")
    assert Table.whereis("owned") is None
    badarg(table.lookup, "count")
    assert await erl.receive(timeout=1) == ("DOWN", ref, "process", pid, "killed")
    # Its successor takes the name.
    assert await Owner.start() is not None
    assert await elsewhere(idle_table) is None
    assert len(Table.all()) == 1


def idle_table() -> None:
    Table.new("gone with its process")


async def test_an_heir_keeps_the_table() -> None:
    pid = await Owner.start(erl.self(), (Atom("data"), 1))
    assert pid is not None
    table = Table.whereis("owned")
    assert table is not None
    ref = erl.monitor(pid)
    erl.exit(pid, "kill")
    assert await erl.receive(timeout=0) == ("ETS-TRANSFER", "owned", pid, ("data", 1))
    assert await erl.receive(timeout=0) == ("DOWN", ref, "process", pid, "killed")
    assert Table.whereis("owned") is table
    assert table.lookup("count") == [("count", 7)]
    info = table.info()
    assert info is not None and info["owner"] == info["heir"] == erl.self()
    # The heir stays the heir, and who owns it next time hands it back.
    other = erl.spawn(idle)
    table.give_away(other, Atom("gift"))
    badarg(table.insert, ("count", 8))
    erl.exit(other, "kill")
    assert await erl.receive(timeout=0) == ("ETS-TRANSFER", "owned", other, ("data", 1))


async def test_an_heir_that_has_ended_or_is_the_owner_keeps_nothing() -> None:
    async def ends() -> None:
        pass

    dead = erl.spawn(ends)
    await reason_of(dead)
    pid = await Owner.start(dead, 1)
    assert pid is not None
    erl.exit(pid, "kill")
    assert Table.whereis("owned") is None

    async def own_heir() -> None:
        Table.new("mine", named=True, heir=(erl.self(), 1))

    await inside(own_heir)
    assert Table.whereis("mine") is None


async def test_give_away() -> None:
    pid = await Owner.start()
    assert pid is not None
    assert await GenServer.call(pid, (Atom("give"), erl.self(), Atom("gift"))) is True
    assert await erl.receive(timeout=0) == ("ETS-TRANSFER", "owned", pid, "gift")
    table = Table.whereis("owned")
    assert table is not None
    table.update_counter("count")
    erl.exit(pid, "kill")
    assert table.lookup_element("count") == 8
    for nobody in (erl.self(), pid, "name", Pid("other@host", 1, 0, 1)):
        badarg(table.give_away, nobody, 1)


async def test_a_process_that_has_ended_makes_no_table() -> None:
    failures: list[BaseException] = []

    async def body() -> None:
        try:
            erl.exit(erl.self(), "kill")
        finally:
            try:
                Table.new("late")
            except Exit as error:
                failures.append(error)

    await reason_of(erl.spawn(body))
    assert len(failures) == 1
    assert Table.all() == []


async def test_at_the_end_of_the_runtime_nobody_inherits(runtime: Runtime) -> None:
    heir = erl.spawn(idle)
    table = Table.new("t", heir=(heir, 1))
    assert this_process().runtime is runtime
    await runtime.stop(Atom("shutdown"))
    assert table.info() is None
