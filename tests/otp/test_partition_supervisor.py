"""PartitionSupervisors: which process a key belongs to, and what their number is."""

from __future__ import annotations

from typing import Any

import pytest
from otp_tools import exit_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.otp import Agent, GenServer, PartitionSupervisor, Registry, Supervisor, on_call
from pyerlnode.process.scheduler import schedulers_online
from pyerlnode.term import Atom, Pid, phash2

NAME = "Elixir.Parts"
GET = Atom("get")


class Server(GenServer, module="Elixir.Server"):
    def init(self, number: Any = None) -> None:
        self.number = number

    @on_call
    def get(self) -> Any:
        return self.number


async def start(**options: Any) -> Pid:
    options = {"name": NAME, "partitions": 4, **options}
    return await PartitionSupervisor.start_link((Server, None), **options)


def numbered(args: list[Any], partition: int) -> list[Any]:
    return [partition]


async def test_keys_pick_partitions_as_in_elixir() -> None:
    await start(with_arguments=numbered)
    for key in (0, 1, 5, -1, -5, 2**70, -(2**70)):
        assert await GenServer.call(PartitionSupervisor.via(NAME, key), GET) == abs(key) % 4
    for other in ("kate", Atom("kate"), 1.0, True, None, [], (1, 2), {1: 2}):
        assert await GenServer.call(PartitionSupervisor.via(NAME, other), GET) == phash2(other, 4)
    pid = PartitionSupervisor.whereis(NAME, 6)
    assert ("Elixir.Server", pid) == (process_module(pid), PartitionSupervisor.whereis(NAME, -2))
    assert GenServer.cast(PartitionSupervisor.via("Elixir.Absent", 1), GET) == "ok"


def process_module(pid: Pid) -> Any:
    process = erl.this_process().runtime.process(pid)
    assert process is not None
    return (process.dictionary or {})[Atom("$initial_call")][0]


async def test_what_it_says_about_itself() -> None:
    await start(with_arguments=numbered)
    assert PartitionSupervisor.partitions(NAME) == 4
    children = await PartitionSupervisor.which_children(NAME)
    assert [(id, type, modules) for id, _, type, modules in children] == [
        (n, "worker", ["Elixir.Server"]) for n in (3, 2, 1, 0)
    ]
    assert await PartitionSupervisor.count_children(NAME) == {
        "specs": 4,
        "active": 4,
        "supervisors": 0,
        "workers": 4,
    }
    spec = await Supervisor.get_childspec(NAME, 2)
    assert spec[Atom("start")] == (
        "Elixir.PartitionSupervisor",
        "start_child",
        ["Elixir.Server", "start_link", [2], NAME, 2],
    )
    assert process_module(erl.whereis(NAME)) == "supervisor"  # type: ignore[arg-type]


async def test_a_partition_that_ends_is_found_again() -> None:
    await start(with_arguments=numbered)
    old = PartitionSupervisor.whereis(NAME, 1)
    erl.exit(old, "kill")
    await Supervisor.which_children(NAME)
    new = PartitionSupervisor.whereis(NAME, 1)
    assert new != old and await GenServer.call(new, GET) == 1


async def test_resize() -> None:
    await start(with_arguments=numbered)
    old = PartitionSupervisor.whereis(NAME, 3)
    assert await PartitionSupervisor.resize(NAME, 2) == 4
    assert not erl.is_alive(old) and PartitionSupervisor.partitions(NAME) == 2
    assert await GenServer.call(PartitionSupervisor.via(NAME, 3), GET) == 1
    assert await PartitionSupervisor.resize(NAME, 2) == 2
    assert await PartitionSupervisor.resize(NAME, 4) == 2
    assert await GenServer.call(PartitionSupervisor.via(NAME, 3), GET) == 3
    assert await PartitionSupervisor.resize(NAME, 0) == 4
    with pytest.raises(BadArg, match="PartitionSupervisor Parts has zero partitions"):
        await GenServer.call(PartitionSupervisor.via(NAME, 3), GET)
    for number in (5, -1, True, 1.0):
        with pytest.raises(BadArg, match="must be a number between 0 and 4"):
            await PartitionSupervisor.resize(NAME, number)  # type: ignore[arg-type]
    with pytest.raises(Exit) as absent:
        await PartitionSupervisor.resize("Elixir.Absent", 1)
    assert absent.value.reason == (
        "noproc",
        ("Elixir.PartitionSupervisor", "resize!", ["Elixir.Absent", 1]),
    )


async def test_there_is_none() -> None:
    reason = ("noproc", ("Elixir.PartitionSupervisor", "partitions", ["Elixir.Absent"]))
    assert await exit_of(PartitionSupervisor.via("Elixir.Absent", 1), GET) == reason
    erl.register("me", erl.self())
    for name in ("Elixir.Absent", "me"):
        with pytest.raises(Exit) as absent:
            PartitionSupervisor.partitions(name)
        assert absent.value.reason[0] == "noproc"
    with pytest.raises(Exit):
        await Server.start(name=PartitionSupervisor.via("Elixir.Absent", 1))
    for name in (5, ("a",), (5, 1)):
        with pytest.raises(ErlangError):
            await GenServer.call(("via", "Elixir.PartitionSupervisor", name), GET)


async def test_a_child_that_ignores_its_start_has_no_process() -> None:
    async def ignored() -> None:
        return None

    await PartitionSupervisor.start_link({"id": 1, "start": ignored}, name=NAME, partitions=2)
    with pytest.raises(BadArg, match="never been started"):
        PartitionSupervisor.whereis(NAME, 1)


async def test_by_a_via_name_and_as_a_child() -> None:
    await Registry.start_link(keys="unique", name="Elixir.Names")
    name = Registry.via("Elixir.Names", "parts")
    spec = PartitionSupervisor.child((Agent, 7), name=name, partitions=2)
    assert (spec.id, spec.type) == (("Elixir.Names", "parts"), "supervisor")
    await Supervisor.start_link([spec], strategy="one_for_one")
    assert PartitionSupervisor.partitions(name) == 2
    assert await Agent.get(PartitionSupervisor.via(name, "k"), lambda state: state) == 7
    assert await PartitionSupervisor.stop(name) == "ok"
    await settled()


async def test_children_by_module_and_function(runtime: Any) -> None:
    async def start_link(*args: Any) -> Any:
        return (Atom("ok"), await Server.start_link(*args), Atom("info"))

    runtime.apply_hook = lambda function, args: start_link(*args)
    await PartitionSupervisor.start_link(
        {"id": 1, "start": ("Elixir.M", "start_link", [1])},
        name=NAME,
        partitions=3,
        with_arguments=lambda args, n: [args[0] + n],
    )
    assert await GenServer.call(PartitionSupervisor.via(NAME, 2), GET) == 3
    children = await Supervisor.which_children(NAME)
    assert {modules[0] for _, _, _, modules in children} == {"Elixir.M"}


async def test_the_number_of_processors_is_the_default() -> None:
    await PartitionSupervisor.start_link((Server, 1), name=NAME)
    assert PartitionSupervisor.partitions(NAME) == schedulers_online()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": None}, "the :name option must be given"),
        ({"partitions": 0}, "the :partitions option must be a positive integer, got: 0"),
        ({"partitions": 1.5}, "must be a positive integer"),
        ({"with_arguments": 5}, "a function of two arguments"),
        ({"with_arguments": lambda args, n: 5}, "must return a list"),
        ({"strategy": "no"}, "strategy: one of"),
        ({"colour": 1}, "not 'colour'"),
        ({"auto_shutdown": "never"}, "not 'auto_shutdown'"),
    ],
)
async def test_options_that_do_not_fit(options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadArg, match=says):
        await start(**options)
