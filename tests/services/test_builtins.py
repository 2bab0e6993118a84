"""What any node answers: erlang, application, code, net_kernel, global, Process, Node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run

import pyerlnode as erl
from pyerlnode import Atom, ErlangError, Exit, rpc
from pyerlnode.errors import BadArg
from pyerlnode.process.scheduler import schedulers_online
from pyerlnode.services import DEFAULT_SERVICES, net_kernel
from pyerlnode.services.builtins.erlang import process_info
from pyerlnode.services.process_info import DEFAULT_ITEMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

THERE = "alex@localhost"


@pytest.fixture
async def kate() -> AsyncIterator[Node]:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, _ = await cluster.mesh("kate", "alex")
        yield kate


async def ask(module: str, function: str, *args: Any) -> Any:
    return await rpc.call(THERE, module, function, list(args))


async def test_who_has_another_cookie_is_not_told_that_of_the_others() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, alex = await cluster.mesh("kate", "alex")
        assert await run(kate, ask, "erlang", "get_cookie") == "secret"
        alex.set_cookie("moebi@localhost", "another")
        assert await run(kate, ask, "erlang", "get_cookie") == "nocookie"


async def test_erlang_tells_of_the_node(kate: Node) -> None:
    async def body() -> None:
        assert await ask("erlang", "node") == THERE
        assert await ask("erlang", "node", erl.self()) == "kate@localhost"
        assert await ask("erlang", "nodes") == ["kate@localhost"]
        assert await ask("erlang", "nodes", Atom("this")) == [THERE]
        assert await ask("erlang", "nodes", [Atom("this"), Atom("connected")]) == [THERE, "kate@localhost"]
        assert await ask("erlang", "is_alive") is True
        assert await ask("erlang", "get_cookie") == "secret"
        assert bytes(await ask("erlang", "system_info", Atom("otp_release"))) == b"27"
        assert await ask("erlang", "system_info", Atom("wordsize")) == 8
        assert await ask("erlang", "system_info", Atom("process_count")) > 3
        # As many as a PartitionSupervisor has partitions, and a stream of tasks runs at once.
        assert await ask("erlang", "system_info", Atom("schedulers_online")) == schedulers_online()
        with pytest.raises(ErlangError) as unknown:
            await ask("erlang", "system_info", Atom("nonsense"))
        assert unknown.value.reason == "badarg"
        assert unknown.value.stack == [("erlang", "system_info", ["nonsense"], [])]
        for function in ("whereis", "process_info", "is_process_alive", "system_info"):
            with pytest.raises(ErlangError) as refused:
                await ask("erlang", function, b"no atom, no pid")
            assert refused.value.reason == "badarg"

    await run(kate, body)


async def test_erlang_tells_of_processes(kate: Node) -> None:
    async def body() -> None:
        rex = await ask("erlang", "whereis", Atom("rex"))
        assert rex in await ask("erlang", "processes")
        assert Atom("rex") in await ask("erlang", "registered")
        assert await ask("erlang", "whereis", Atom("nobody")) == "undefined"
        assert await ask("erlang", "is_process_alive", rex) is True
        assert (await ask("erlang", "self")).node == THERE
        assert await ask("erlang", "group_leader") == erl.group_leader()
        assert (await ask("erlang", "make_ref")).node == THERE
        for function in ("is_process_alive", "process_info"):
            with pytest.raises(ErlangError) as foreign:
                await ask("erlang", function, erl.self())
            assert foreign.value.reason == "badarg"
        info = await ask("erlang", "process_info", rex)
        assert [key for key, _ in info] == ["registered_name", *DEFAULT_ITEMS]
        assert await ask("Elixir.Process", "info", rex, Atom("trap_exit")) == ("trap_exit", True)
        assert await ask("Elixir.Process", "alive?", rex) is True

    await run(kate, body)


async def test_process_info_follows_a_process(kate: Node) -> None:
    async def waits() -> None:
        erl.put(Atom("key"), 5)
        erl.process_flag("trap_exit", True)
        await erl.receive(lambda message: message == "go")

    nested: Any = ()
    for _ in range(100_000):
        nested = (nested,)

    def info(pid: Any, item: Any) -> Any:
        return process_info(pid, Atom(item) if isinstance(item, str) else item)

    async def body() -> None:
        pid = erl.spawn_link(waits)
        ref = erl.monitor(pid)
        erl.send(pid, 1)
        erl.send(pid, (2, object))
        await rpc.call(THERE, "erlang", "node")
        assert info(pid, "links") == ("links", [erl.self()])
        assert info(pid, "monitored_by") == ("monitored_by", [erl.self()])
        assert info(erl.self(), "monitors") == ("monitors", [("process", pid)])
        assert info(pid, "message_queue_len") == ("message_queue_len", 2)
        assert info(pid, "messages")[1][0] == 1
        assert info(pid, "dictionary") == ("dictionary", [("key", 5)])
        # One entry of it, which OTP 29's crash reports ask for of every linked process.
        for key, value in ((Atom("key"), 5), (Atom("other"), "undefined"), (nested, "undefined")):
            assert info(pid, (Atom("dictionary"), key))[1] == value
        assert process_info(pid, [(Atom("dictionary"), Atom("key")), Atom("status")]) == [
            (("dictionary", "key"), 5),
            ("status", "waiting"),
        ]
        assert info(pid, "trap_exit") == ("trap_exit", True)
        assert info(pid, "status") == ("status", "waiting")
        assert info(erl.self(), "status") == ("status", "running")
        assert info(pid, "registered_name") == []
        assert info(pid, "current_function")[1][1].endswith("waits")
        for nonsense in ("nonsense", (Atom("links"), 1), (Atom("dictionary"),), 5):
            with pytest.raises(BadArg):
                info(pid, nonsense)
        erl.send(pid, Atom("go"))
        assert (await erl.receive(lambda m: m[1] == ref, timeout=5))[4] == "normal"
        assert info(pid, "links") == "undefined"

    await run(kate, body)


async def test_the_three_classes_and_apply(kate: Node) -> None:
    async def body() -> None:
        with pytest.raises(Exit) as exited:
            await ask("erlang", "exit", 5)
        assert exited.value.reason == 5
        with pytest.raises(ErlangError) as failed:
            await ask("erlang", "error", 5)
        assert failed.value.reason == 5
        assert await ask("erlang", "throw", 5) == 5
        assert await ask("erlang", "apply", Atom("erlang"), Atom("node"), []) == THERE
        export = erl.Export(Atom("erlang"), Atom("node"), 0)
        assert await ask("erlang", "apply", export, []) == THERE
        with pytest.raises(ErlangError) as arity:
            await ask("erlang", "apply", export, [1])
        assert arity.value.reason == ("badarity", (export, [1]))
        with pytest.raises(ErlangError) as unknown:
            await ask("os", "cmd", [105, 100])
        assert (unknown.value.reason, unknown.value.stack) == ("undef", [("os", "cmd", [[105, 100]], [])])

    await run(kate, body)


async def test_modules_and_applications(kate: Node) -> None:
    async def body() -> None:
        assert await ask("code", "ensure_loaded", Atom("erlang")) == ("module", "erlang")
        assert await ask("code", "ensure_loaded", Atom("nobody")) == ("error", "nofile")
        assert await ask("code", "which", Atom("observer_backend")) == "non_existing"
        assert await ask("Elixir.Code", "ensure_loaded?", Atom("erlang")) is True
        assert await ask("erlang", "function_exported", Atom("erlang"), Atom("node"), 0) is True
        assert [name for name, _, _ in await ask("application", "which_applications")] == ["stdlib", "kernel"]
        assert await ask("application", "get_env", Atom("a"), Atom("b")) == "undefined"
        assert await ask("application", "set_env", Atom("a"), Atom("b"), 5) == "ok"
        assert await ask("application", "get_env", Atom("a"), Atom("b")) == ("ok", 5)
        assert await ask("application", "get_all_env", Atom("a")) == [("b", 5)]
        assert await ask("application", "get_env", Atom("a"), Atom("c"), 7) == 7
        assert await ask("application", "ensure_all_started", Atom("kernel")) == ("ok", [])
        assert (await ask("application", "start", Atom("kernel")))[1] == ("already_started", "kernel")
        assert bytes((await ask("application", "start", Atom("a")))[1][1]) == b"a.app"
        assert await ask("application", "stop", Atom("a")) == ("error", ("not_started", "a"))
        assert (await ask("application", "get_key", Atom("kernel"), Atom("vsn")))[0] == "ok"

    await run(kate, body)


async def test_the_node_among_the_others(kate: Node) -> None:
    async def body() -> None:
        ok, nodes = await ask("net_kernel", "nodes_info")
        assert ok == "ok"
        [(name, info)] = nodes
        assert name == "kate@localhost"
        assert (dict(info)["state"], dict(info)["type"]) == ("up", "normal")
        counted = dict((await ask("net_kernel", "nodes_info"))[1][0][1])
        # The question and the answer before.
        assert counted["in"] > dict(info)["in"]
        assert counted["out"] > dict(info)["out"]
        assert (await ask("net_kernel", "node_info", Atom("kate@localhost")))[0] == "ok"
        assert await ask("net_kernel", "node_info", Atom("nobody")) == ("error", "bad_node")
        assert await ask("net_kernel", "get_net_ticktime") == 60
        assert await ask("Elixir.Node", "list") == ["kate@localhost"]
        assert await ask("Elixir.Node", "ping", Atom("kate@localhost")) == "pong"
        lock = (Atom("resource"), erl.self())
        assert await ask("global", "set_lock", lock, [Atom(THERE)], 0) is True
        assert await ask("global", "del_lock", lock, [Atom(THERE)]) is True
        assert await ask("global", "whereis_name", Atom("nobody")) == "undefined"

    await run(kate, body)


@pytest.mark.parametrize(
    ("options", "up", "down"),
    [
        (None, (), ()),
        ([], (), ()),
        (["nodedown_reason"], ([],), ([("nodedown_reason", "disconnect")],)),
        (
            ["nodedown_reason", ("node_type", "visible")],
            ([("node_type", "visible")],),
            ([("nodedown_reason", "disconnect"), ("node_type", "visible")],),
        ),
        ({"nodedown_reason": True}, ({},), ({"nodedown_reason": "disconnect"},)),
    ],
)
async def test_monitor_nodes(kate: Node, options: Any, up: Any, down: Any) -> None:
    async def body() -> None:
        assert net_kernel.monitor_nodes(True, options) == "ok"
        assert net_kernel.monitor_nodes(True, options) == "ok"
        assert net_kernel.monitor_nodes(True, [("node_type", "hidden")]) == "ok"
        assert net_kernel.disconnect(THERE) is True
        assert [await erl.receive(timeout=5) for _ in range(2)] == [("nodedown", THERE, *down)] * 2
        assert await kate.connect(THERE)
        assert [await erl.receive(timeout=5) for _ in range(2)] == [("nodeup", THERE, *up)] * 2
        assert net_kernel.monitor_nodes(False, options) == "ok"
        net_kernel.disconnect(THERE)
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)

    await run(kate, body)


async def test_bad_options_of_monitor_nodes(kate: Node) -> None:
    async def body() -> None:
        bad = net_kernel.monitor_nodes(True, ["nonsense"])
        assert bad == ("error", ("unknown_options", ["nonsense"]))
        assert net_kernel.monitor_nodes(True, 5) == ("error", ("invalid_options", 5))  # type: ignore[arg-type]
        bad = net_kernel.monitor_nodes(True, [("node_type", "nonsense")])
        assert bad == ("error", ("bad_option_value", ("node_type", "nonsense")))
        assert net_kernel.monitor_nodes("x") == "error"

    await run(kate, body)


async def test_every_exported_builtin_can_have_its_types_looked_up() -> None:
    from pyerlnode.services import builtins, modules

    builtins.load()
    for module in modules._builtins.values():
        for functions in module._functions.values():
            for function in functions:
                function.arguments([])
