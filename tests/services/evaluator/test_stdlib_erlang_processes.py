"""What closures do with processes, clocks, timers, random numbers and tables, called in a process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from stdlib_calls import outcome

import pyerlnode.process as erl
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import builtins, modules
from pyerlnode.services.evaluator import Limits, set_limits
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom, Export, Fun, ImproperList, Pid, Reference, charlist

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    registry.load()
    builtins.load()
    made = Runtime("here@localhost", 7)
    made.apply_hook = modules.apply
    current_runtime.set(made)
    yield made
    await made.stop(Atom("shutdown"))


async def inside(work: Callable[[], Any]) -> Any:
    """What `work` gives or raises in a process."""
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        try:
            made = work()
            answer.set_result(await made if asyncio.iscoroutine(made) else made)
        except BaseException as error:
            answer.set_exception(error)

    erl.spawn(run)
    return await answer


def erlang(name: str, *args: Any) -> Any:
    """The value of a function of `erlang`; what it raises as a pair."""
    return of("erlang", name, *args)


def of(module: str, name: str, *args: Any) -> Any:
    kind, value = outcome(module, name, list(args))
    return value if kind == "ok" else (kind, value)


async def test_a_timer_sends_and_is_cancelled(runtime: Runtime) -> None:
    async def work() -> None:
        ref = erlang("send_after", 1, erl.self(), Atom("now"))
        assert isinstance(ref, Reference)
        assert await erl.receive(None, 5) == "now"
        assert erlang("cancel_timer", ref) is False
        later = erlang("start_timer", 60_000, erl.self(), Atom("late"))
        assert 59_000 < erlang("read_timer", later) <= 60_000
        assert 59_000 < erlang("cancel_timer", later) <= 60_000
        assert erlang("read_timer", later) is False
        done, timer_ref = of("timer", "send_after", 0, b"hello")
        assert done == "ok"
        assert await erl.receive(None, 5) == b"hello"
        assert of("timer", "cancel", timer_ref) == (Atom("ok"), Atom("cancel"))

    await inside(work)


async def test_there_are_only_so_many_timers(runtime: Runtime) -> None:
    def work() -> None:
        before = set_limits(Limits(timers=1))
        try:
            assert isinstance(erlang("send_after", 60_000, erl.self(), 1), Reference)
            assert erlang("send_after", 60_000, erl.self(), 2) == (Atom("error"), Atom("system_limit"))
        finally:
            set_limits(before)
        assert erlang("send_after", -1, erl.self(), 1) == (Atom("error"), Atom("badarg"))
        assert erlang("send_after", 2**32, erl.self(), 1) == (Atom("error"), Atom("badarg"))

    await inside(work)


async def test_a_monitor_has_a_tag_and_an_alias(runtime: Runtime) -> None:
    async def work() -> None:
        async def waits() -> None:
            await erl.receive()

        pid = erl.spawn(waits)
        options = [(Atom("tag"), Atom("GONE")), (Atom("alias"), Atom("demonitor"))]
        ref = erlang("monitor", Atom("process"), pid, options)
        erl.send(ref, b"by the alias")
        assert await erl.receive(None, 5) == b"by the alias"
        erl.send(pid, 1)
        assert await erl.receive(None, 5) == (Atom("GONE"), ref, Atom("process"), pid, Atom("normal"))
        assert erlang("unalias", erlang("alias")) is True

    await inside(work)


async def test_what_other_nodes_may_ask_is_asked_without_a_module_too(runtime: Runtime) -> None:
    def work() -> None:
        me = erl.self()
        assert erlang("register", Atom("somebody"), me) is True
        assert erlang("whereis", Atom("somebody")) == me
        assert Atom("somebody") in erlang("registered")
        assert erlang("register", b"no atom", me) == (Atom("error"), Atom("badarg"))
        assert erlang("unregister", Atom("somebody")) is True
        assert erlang("is_process_alive", me) is True
        assert me in erlang("processes")

    await inside(work)


async def test_pids_are_written_and_read(runtime: Runtime) -> None:
    def work() -> None:
        me = erl.self()
        text = erlang("pid_to_list", me)
        assert text == charlist(f"<0.{me.id}.{me.serial}>")
        assert erlang("list_to_pid", text) == me
        assert erlang("list_to_pid", charlist("<1.2.3>")) == (Atom("error"), Atom("badarg"))
        assert bytes(erlang("ref_to_list", erl.make_ref())).startswith(b"#Ref<0.")

    await inside(work)


def test_funs_tell_what_they_are() -> None:
    registry.load()
    assert erlang("fun_info", Export("lists", "map", 2), Atom("arity")) == (Atom("arity"), 2)
    pid = Pid("here@localhost", 1, 0, 7)
    fun = Fun(
        arity=1, uniq=bytes(16), index=3, module="m", old_index=3, old_uniq=4, pid=pid, free=(b"x",), raw=None
    )
    assert erlang("fun_info", fun, Atom("env")) == (Atom("env"), [b"x"])
    assert erlang("fun_info", fun, Atom("type")) == (Atom("type"), Atom("local"))


def test_units_of_time_are_converted() -> None:
    registry.load()
    assert erlang("convert_time_unit", 1500, Atom("millisecond"), Atom("second")) == 1
    assert erlang("convert_time_unit", -1, Atom("millisecond"), Atom("second")) == -1
    assert erlang("convert_time_unit", 1, Atom("fortnight"), Atom("second")) == (
        Atom("error"),
        Atom("badarg"),
    )
    mega, seconds, micro = erlang("timestamp")
    assert mega * 10**6 + seconds == pytest.approx(erlang("system_time", Atom("second")), abs=2)
    assert 0 <= micro < 10**6
    first, second = erlang("unique_integer", [Atom("positive")]), erlang("unique_integer", [Atom("positive")])
    assert 0 < first < second


async def test_a_seed_gives_the_numbers_of_a_beam(runtime: Runtime) -> None:
    def work() -> None:
        # rand:seed(exsss, 42) of OTP 27, and what it drew.
        state = (Atom("exsss"), ImproperList([132629853624823445], 67522330609774851))
        assert of("rand", "seed", Atom("exsss"), 42) == state
        assert [of("rand", "uniform", 1000) for _ in range(5)] == [294, 431, 615, 198, 771]
        assert of("rand", "uniform") == 0.5665765936300625
        assert of("rand", "uniform", 2**58) == 236311186574236832
        assert of("rand", "bytes", 9) == b"\xc4|\x0c\xbb\xf6\xe9C\xf5y"
        for algorithm in ("exsss", "default"):
            of("rand", "seed", Atom(algorithm), (1, 2, 3))
            assert of("rand", "uniform") == 0.5455598952593053
            state = (Atom("exsss"), ImproperList([199386643319833935], 36059017723575160))
            assert of("rand", "export_seed") == state
        of("rand", "seed", Atom("exsss"), (-1, 2, 3))
        assert of("rand", "uniform") == 0.5310297528675717
        for wrong in ((1, 2), (1, 2, Atom("a")), [1, 2, 3], 1.5, True):
            assert of("rand", "seed", Atom("exsss"), wrong) == (Atom("error"), Atom("badarg"))

    await inside(work)


async def test_a_table_is_made_filled_and_asked(runtime: Runtime) -> None:
    def work() -> None:
        tab = of("ets", "new", Atom("words"), [Atom("named_table"), Atom("public"), (Atom("keypos"), 1)])
        assert tab == "words"
        assert of("ets", "insert", tab, [(1, b"a"), (1.0, b"b")]) is True
        assert of("ets", "lookup", tab, 1) == [(1, b"a")]
        assert of("ets", "update_counter", tab, b"n", 2, (b"n", 5)) == 7
        assert of("ets", "lookup_element", tab, b"x", 2, Atom("none")) == "none"
        assert of("ets", "foldl", Export("lists", "append", 2), [], tab) == (Atom("error"), Atom("badarg"))
        assert of("ets", "info", tab, Atom("size")) == 3
        assert of("ets", "delete", tab) is True
        assert of("ets", "lookup", tab, 1) == (Atom("error"), Atom("badarg"))
        assert of("ets", "whereis", tab) == "undefined"

    await inside(work)
