"""Registries: who is registered, under which keys, and what is left of it afterwards."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import OK, exit_of, idle, inside, process_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit, UsageError
from pyerlnode.otp import GenServer, Registry, Supervisor, on_call
from pyerlnode.otp import sys as otp_sys
from pyerlnode.otp.registry import table as registry_table
from pyerlnode.term import Atom, Export, Pid, equal

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

UNIQUE, BAG = "Elixir.Phones", "Elixir.Rooms"
ANY, ONE = Atom("_"), Atom("$1")


async def unique(**options: Any) -> Pid:
    return await Registry.start_link(keys="unique", name=UNIQUE, **options)


async def bag(**options: Any) -> Pid:
    return await Registry.start_link(keys="duplicate", name=BAG, **options)


def holder(registry: str, *entries: tuple[Any, Any]) -> Pid:
    """A process that is registered under these keys with these values; at its first turn."""

    async def hold() -> None:
        for key, value in entries:
            Registry.register(registry, key, value)
        await idle()

    return erl.spawn(hold)


async def ended(pid: Pid) -> None:
    erl.exit(pid, "kill")
    await settled()


class Server(GenServer):
    def init(self, value: Any = 0, fails: bool = False) -> None:
        self.value = value
        if fails:
            raise Exit("no")

    @on_call
    def get(self) -> Any:
        return self.value

    @on_call
    def run(self, function: Any) -> Any:
        return function()


# --- one process for a key ----------------------------------------------------------------------


async def test_keys_are_told_apart_as_erlang_does() -> None:
    await unique()
    keys = [1, 1.0, True, "a", Atom("a"), [1], (1,), {1: 2}, {1: 2.0}, b"\xff", 0.0, -0.0]
    for key in keys:
        Registry.register(UNIQUE, key, ("value", key))
    for key in keys:
        [(pid, value)] = Registry.lookup(UNIQUE, key)
        assert pid == erl.self() and equal(value, ("value", key))
    assert Registry.count(UNIQUE) == len(keys)
    assert [equal(a, b) for a, b in zip(Registry.keys(UNIQUE, erl.self()), keys[::-1], strict=True)] == [
        True
    ] * len(keys)
    assert Registry.lookup(UNIQUE, b"a") == Registry.lookup(UNIQUE, "a")


async def test_a_key_that_is_taken() -> None:
    await unique()
    owner = Registry.register(UNIQUE, "k")
    assert owner == erl.whereis(f"{UNIQUE}.PIDPartition0")
    for register in (Registry.register, registered_elsewhere):
        with pytest.raises(Exit) as taken:
            result = register(UNIQUE, "k")
            if not isinstance(result, Pid):
                await result
        assert taken.value.reason == ("already_registered", erl.self())
    assert Registry.unregister(UNIQUE, "k") == OK == Registry.unregister(UNIQUE, "k")
    assert Registry.lookup(UNIQUE, "k") == []
    # Who is refused, or has no key left, is not linked any more.
    assert process_of(erl.self()).links.active() == [erl.whereis(UNIQUE)]  # type: ignore[union-attr]


async def registered_elsewhere(registry: str, key: Any) -> Any:
    async def register() -> Pid:
        return Registry.register(registry, key)

    return await inside(register)


async def test_values_of_the_caller_can_be_updated() -> None:
    await unique()
    Registry.register(UNIQUE, "k", 1)
    other = holder(UNIQUE, ("other", 1))
    await settled()
    assert Registry.update_value(UNIQUE, "k", lambda value: value + 1) == (2, 1)
    assert Registry.lookup(UNIQUE, "k") == [(erl.self(), 2)]
    assert Registry.update_value(UNIQUE, "other", lambda value: value + 1) is None
    assert Registry.update_value(UNIQUE, "absent", lambda value: value) is None
    assert Registry.values(UNIQUE, "other", other) == [1]
    assert Registry.values(UNIQUE, "other", erl.self()) == []
    assert Registry.whereis(UNIQUE, "other") == other and Registry.whereis(UNIQUE, "absent") is None


@pytest.mark.parametrize("partitions", [1, 4])
async def test_who_has_ended_is_not_found_at_once(partitions: int) -> None:
    await unique(partitions=partitions)
    await bag(partitions=partitions)
    pid = holder(UNIQUE, *((i, i) for i in range(20)))
    member = holder(BAG, ("x", 1), ("x", 2), ("y", 3))
    await settled()
    assert Registry.count(UNIQUE) == 20 and Registry.count(BAG) == 3
    erl.exit(pid, "kill")
    erl.exit(member, "kill")
    # Nothing has run since.
    assert Registry.lookup(UNIQUE, 7) == [] == Registry.lookup(BAG, "x")
    assert Registry.keys(UNIQUE, pid) == [] == Registry.select(UNIQUE, [((ONE, ANY, ANY), [], [ONE])])
    Registry.register(UNIQUE, 7, "mine")
    await settled()
    assert Registry.count(UNIQUE) == 1 and Registry.count(BAG) == 0
    assert Registry.lookup(UNIQUE, 7) == [(erl.self(), "mine")]


# --- many for a key -----------------------------------------------------------------------------


@pytest.mark.parametrize("partitions", [1, 3])
async def test_duplicate_keys(partitions: int) -> None:
    await bag(partitions=partitions)
    other = holder(BAG, ("x", 10))
    await settled()
    for value in (1, 2, ("t", 3)):
        Registry.register(BAG, "x", value)
    Registry.register(BAG, "y", 4)
    mine = erl.self()
    assert Registry.values(BAG, "x", mine) == [1, 2, ("t", 3)]
    assert sorted(Registry.lookup(BAG, "x"), key=repr) == sorted(
        [(other, 10), (mine, 1), (mine, 2), (mine, ("t", 3))], key=repr
    )
    assert Registry.keys(BAG, mine) == ["y", "x", "x", "x"]
    assert Registry.match(BAG, "x", ("t", ONE)) == [(mine, ("t", 3))]
    assert Registry.count_match(BAG, "x", ONE, [(Atom("is_integer"), ONE), (Atom(">"), ONE, 1)]) == 2
    assert Registry.count_match(BAG, "x", lambda value: value == 10) == 1
    Registry.unregister_match(BAG, "x", lambda value: value == 2)
    Registry.unregister_match(BAG, "x", 10)  # another's entry
    assert Registry.values(BAG, "x", mine) == [1, ("t", 3)] and Registry.count(BAG) == 4
    Registry.unregister(BAG, "x")
    assert Registry.lookup(BAG, "x") == [(other, 10)] and Registry.keys(BAG, mine) == ["y"]


async def test_dispatch(runtime: Runtime) -> None:
    await bag(partitions=3)
    await unique()
    seen: list[Any] = []
    pids = [holder(BAG, ("x", i)) for i in range(6)]
    await settled()
    assert Registry.dispatch(BAG, "x", seen.append) == OK
    assert 1 < len(seen) <= 3 and sorted((v, p) for part in seen for p, v in part) == list(enumerate(pids))
    assert Registry.dispatch(BAG, "absent", seen.clear) == OK and seen  # type: ignore[arg-type]  # not called
    Registry.register(UNIQUE, "k", 1)
    runtime.apply_hook = lambda function, args: seen.append((function, args))
    Registry.dispatch(UNIQUE, "k", ("m", "f", [2]))
    assert seen[-1] == (Export("m", "f", 2), [[(erl.self(), 1)], 2])

    async def waits(entries: Any) -> None:
        raise AssertionError("never runs")

    with pytest.raises(UsageError):
        Registry.dispatch(UNIQUE, "k", waits)
    with pytest.raises(BadArg):
        Registry.dispatch(UNIQUE, "k", 5)  # type: ignore[arg-type]


async def test_select() -> None:
    await unique(partitions=2)
    for i in range(10):
        Registry.register(UNIQUE, (Atom("n"), i), {"i": i})
    spec = [(((Atom("n"), ONE), ANY, {"i": ONE}), [(Atom("<"), ONE, 3)], [ONE])]
    assert sorted(Registry.select(UNIQUE, spec)) == [0, 1, 2]
    assert Registry.count_select(UNIQUE, [((ANY, ANY, ANY), [], [True])]) == 10
    assert Registry.count_select(UNIQUE, [((ANY, ANY, ANY), [], [1])]) == 0
    assert Registry.select(UNIQUE, lambda key, pid, value: value["i"] == 4) == [
        ((Atom("n"), 4), erl.self(), {"i": 4})
    ]
    assert Registry.count_select(UNIQUE, lambda key, pid, value: value["i"] > 4) == 5
    with pytest.raises(BadArg, match=r"invalid match specification in Registry.select/2: \[:bad\]"):
        Registry.select(UNIQUE, [Atom("bad")])
    with pytest.raises(BadArg, match=r"in Registry\.count_select/2: 5"):
        Registry.count_select(UNIQUE, 5)  # type: ignore[arg-type]


# --- names ----------------------------------------------------------------------------------------


async def test_servers_by_key() -> None:
    await unique()
    name = Registry.via(UNIQUE, ("user", 1))
    assert name == ("via", "Elixir.Registry", (UNIQUE, ("user", 1)))
    pid = await Server.start(7, name=name)
    assert await GenServer.call(name, Atom("get")) == 7
    assert Registry.lookup(UNIQUE, ("user", 1)) == [(pid, None)]
    with pytest.raises(Exit) as taken:
        await Server.start(8, name=name)
    assert taken.value.reason == ("already_started", pid)
    valued = await Server.start(9, name=Registry.via(UNIQUE, 2, "value"))
    assert Registry.lookup(UNIQUE, 2) == [(valued, "value")]
    with pytest.raises(Exit):
        await Server.start(1, True, name=Registry.via(UNIQUE, 3))
    assert Registry.lookup(UNIQUE, 3) == []
    await GenServer.stop(name)
    assert (await exit_of(name, Atom("get")))[0] == "noproc"
    assert await Server.start(8, name=name) != pid


async def test_a_server_registers_in_a_def_callback() -> None:
    await bag()
    pid = await Server.start()
    assert isinstance(await GenServer.call(pid, (Atom("run"), lambda: Registry.register(BAG, "x", 1))), Pid)
    assert Registry.lookup(BAG, "x") == [(pid, 1)]


async def test_what_is_unknown() -> None:
    await bag()
    for use in (
        lambda: Registry.lookup("Elixir.Absent", 1),
        lambda: Registry.register("Elixir.Absent", 1),
        lambda: Registry.count("Elixir.Absent"),
        lambda: Registry.meta("Elixir.Absent", "x"),
        lambda: Registry.whereis("Elixir.Absent", "x"),
    ):
        with pytest.raises(BadArg, match="unknown registry: Absent") as unknown:
            use()
        assert unknown.value.reason[Atom("__struct__")] == "Elixir.ArgumentError"
        assert unknown.value.reason[Atom("message")] == b"unknown registry: Absent"
    with pytest.raises(BadArg):
        await GenServer.call(Registry.via("Elixir.Absent", 1), Atom("get"))
    assert GenServer.cast(Registry.via("Elixir.Absent", 1), Atom("get")) == OK
    for name in (Registry.via(BAG, 1), ("via", "Elixir.Registry", 5)):
        with pytest.raises(ErlangError):
            await GenServer.call(name, Atom("get"))
    with pytest.raises(BadArg, match=":via is not supported for duplicate registries"):
        await Server.start(name=Registry.via(BAG, 1))
    with pytest.raises(BadArg, match=r"Registry\.update_value/3 is not supported for duplicate"):
        Registry.update_value(BAG, 1, lambda value: value)


# --- the registry itself ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keys": "other"}, "expected :keys to be given and be one of :unique or :duplicate, got: :other"),
        ({"name": 5}, "expected :name to be an atom, got: 5"),
        ({"partitions": 0}, "expected :partitions to be a positive integer, got: 0"),
        ({"listeners": [1]}, r"expected :listeners to be a list of named processes, got: \[1\]"),
        ({"colour": 1}, "not 'colour'"),
        ({"meta": {5: 1}}, "metadata has a name or a tuple"),
    ],
)
async def test_options_that_do_not_fit(options: dict[str, Any], says: str) -> None:
    given: Any = {"keys": "unique", "name": UNIQUE, **options}
    for start in (Registry.start_link, Registry.child):
        with pytest.raises(BadArg, match=says):
            started = start(**given)
            await started  # type: ignore[misc]


async def test_listeners_and_metadata() -> None:
    erl.register("ear", erl.self())
    await unique(listeners=["ear"], meta={"limit": 5, ("a", 1): [2]})
    Registry.register(UNIQUE, "k", 1)
    Registry.unregister(UNIQUE, "k")
    assert await erl.receive() == ("register", UNIQUE, "k", erl.self(), 1)
    assert await erl.receive() == ("unregister", UNIQUE, "k", erl.self())
    assert (Registry.meta(UNIQUE, "limit"), Registry.meta(UNIQUE, ("a", 1))) == (5, [2])
    assert Registry.meta(UNIQUE, "absent") is None and Registry.meta(UNIQUE, "absent", 0) == 0
    assert Registry.put_meta(UNIQUE, Atom("limit"), 6) == OK and Registry.meta(UNIQUE, "limit") == 6
    assert Registry.delete_meta(UNIQUE, "limit") == OK and Registry.meta(UNIQUE, "limit") is None
    with pytest.raises(BadArg):
        Registry.put_meta(UNIQUE, 5, 1)


async def test_it_is_a_supervisor_of_its_partitions() -> None:
    pid = await bag(partitions=2)
    children = await Supervisor.which_children(BAG)
    assert [(id, type, modules) for id, _, type, modules in children] == [
        (f"{BAG}.PIDPartition{i}", "worker", ["Elixir.Registry.Partition"]) for i in (1, 0)
    ]
    partition = children[0][1]
    dictionary = process_of(partition).dictionary or {}
    assert dictionary[Atom("$initial_call")] == ("Elixir.Registry.Partition", "init", 1)
    assert dictionary[Atom("$ancestors")][0] == BAG
    assert await GenServer.call(partition, Atom("sync")) == OK
    assert await otp_sys.get_state(partition) == (BAG, 0, 0)
    with pytest.raises(Exit) as taken:
        await unique_named_as_bag()
    assert taken.value.reason == ("already_started", pid)


async def unique_named_as_bag() -> Pid:
    return await Registry.start_link(keys="unique", name=BAG)


async def test_who_is_registered_goes_with_its_partition_and_the_others_start_anew() -> None:
    await unique()
    pid = holder(UNIQUE, ("k", 1))
    await settled()
    erl.exit(erl.whereis(f"{UNIQUE}.PIDPartition0"), "kill")  # type: ignore[arg-type]
    assert not erl.is_alive(pid)
    await Supervisor.which_children(UNIQUE)  # answered when it has been started again
    assert Registry.lookup(UNIQUE, "k") == []
    Registry.register(UNIQUE, "k", 2)
    assert Registry.lookup(UNIQUE, "k") == [(erl.self(), 2)]
    Registry.unregister(UNIQUE, "k")
    await Supervisor.stop(UNIQUE)
    with pytest.raises(BadArg, match="unknown registry"):
        Registry.count(UNIQUE)
    await unique()
    assert Registry.count(UNIQUE) == 0


async def test_as_a_child() -> None:
    spec = Registry.child(keys="unique", name=UNIQUE)
    assert (spec.id, spec.type) == (UNIQUE, "supervisor")
    await Supervisor.start_link([spec], strategy="one_for_one")
    assert Registry.count(UNIQUE) == 0


async def test_100_000_registrations_leave_nothing_behind(runtime: Runtime) -> None:
    await unique()
    await bag()
    pids = [holder(UNIQUE, *(((i, j), None) for j in range(9))) for i in range(10_000)]
    members = [holder(BAG, ("all", i)) for i in range(10_000)]
    await settled()
    assert (Registry.count(UNIQUE), Registry.count(BAG)) == (90_000, 10_000)
    for pid in [*pids, *members]:
        erl.exit(pid, "kill")
    await settled()
    assert (Registry.count(UNIQUE), Registry.count(BAG)) == (0, 0)
    gc.collect()
    kept = [item for item in gc.get_objects() if type(item) is registry_table.Entry]
    assert kept == []
    for name in (UNIQUE, BAG):
        partition = registry_table.table(runtime, name).partitions[0]
        assert partition is not None and partition.owned == {} and len(partition.keys) == 0
        server = erl.whereis(f"{name}.PIDPartition0")
        assert process_of(server).links.active() == [erl.whereis(name)]  # type: ignore[union-attr,arg-type]
