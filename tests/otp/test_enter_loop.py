"""A process becomes a server: row T8 of the OTP rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import OK, exit_of, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import Exit, UsageError
from pyerlnode.otp import Continue, GenServer, NoReply, Stop, on_call, on_cast, on_info, proc_lib, sys
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime


class Server(GenServer):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @on_call
    def get(self) -> Any:
        return self.seen

    @on_call
    async def later(self, value: Any) -> Any:
        await asyncio.sleep(0)
        return value

    @on_call
    def waits(self) -> Any:
        try:
            GenServer.call(erl.self(), Atom("get"))
        except UsageError:
            return Atom("refused")

    @on_cast("end")
    def ends(self, reason: Any) -> Stop:
        return Stop(reason)

    @on_info
    def timeout(self) -> None:
        self.seen.append("timeout")

    def handle_info(self, message: Any) -> Any:
        self.seen.append(message)
        return NoReply()

    def handle_continue(self, arg: Any) -> Any:
        self.seen.append(arg)
        return NoReply()

    def terminate(self, reason: Any) -> None:
        if self.seen and isinstance(self.seen[0], Pid):
            erl.send(self.seen[0], ("terminated", reason))


async def entering(first: Any = None, *, link: bool = False, **options: Any) -> Pid:
    """A process that has started by proc_lib, says so, and then becomes a server."""

    async def body() -> None:
        process = this_process()
        erl.send(erl.self(), "before")
        proc_lib.init_ack(process, (OK, process.pid))
        await GenServer.enter_loop(Server(), first, **options)

    kind, pid = await proc_lib.start(body(), initial_call=(Atom("m"), Atom("f"), 0), link=link)
    assert kind == OK
    assert isinstance(pid, Pid)
    return pid


async def test_it_serves_as_any_other() -> None:
    pid = await entering()
    assert await GenServer.call(pid, (Atom("later"), 1)) == 1
    assert await GenServer.call(pid, Atom("get")) == ["before"]
    assert await GenServer.call(pid, Atom("waits")) == "refused"
    assert await sys.get_state(pid) == {Atom("seen"): ["before"]}
    status: Any = await sys.get_status(pid)
    assert status[3][2] == erl.self()
    assert dict(status[3][0])[Atom("$initial_call")] == ("m", "f", 0)
    assert await GenServer.stop(pid) == OK


async def test_what_comes_first() -> None:
    assert await GenServer.call(await entering(Continue("first")), Atom("get")) == ["first", "before"]
    pid = await entering(NoReply(timeout=0.01))
    await settled()
    assert await GenServer.call(pid, Atom("get")) == ["before"]


async def test_suspended_and_resumed() -> None:
    pid = await entering()
    await sys.suspend(pid)
    erl.send(pid, 1)
    erl.send(pid, 2)
    assert await sys.get_state(pid) == {Atom("seen"): ["before"]}
    await sys.resume(pid)
    assert await GenServer.call(pid, Atom("get")) == ["before", 1, 2]


async def test_how_it_ends() -> None:
    pid = await entering()
    GenServer.cast(pid, (Atom("end"), Atom("reason")))
    assert await reason_of(pid) == "reason"
    pid = await entering()
    assert (await exit_of(pid, Atom("unknown")))[0][0] == "function_clause"
    assert await exit_of(pid, Atom("get"))


async def test_its_parent_is_the_first_of_its_ancestors() -> None:
    pid = await entering()
    process_of(pid).trap_exit = True
    erl.send(pid, (Atom("EXIT"), erl.self(), Atom("normal")))
    assert await reason_of(pid) in ("normal", "noproc")
    erl.register("the_parent", erl.self())
    pid = await entering()
    assert (await sys.get_status(pid))[3][2] == erl.self()  # type: ignore[index]


async def test_a_name_is_there_before(runtime: Runtime) -> None:
    async def body(register: str | None, name: Any) -> None:
        process = this_process()
        if register is not None:
            erl.register(register, erl.self())
        proc_lib.init_ack(process, (OK, process.pid))
        await erl.receive()
        await GenServer.enter_loop(Server(), name=name)

    async def ends(register: str | None, name: Any) -> Any:
        call = (Atom("m"), Atom("f"), 0)
        _, pid = await proc_lib.start(body(register, name), initial_call=call)
        ref = erl.monitor(pid)
        erl.send(pid, Atom("go"))
        return (await erl.receive(lambda message: message[1] == ref, timeout=5))[4]

    assert await ends(None, "named") == "process_not_registered"
    assert await ends("other", "named") == "process_not_registered"
    assert await ends(None, ("global", "named")) == "process_not_registered_globally"
    _, pid = await proc_lib.start(body("named", "named"), initial_call=(Atom("m"), Atom("f"), 0))
    erl.send(pid, Atom("go"))
    assert await GenServer.call("named", Atom("get")) == []


async def test_only_who_proc_lib_has_started(runtime: Runtime) -> None:
    async def body() -> None:
        await GenServer.enter_loop(Server())

    pid = erl.spawn(body)
    ref = erl.monitor(pid)
    down = await erl.receive(lambda message: message[1] == ref, timeout=5)
    assert down[4] == "process_was_not_started_by_proc_lib"
    with pytest.raises(Exit, match="process_was_not_started_by_proc_lib"):
        await GenServer.enter_loop(Server())


async def test_a_parent_that_is_nowhere() -> None:
    async def body() -> None:
        process = this_process()
        process.dictionary = {proc_lib.ANCESTORS: [Atom("gone")]}
        await GenServer.enter_loop(Server())

    pid = erl.spawn(body)
    ref = erl.monitor(pid)
    down = await erl.receive(lambda message: message[1] == ref, timeout=5)
    assert down[4] == "could_not_find_registered_name"
