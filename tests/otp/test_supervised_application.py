"""An application whose topmost process is a supervisor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from otp_tools import SECONDS
from supervised import TRAIL, Fails, child, trail

import pyerlnode.process as erl
from pyerlnode.otp import Application, ApplicationMaster, GenServer, Supervisor, child_spec
from pyerlnode.otp import application as application_module

if TYPE_CHECKING:
    from pyerlnode.process import Runtime
    from pyerlnode.term import Atom, Pid


class Tree(Application):
    def __init__(self, *children: Any) -> None:
        self.children = list(children)

    async def start(self, type: Atom, args: Any) -> Pid | None:
        return await Supervisor.start_link(self.children, strategy="one_for_one", name="top", max_restarts=0)


async def up(runtime: Runtime, application: Application) -> ApplicationMaster:
    TRAIL.clear()
    master = ApplicationMaster.start(runtime, application)
    async with asyncio.timeout(SECONDS):
        await asyncio.wait({master.started, master.ended}, return_when=asyncio.FIRST_COMPLETED)
    return master


async def test_the_tree_stops_in_reverse_order(runtime: Runtime) -> None:
    master = await up(runtime, Tree(child("a"), child("b")))
    await master.stop()
    assert trail() == [
        ("started", "a"),
        ("started", "b"),
        ("terminated", "b", "shutdown"),
        ("terminated", "a", "shutdown"),
    ]


async def test_a_list_of_children_is_an_application(runtime: Runtime) -> None:
    master = await up(runtime, Application.from_children([child_spec(child("a"))]))
    await master.stop()
    assert trail() == [("started", "a"), ("terminated", "a", "shutdown")]


async def test_a_supervisor_is_waited_for_as_long_as_its_children_need(
    runtime: Runtime, monkeypatch: Any
) -> None:
    class Takes(GenServer):
        def init(self) -> None:
            erl.process_flag("trap_exit", True)

        async def terminate(self, reason: Any) -> None:
            await asyncio.sleep(0.05)
            TRAIL.append(("done",))

    monkeypatch.setattr(application_module, "SHUTDOWN_TIME", 0.001)
    master = await up(runtime, Tree(Takes))
    await master.stop()
    assert trail() == [("done",)]


async def test_the_end_of_the_supervisor_ends_the_application(runtime: Runtime) -> None:
    master = await up(runtime, Tree(child("a")))
    ((_, pid, _, _),) = await Supervisor.which_children("top")
    erl.exit(pid, "kill")
    async with asyncio.timeout(SECONDS):
        assert await master.ended == "shutdown"
    await master.stop()


async def test_a_child_that_does_not_start_is_why_the_application_does_not(runtime: Runtime) -> None:
    master = await up(runtime, Tree(child("a"), child("b", fails=Fails(1))))
    async with asyncio.timeout(SECONDS):
        assert await master.ended == ("shutdown", ("failed_to_start_child", "b", "no"))
    await master.stop()
