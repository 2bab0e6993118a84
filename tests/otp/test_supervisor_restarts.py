"""Which children are restarted, in which order, and how often: rows B of the OTP rules."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from otp_tools import reason_of, settled
from supervised import TRAIL, Clock, Fails, child, pids, start, stop, trail

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import Supervisor
from pyerlnode.otp.supervisor.restart_intensity import RestartIntensity
from pyerlnode.term import Atom


@pytest.fixture(autouse=True)
def _empty_trail() -> None:
    TRAIL.clear()


def kill(pid: Any) -> None:
    erl.exit(pid, "kill")


# --- order --------------------------------------------------------------------------------


async def test_children_start_in_order_and_stop_in_reverse() -> None:
    sup = await start(child("a"), child("b"), child("c"))
    assert trail() == [("started", id) for id in "abc"]
    assert [id for id, *_ in await Supervisor.which_children(sup)] == ["c", "b", "a"]
    assert await Supervisor.stop(sup) == "ok"
    assert trail() == [("terminated", id, "shutdown") for id in "cba"]


async def test_a_failing_start_stops_those_before_it() -> None:
    with pytest.raises(Exit) as failed:
        await start(child("a"), child("b", fails=Fails(1)), child("c"))
    assert failed.value.reason == ("shutdown", ("failed_to_start_child", "b", "no"))
    assert trail() == [("started", "a"), ("failed", "b"), ("terminated", "a", "shutdown")]


async def test_a_supervisor_ends_with_its_parent() -> None:
    async def parent() -> None:
        await Supervisor.start_link([child("a")], strategy="one_for_one", name="sup")
        await erl.receive()

    pid = erl.spawn(parent)
    await settled()
    sup = erl.whereis("sup")
    assert sup is not None
    erl.exit(pid, "why")
    assert await reason_of(sup) in ("why", "noproc")
    assert trail() == [("started", "a"), ("terminated", "a", "shutdown")]


async def test_the_exit_of_a_stranger_and_stray_messages_are_ignored() -> None:
    sup = await start(child("a"))
    before = await pids(sup)
    erl.exit(sup, "shutdown")
    erl.send(sup, Atom("stray"))
    erl.send(sup, ("EXIT", erl.self(), "why"))
    assert await pids(sup) == before


async def test_children_of_a_killed_supervisor_end_with_killed() -> None:
    sup = await start(child("a"))
    trail()
    kill(sup)
    await settled()
    assert trail() == [("terminated", "a", "killed")]


# --- strategies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "expected", "same"),
    [
        ("one_for_one", [("started", "b")], "ac"),
        (
            "one_for_all",
            [
                ("terminated", "c", "shutdown"),
                ("terminated", "a", "shutdown"),
                *(("started", id) for id in "abc"),
            ],
            "",
        ),
        ("rest_for_one", [("terminated", "c", "shutdown"), ("started", "b"), ("started", "c")], "a"),
    ],
)
async def test_who_is_restarted_with_the_one_that_ended(strategy: str, expected: Any, same: str) -> None:
    sup = await start(child("a"), child("b"), child("c"), strategy=strategy)
    old = await pids(sup)
    trail()
    kill(old["b"])
    new = await pids(sup)
    assert trail() == expected
    assert {id for id in old if old[id] == new[id]} == set(same)
    assert list(new) == ["c", "b", "a"]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_temporary_children_are_stopped_with_the_others_and_forgotten(strategy: str) -> None:
    sup = await start(child("a"), child("b", restart="temporary"), strategy=strategy)
    trail()
    kill((await pids(sup))["a"])
    assert list(await pids(sup)) == ["a"]
    assert trail() == [("terminated", "b", "shutdown"), ("started", "a")]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_one_that_ended_at_the_same_time_is_not_restarted_twice(strategy: str) -> None:
    sup = await start(child("a"), child("b"), strategy=strategy, max_restarts=1)
    old = await pids(sup)
    trail()
    kill(old["a"])
    kill(old["b"])
    assert set(await pids(sup)) == {"a", "b"}
    assert trail() == [("started", "a"), ("started", "b")]


# --- restart types ------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["normal", "shutdown", "boom"])
async def test_permanent_children_are_restarted_whatever_they_ended_with(reason: str) -> None:
    sup = await start(child("a"))
    old = (await pids(sup))["a"]
    await stop(old, reason)
    assert (await pids(sup))["a"] not in (old, "undefined")


@pytest.mark.parametrize(("reason", "restarted"), [("normal", False), ("shutdown", False), ("boom", True)])
async def test_transient_children_are_restarted_after_another_reason(reason: str, restarted: bool) -> None:
    sup = await start(child("a", restart="transient"))
    await stop((await pids(sup))["a"], reason)
    new = (await pids(sup))["a"]
    assert (new != "undefined") is restarted
    assert await Supervisor.count_children(sup) == {
        "specs": 1,
        "active": int(restarted),
        "supervisors": 0,
        "workers": 1,
    }


@pytest.mark.parametrize("reason", ["normal", "boom"])
async def test_temporary_children_are_removed(reason: str) -> None:
    sup = await start(child("a", restart="temporary"))
    await stop((await pids(sup))["a"], reason)
    assert await pids(sup) == {}


# --- intensity ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intensity", "period", "times", "allowed"),
    [
        (0, 5, [0], [False]),
        (2, 5, [0, 1, 2], [True, True, False]),
        (1, 5, [0, 5], [True, False]),
        (1, 5, [0, 6], [True, True]),
        (1, 5, [0.0, 5.99], [True, False]),
        (1, 5, [0.99, 6.0], [True, True]),
        (1, 1, [0, 2.2, 4.4], [True, True, True]),
        (2, 10, [0, 9, 11, 12], [True, True, True, False]),
    ],
)
def test_restarts_count_in_whole_seconds(
    intensity: int, period: int, times: list[float], allowed: list[bool]
) -> None:
    restarts = RestartIntensity(intensity, period)
    assert [restarts.add(time) for time in times] == allowed


async def test_one_restart_too_many_ends_the_supervisor_and_all_children() -> None:
    sup = await start(child("x"), child("other"), max_restarts=2, max_seconds=10)
    for _ in range(2):
        kill((await pids(sup))["x"])
    old = await pids(sup)
    trail()
    kill(old["x"])
    assert await reason_of(sup) in ("shutdown", "noproc")
    assert trail() == [("terminated", "other", "shutdown")]


async def test_restarts_that_are_older_than_the_period_do_not_count() -> None:
    clock = Clock()
    sup = await start(child("x"), max_restarts=1, max_seconds=5, clock=clock)
    for _ in range(3):
        kill((await pids(sup))["x"])
        assert "x" in await pids(sup)
        clock.now += 6
    clock.now -= 1
    kill((await pids(sup))["x"])
    assert await reason_of(sup) in ("shutdown", "noproc")


async def test_a_normal_end_of_a_permanent_child_counts() -> None:
    sup = await start(child("x"), max_restarts=0)
    await stop((await pids(sup))["x"])
    assert await reason_of(sup) in ("shutdown", "noproc")


# --- restarts that fail ---------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_a_restart_that_fails_is_tried_again_and_counts(strategy: str) -> None:
    fails = Fails(2, 3, 4)
    sup = await start(child("a"), child("b", fails=fails), strategy=strategy, max_restarts=4)
    kill((await pids(sup))["b"])
    await settled()
    assert fails.starts == 5
    assert "restarting" not in (await pids(sup)).values()


async def test_a_restart_that_goes_on_failing_ends_the_supervisor() -> None:
    fails = Fails(*range(2, 100))
    sup = await start(child("a", fails=fails), max_restarts=3)
    kill((await pids(sup))["a"])
    assert await reason_of(sup) in ("shutdown", "noproc")
    assert fails.starts == 4  # the first, then one for each restart that is allowed


async def test_requests_come_between_the_tries() -> None:
    answers: list[Any] = []

    def asks() -> Any:
        # Sent in the failing start, so it is answered before the next try.
        async def ask() -> None:
            answers.append((await pids("sup"))["a"])
            for function in (Supervisor.restart_child, Supervisor.delete_child):
                with pytest.raises(Exit) as refused:
                    await function("sup", "a")
                answers.append(refused.value.reason)
            with pytest.raises(Exit) as present:
                await Supervisor.start_child("sup", child("a"))
            answers.append(present.value.reason)
            assert await Supervisor.terminate_child("sup", "a") == "ok"
            answers.append((await pids("sup"))["a"])

        starts.append(1)
        if len(starts) == 2:
            erl.spawn(ask)
        return None if len(starts) == 1 else Fails(1)()

    starts: list[int] = []
    sup = await start(child("a", fails=asks), max_restarts=100_000, name="sup")
    kill((await pids(sup))["a"])
    await settled()
    assert answers == ["restarting", "restarting", "restarting", "already_present", "undefined"]


async def test_another_child_that_cannot_start_again_is_restarting() -> None:
    fails = Fails(2)
    sup = await start(child("a"), child("b", fails=fails), strategy="one_for_all", max_restarts=2)
    trail()
    kill((await pids(sup))["a"])
    await settled()
    assert trail() == [
        ("terminated", "b", "shutdown"),
        ("started", "a"),
        ("failed", "b"),
        ("terminated", "a", "shutdown"),
        ("started", "a"),
        ("started", "b"),
    ]


# --- auto_shutdown ------------------------------------------------------------------------------


def significant(id: str, restart: str = "transient") -> dict[str, Any]:
    return child(id, restart=restart, significant=True)


async def test_any_significant_child_that_ends_by_itself_ends_the_supervisor() -> None:
    sup = await start(child("keep"), significant("a"), significant("b"), auto_shutdown="any_significant")
    old = await pids(sup)
    trail()
    await stop(old["a"])
    assert await reason_of(sup) in ("shutdown", "noproc")
    assert trail() == [
        ("terminated", "a", "normal"),
        ("terminated", "b", "shutdown"),
        ("terminated", "keep", "shutdown"),
    ]


async def test_the_last_of_all_significant_children_ends_the_supervisor() -> None:
    sup = await start(
        significant("a"), significant("b", "temporary"), child("keep"), auto_shutdown="all_significant"
    )
    old = await pids(sup)
    await stop(old["a"])
    assert (await pids(sup))["a"] == "undefined"
    await stop(old["b"], "boom")
    assert await reason_of(sup) in ("shutdown", "noproc")


async def test_what_is_no_end_by_itself_does_not_end_the_supervisor() -> None:
    sup = await start(significant("a"), auto_shutdown="any_significant")
    kill((await pids(sup))["a"])
    assert (await pids(sup))["a"] != "undefined"  # it crashed and was restarted
    await Supervisor.terminate_child(sup, "a")
    assert await pids(sup) == {"a": "undefined"}


# --- reports --------------------------------------------------------------------------------------


async def test_reports_carry_the_fields_of_otp(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyerlnode.otp")
    sup = await start(child("a", fails=Fails(2)), max_restarts=1, name="sup")
    old = (await pids(sup))["a"]
    kill(old)
    assert await reason_of(sup) in ("shutdown", "noproc")
    records = [record for record in caplog.records if hasattr(record, "context")]
    assert [record.context for record in records] == [
        "progress",
        "child_terminated",
        "start_error",
        "shutdown",
    ]
    assert [record.reason for record in records[1:]] == ["killed", "no", "reached_max_restart_intensity"]
    assert {record.supervisor for record in records} == {("local", "sup")}
    offender = records[1].offender
    assert [key for key, _ in offender] == [
        "pid",
        "id",
        "mfargs",
        "restart_type",
        "significant",
        "shutdown",
        "child_type",
    ]
    assert dict(offender)["pid"] == old
    assert "a" in records[1].getMessage()
