"""How processes end, and what exit signals do: rows P of the OTP rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from process_tools import idle, inside, process_of, reason_of, settled, trapping

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit, Throw
from pyerlnode.term import Atom, Pid, equal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pyerlnode.process import Runtime


async def returns() -> str:
    return "anything"


async def raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("reason", [Atom("shutdown"), 1, (Atom("a"), b"b"), [], Atom("kill"), Atom("killed")])
async def test_an_uncaught_exit_ends_with_its_reason(reason: Any) -> None:
    assert equal(await reason_of(erl.spawn(raises, Exit(reason))), reason)


async def test_text_as_a_reason_is_an_atom() -> None:
    assert equal(await reason_of(erl.spawn(raises, Exit("bye"))), Atom("bye"))
    pid = erl.spawn(trapping)
    await settled()
    erl.exit(pid, "kill")
    assert await reason_of(pid) == "noproc"


async def test_a_function_that_returns_ends_normally() -> None:
    assert await reason_of(erl.spawn(returns)) is Atom("normal")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ErlangError("badarg"), Atom("badarg")),
        (ErlangError((Atom("my"), 1)), (Atom("my"), 1)),
        (ZeroDivisionError("division by zero"), Atom("badarith")),
        (BadArg("not this"), Atom("badarg")),
        (Throw(5), (Atom("nocatch"), 5)),
    ],
)
async def test_an_uncaught_error_ends_with_reason_and_stack(error: Exception, reason: Any) -> None:
    found, stack = await reason_of(erl.spawn(raises, error))
    assert equal(found, reason)
    module, function, arity, location = stack[0]
    assert (module, function, arity) == ("test_exits", "raises", 1)
    assert location[0][0] == "file"
    assert bytes(location[0][1]) == b"test_exits.py"
    assert location[1][1] > 1


@pytest.mark.parametrize(
    ("error", "struct", "message"),
    [
        (RuntimeError("no"), "Elixir.RuntimeError", b"no"),
        (ValueError("no"), "Elixir.ArgumentError", b"ValueError: no"),
        (KeyError("k"), "Elixir.RuntimeError", b"KeyError: 'k'"),
    ],
)
async def test_pythons_exceptions_are_elixirs(error: Exception, struct: str, message: bytes) -> None:
    found, _ = await reason_of(erl.spawn(raises, error))
    assert found == {"__struct__": struct, "__exception__": True, "message": message}


async def test_the_stack_that_an_error_carries_is_kept() -> None:
    stack = [(Atom("m"), Atom("f"), [1], [])]
    assert await reason_of(erl.spawn(raises, ErlangError("undef", stack))) == ("undef", stack)


async def exit_after(
    start: Callable[[], Coroutine[Any, Any, Any]], reason: Any, after: Any = None
) -> tuple[bool, Any]:
    """Send an exit signal to a process that runs `start`: whether it lives on, and the reason if not."""
    pid = erl.spawn(start)
    await settled()
    assert erl.exit(pid, reason) is True
    if erl.is_alive(pid):
        return True, list(process_of(pid).mailbox or ())
    return False, await reason_of(pid)


async def test_exit_signals_without_trapping() -> None:
    assert await exit_after(idle, Atom("normal")) == (True, [])
    assert (await exit_after(idle, Atom("why")))[0] is False
    assert (await exit_after(idle, Atom("killed")))[0] is False


async def test_exit_signals_when_trapping_become_messages() -> None:
    me = erl.self()
    for reason in ("normal", "why", "killed", "shutdown"):
        assert await exit_after(trapping, Atom(reason)) == (True, [("EXIT", me, reason)])
    assert (await exit_after(trapping, Atom("kill")))[0] is False


@pytest.mark.parametrize("start", [idle, trapping])
@pytest.mark.parametrize("reason", ["why", "kill"])
async def test_watchers_of_a_process_see_the_reason(start: Any, reason: str) -> None:
    pid = erl.spawn(start)
    await settled()
    ref = erl.monitor(pid)
    erl.exit(pid, Atom(reason))
    if reason == "why" and start is trapping:
        assert erl.demonitor(ref)
        return
    seen = "killed" if reason == "kill" else reason
    assert await erl.receive(timeout=1) == ("DOWN", ref, "process", pid, seen)


async def test_a_link_passes_the_reason_kill_on_as_an_ordinary_one() -> None:
    async def body() -> Any:
        erl.process_flag("trap_exit", True)
        pid = erl.spawn_link(raises, Exit(Atom("kill")))
        return await erl.receive(timeout=1) == ("EXIT", pid, "kill")

    assert await inside(body)

    async def linked() -> None:
        erl.spawn_link(raises, Exit(Atom("kill")))
        await idle()

    assert await reason_of(erl.spawn(linked)) == "kill"


async def test_a_killed_process_takes_those_it_is_linked_to_with_killed() -> None:
    async def linked(victim: Pid) -> None:
        erl.link(victim)
        await idle()

    victim = erl.spawn(idle)
    other = erl.spawn(linked, victim)
    await settled()
    ref = erl.monitor(other)
    erl.exit(victim, Atom("kill"))
    assert await erl.receive(timeout=1) == ("DOWN", ref, "process", other, "killed")


async def test_exiting_oneself() -> None:
    async def with_reason(reason: str) -> None:
        erl.exit(erl.self(), Atom(reason))
        await idle()

    assert await reason_of(erl.spawn(with_reason, "normal")) == "normal"
    assert await reason_of(erl.spawn(with_reason, "why")) == "why"
    assert await reason_of(erl.spawn(with_reason, "kill")) == "killed"

    async def trapped() -> Any:
        erl.process_flag("trap_exit", True)
        erl.exit(erl.self(), Atom("normal"))
        return await erl.receive(timeout=0) == ("EXIT", erl.self(), "normal")

    assert await inside(trapped)


async def test_process_flag_answers_the_old_value() -> None:
    async def body() -> list[bool]:
        return [erl.process_flag("trap_exit", flag) for flag in (True, True, False, False)]

    assert await inside(body) == [False, True, True, False]
    with pytest.raises(BadArg, match="trap_exit"):
        erl.process_flag("priority", True)


async def test_exit_of_what_is_no_pid() -> None:
    with pytest.raises(BadArg):
        erl.exit("name", Atom("kill"))  # type: ignore[arg-type]


async def test_the_dictionary_and_the_group_leader_are_a_processs_own(runtime: Runtime) -> None:
    async def body() -> Any:
        leader = erl.group_leader()
        assert erl.put("key", 1) == "undefined"
        assert (erl.put("key", 2), erl.get("key"), erl.erase("key"), erl.get("key")) == (1, 2, 2, "undefined")
        return leader

    me = erl.self()
    assert await inside(body) == erl.group_leader()
    other = erl.spawn(idle)
    erl.group_leader(other, me)
    assert erl.group_leader() == other
    child = erl.spawn(idle)
    assert process_of(child).group_leader == other
    assert runtime.process(child) is not None


async def test_a_chain_of_ten_thousand_linked_processes_ends_without_recursion() -> None:
    async def link(number: int, report: Pid) -> None:
        if number:
            erl.spawn_link(link, number - 1, report)
        else:
            erl.send(report, "built")
        await idle()

    first = erl.spawn(link, 10_000, erl.self())
    assert await erl.receive(timeout=20) == "built"
    before = len(process_of(erl.self()).runtime.processes())
    assert before == 10_002
    erl.exit(first, Atom("over"))
    assert len(process_of(erl.self()).runtime.processes()) == 1
    await settled()
