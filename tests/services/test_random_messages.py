"""Random messages from another node: at most a server ends, as Elixir's does, and the node goes on."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

import pyerlnode as erl
from pyerlnode import (
    Agent,
    Atom,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    GenStatem,
    PartitionSupervisor,
    Registry,
    Supervisor,
    TaskSupervisor,
)
from pyerlnode.services import DEFAULT_SERVICES, pg
from pyerlnode.term import Export, ImproperList, Pid
from pyerlnode.term.text import brief

if TYPE_CHECKING:
    from pyerlnode.node import Node
    from pyerlnode.process import Process

MESSAGES = 60
# Deeper than Python's own stack, which hashing, comparing and printing would go down into.
DEEP: Any = ()
for _ in range(2000):
    DEEP = (DEEP,)
# A node cannot do without these: whatever comes, they go on.
SERVICES = ("application_controller", "global_name_server", "logger", "net_kernel", "pg", "rex", "user")
SERVERS = (
    "agent",
    "dynamic",
    "inner",
    "machine",
    "partitions",
    "rooms",
    "rooms.PIDPartition0",
    "tasks",
    "users.PIDPartition1",
)
# A request without a clause, and a function that an agent cannot call.
CRASHES = ("function_clause", "badarg", "badarity", "badfun", "undef")
WORDS = """
    ok error true false undefined nil infinity normal shutdown temporary permanent transient worker
    supervisor get update get_and_update cast call start_child terminate_child delete_child
    restart_child which_children count_children get_childspec start_task start_link monitor nomonitor
    monitored brutal_kill sync register unregister load_application unload_application
    start_application which_applications set_env unset_env info application_started apply_module
    is_auth block_call connect get_status get_state get_log log statistics trace debug no_debug
    install resume suspend_not_sent discover join leave nodeup nodedown init_connect lock lock_set
    async_del_name async_del_lock resolved exchange exchange_ops whereis register_name unregister_name
    register_ext set_lock del_lock save_ops lock_is_set cancel_connect lost_connection group_nodeup
    in_sync nodeup_wait io_request put_chars get_line unicode latin1 requests setopts getopts
    get_geometry binary list format io_lib DOWN EXIT process timeout ETS-TRANSFER io_reply
    spawn_request spawn_reply system notify emulator
""".split()  # noqa: SIM905
LEAVES: Any = [-1, 0, 1, 5000, 2**40, -(2**80), 1.5, b"", b"text" * 100, None, True]
LEAVES += [[], (), {}, [102, -7, 2**70], Export("lists", "reverse", 1), DEEP]
# Requests of the right shape: `_` stands for anything.
SHAPES: Any = [
    ("start_task", [("_", "_", "own"), "monitor"], "_", "_"),
    ("start_task", [("_", "_", "own"), "_", ("_", "_", [])], "_", "_"),
    ("start_task", "_", "temporary", 5000),
    ("start_child", (("lists", "reverse", "_"), "_", "_", "_", "_")),
    ("start_child", {"id": "_", "start": ("_", "_", "_"), "restart": "_", "shutdown": "_"}),
    ("start_child", ("_", ("_", "_", []), "permanent", "_", "worker", "_")),
    ("terminate_child", "_"),
    ("get_childspec", "_"),
    ("get", ("_", "_", "_")),
    ("update", ("erlang", "abs", "_")),
    ("cast", ("lists", "reverse", "_")),
    ("get_and_update", "_"),
    ("call", "_", "_", "_", "own"),
    ("call", "_", "_", [], "_"),
    ("cast", "_", "_", "_", "_"),
    ("load_application", ("application", "_", "_")),
    ("load_application", ("application", "_", [("env", "_"), ("applications", "_"), ("mod", ("_", "_"))])),
    ("start_application", "_", "_"),
    ("set_env", "_", "_", "_", "_"),
    ("stop_application", "_"),
    ("application_started", "_", "_"),
    ("is_auth", "_"),
    ("discover", "own"),
    ("discover", "own", "_"),
    ("sync", "own", ["_"]),
    ("sync", "own", [("_", ["own", "_"])]),
    ("join", "own", "_", "_"),
    ("leave", "own", "_", ["_"]),
    ("monitor", "_"),
    ("register", "_", "_", "_"),
    ("set_lock", "_"),
    ("register_name", "_", "_", "_"),
    ("init_connect", ("_", "_"), "_", "_"),
    ("exchange", "_", "_", "_", "_"),
    ("resolved", "_", "_", "_", "_", "_", "_"),
    ("lock_set", "_", "_", "_"),
    ("async_del_name", "_", "_"),
    ("async_del_lock", "_", "_"),
    ("new_nodes", "_", "_", "_", "_", "_"),
    ("get_names", "_"),
    ("put_chars", "unicode", "_"),
    ("put_chars", "_", "io_lib", "format", ["_", "_"]),
    ("requests", ["_", ("put_chars", "latin1", "_")]),
    ("setopts", ["_"]),
    ("get_chars", "unicode", "_", "_"),
    ("debug", "_"),
    ("debug", ("log", "_")),
    ("debug", ("install", ("_", "_"))),
    ("DOWN", "ref", "process", "_", "_"),
    ("EXIT", "own", "_"),
    ("timeout", "ref", "_"),
    ("ETS-TRANSFER", "_", "own", "_"),
    ("log", "_", "_", "_", "_"),
    ("log", "_", "_", "_"),
    ("spawn_request", "ref", "own", "_", ("_", "_", "_"), "_"),
]


class Echo(GenServer):
    def handle_call(self, request: Any, caller: Any) -> Any:
        return erl.Reply(request)

    def handle_cast(self, request: Any) -> Any:
        return erl.NoReply()


class Machine(GenStatem):
    def init(self) -> Any:
        return erl.NextState("on")

    def handle_event(self, event: Any, content: Any, state: Any) -> Any:
        return None


class Terms:
    """Random terms, most of them nearly those that the servers know."""

    def __init__(self, seed: int, own: Pid) -> None:
        self._random = random.Random(seed)
        self._own = own

    def message(self) -> Any:
        pick = self._random.randrange(8)
        if pick < 3:
            return (Atom("$gen_call"), self._sender(), self.request())
        if pick < 5:
            return (Atom("$gen_cast"), self.request())
        if pick == 5:
            return (Atom("system"), self._sender(), self.request())
        if pick == 6:
            return (Atom("io_request"), self.term(1), self.term(1), self.request())
        return self.request()

    def _sender(self) -> Any:
        alias = ImproperList((Atom("alias"),), erl.make_ref())
        return self._random.choice([(self._own, erl.make_ref()), (self._own, alias), self.term(2)])

    def word(self) -> Atom:
        return Atom(self._random.choice(WORDS))

    def request(self) -> Any:
        """Now and then what no server knows."""
        return self.term(3) if self._random.random() < 0.3 else self._filled(self._random.choice(SHAPES))

    def _filled(self, shape: Any) -> Any:
        if isinstance(shape, tuple):
            return tuple(self._filled(part) for part in shape)
        if isinstance(shape, list):
            return [self._filled(part) for part in shape]
        if isinstance(shape, dict):
            return {Atom(key): self._filled(part) for key, part in shape.items()}
        if shape == "_":
            return self.term(2)
        if shape == "own":
            return self._own
        return erl.make_ref() if shape == "ref" else Atom(shape) if isinstance(shape, str) else shape

    def term(self, depth: int) -> Any:
        if depth and self._random.random() < 0.75:
            return self._compound(depth - 1)
        choice = self._random.choice
        leaf = choice((self.word, self.word, self._leaf))
        return leaf()

    def _compound(self, depth: int) -> Any:
        parts = [self.term(depth) for _ in range(self._random.randrange(6))]
        kind = self._random.randrange(8)
        if kind < 5:
            return (self.word(), *parts)
        if kind == 5:
            return parts
        if kind == 6:
            return ImproperList((self.term(depth), *parts), self.word())
        return {Atom(f"key{at}"): part for at, part in enumerate(parts)}

    def _leaf(self) -> Any:
        fresh = [self._own, erl.make_ref()]
        return self._random.choice([*LEAVES, *fresh])


async def started() -> None:
    """What a program may have, under a supervisor that does not give up."""
    children = [
        Agent.child(lambda: 1, name="agent"),
        DynamicSupervisor.child(name="dynamic"),
        ChildSpec("machine", (Machine.start_link, [], {"name": "machine"})),
        PartitionSupervisor.child(Echo, name="partitions", partitions=2),
        Registry.child(keys="duplicate", name="rooms"),
        Registry.child(keys="unique", name="users", partitions=2),
        ChildSpec("echo", (Echo.start_link, [], {"name": "echo"})),
        TaskSupervisor.child("tasks"),
        ChildSpec("inner", (Supervisor.start_link, [[Echo]], {"strategy": "one_for_one", "name": "inner"})),
    ]
    await Supervisor.start_link(children, strategy="one_for_one", max_restarts=10**6, name="top")
    await erl.receive(lambda message: False)


async def attack(there: str, name: str, terms: Terms) -> None:
    for _ in range(MESSAGES):
        erl.send((name, there), terms.message())
        await GenServer.call(("echo", there), Atom("still there"), 20.0)


async def settled(node: Node) -> None:
    await asyncio.sleep(0)
    while len(node.runtime.queue):  # noqa: ASYNC110  # the queue is no event
        await asyncio.sleep(0)


def is_documented(reason: Any) -> bool:
    """Whether a server ends so for a request that it has no clause for, in Elixir too, or in good order."""
    if type(reason) is Atom:
        return reason in ("normal", "shutdown")
    error, _ = reason
    if isinstance(error, dict):
        return error["message"].startswith(b"attempted to ")
    return (error[0] if isinstance(error, tuple) else error) in CRASHES


@pytest.mark.parametrize("seed", range(2))
async def test_no_message_ends_a_node_or_what_it_needs(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    ends: list[tuple[Any, Any]] = []

    def note(process: Process) -> None:
        if not process.runtime.stopping:
            ends.append((process.name or process.behaviour, process.exit_reason))

    async with Cluster((*DEFAULT_SERVICES, pg.service)) as cluster:
        kate, alex = await cluster.mesh("kate", "alex")
        flush = kate.runtime.before_end
        assert flush is not None

        def ending(process: Process) -> None:
            flush(process)
            process.call_at_end(note)

        kate.runtime.before_end = ending
        kate.runtime.spawn(started())
        await until(lambda: all(kate.runtime.names.get(name) for name in SERVERS))
        services = [kate.runtime.names.get(name) for name in SERVICES]
        assert None not in services

        async def all_of_them() -> None:
            terms = Terms(seed, erl.self())
            for name in (*SERVICES, *SERVERS):
                await attack(kate.name, name, terms)

        await run(alex, all_of_them, timeout=50.0)
        await settled(kate)
        assert [kate.runtime.names.get(name) for name in SERVICES] == services
        await until(lambda: all(kate.runtime.names.get(name) for name in SERVERS))
        assert alex.name in kate.runtime.distribution.nodes()
    odd = [(who, brief(reason)) for who, reason in ends if not is_documented(reason)]
    assert odd == []
    assert any(who == "agent" for who, _ in ends)  # else nothing has come there
    assert [
        each.getMessage() for each in caplog.records if each.name == "asyncio" and each.levelname == "ERROR"
    ] == []
