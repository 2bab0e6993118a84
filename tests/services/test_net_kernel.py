"""`net_kernel`: other nodes ping it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import GenServer
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import net_adm, net_kernel
from pyerlnode.term import Atom


async def started() -> Runtime:
    runtime = Runtime("here@localhost", 1)
    current_runtime.set(runtime)
    node: Any = SimpleNamespace(runtime=runtime, on_node_event=lambda observer: None)
    net_kernel.service(node)
    return runtime


async def test_it_says_yes_to_who_asks() -> None:
    runtime = await started()
    assert await GenServer.call("net_kernel", (Atom("is_auth"), Atom("there@localhost"))) is Atom("yes")
    assert await net_adm.ping(runtime.name) == "pong"
    assert await net_adm.ping("absent@localhost") == "pang"
    await runtime.stop(Atom("shutdown"))


async def test_whatever_else_it_is_asked_it_answers_and_lives() -> None:
    runtime = await started()
    for request in (Atom("nonsense"), (Atom("spawn"), 1, 2), 5, b"x"):
        assert await GenServer.call("net_kernel", request) == ("error", "notsup")
        GenServer.cast("net_kernel", request)
        erl.send("net_kernel", request)
    assert await net_adm.ping(runtime.name) == "pong"
    assert erl.registered() == ["net_kernel"]
    await runtime.stop(Atom("shutdown"))


async def test_exit_signals_and_links_do_not_end_it() -> None:
    runtime = await started()
    pid = erl.whereis("net_kernel")
    assert pid is not None
    erl.exit(pid, Atom("foo"))

    async def linked() -> None:
        erl.link(pid)
        raise Exit(Atom("gone"))

    _, ref = erl.spawn_monitor(linked)
    assert (await erl.receive(timeout=5))[1:3] == (ref, "process")
    assert await net_adm.ping(runtime.name) == "pong"
    assert erl.whereis("net_kernel") == pid
    await runtime.stop(Atom("shutdown"))


async def test_ping_without_a_net_kernel_is_pang() -> None:
    runtime = Runtime("here@localhost", 1)
    current_runtime.set(runtime)
    assert await net_adm.ping(runtime.name) == "pang"
    await runtime.stop(Atom("shutdown"))
