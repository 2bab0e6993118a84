"""Names and locks of one node, without any other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyerlnode.process import KILL, Process, Runtime, receive
from pyerlnode.services.global_.tables import GLOBAL, Tables
from pyerlnode.term import Atom, Pid


class Owner:
    """The process that monitors for the tables."""

    def __init__(self, runtime: Runtime) -> None:
        self.tables = Tables(runtime)

    def start(self, process: Process) -> None:
        self.tables.process = process

    def message(self, message: Any) -> None:
        assert message[0] == "DOWN"
        self.tables.down(message[1])


async def idle() -> None:
    await receive()


@pytest.fixture
async def runtime() -> Runtime:
    return Runtime()


@pytest.fixture
async def tables(runtime: Runtime) -> Tables:
    owner = Owner(runtime)
    runtime.spawn(owner)
    await turns()
    return owner.tables


def worker(runtime: Runtime) -> Process:
    return runtime.spawn(idle())


async def turns() -> None:
    """Let everything that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_name_goes_with_its_process(runtime: Runtime, tables: Tables) -> None:
    one = worker(runtime)
    tables.insert(Atom("n"), one.pid, None)
    tables.insert((1, "x"), one.pid, None)
    assert tables.where(Atom("n")) == one.pid
    assert tables.names_of(one.pid) == [Atom("n"), (1, "x")]
    one.exit_signal(one.pid, KILL)
    assert tables.where(Atom("n")) is None  # at once, before the monitor's message was handled
    assert len(tables.names) == 2
    await turns()
    assert len(tables.names) == 0
    assert tables.names_of(one.pid) == []


async def test_a_name_that_was_given_to_another_stays_when_the_first_ends(
    runtime: Runtime, tables: Tables
) -> None:
    one, two = worker(runtime), worker(runtime)
    tables.insert(1, one.pid, None)
    tables.insert(1, two.pid, None)
    one.exit_signal(one.pid, KILL)
    await turns()
    assert tables.where(1) == two.pid
    assert tables.where(1.0) is None
    tables.delete(1)
    tables.delete(1)
    assert tables.where(1) is None
    assert two.monitors is None or not two.monitors.watched_by


async def test_requesters_exclude_each_other_and_share_with_themselves(
    runtime: Runtime, tables: Tables
) -> None:
    one, two = worker(runtime).pid, worker(runtime).pid
    assert tables.lock((Atom("r"), 1), one)
    assert tables.lock((Atom("r"), 1), one)
    assert tables.lock((Atom("r"), 1), two)
    assert not tables.lock((Atom("r"), 1.0), two)
    assert not tables.can_lock((Atom("r"), "1"))
    assert tables.lock((Atom("other"), 2), two)
    tables.unlock((Atom("r"), 2), one)
    tables.unlock((Atom("r"), 1), one)
    assert not tables.can_lock((Atom("r"), 2))
    tables.unlock((Atom("r"), 1), two)
    assert tables.can_lock((Atom("r"), 2))
    assert tables.is_locked(Atom("other"))
    assert not tables.is_locked(Atom("r"))


async def test_a_lock_goes_with_its_last_holder(runtime: Runtime, tables: Tables) -> None:
    one, two = worker(runtime), worker(runtime)
    for holder in (one, two):
        assert tables.lock((GLOBAL, [1, 2]), holder.pid)
    one.exit_signal(one.pid, KILL)
    await turns()
    assert not tables.can_lock((GLOBAL, 3))
    assert not tables.global_lock_down
    two.exit_signal(two.pid, KILL)
    await turns()
    assert tables.can_lock((GLOBAL, 3))
    assert tables.global_lock_down


async def test_who_may_change_names(runtime: Runtime, tables: Tables) -> None:
    one, two = worker(runtime), worker(runtime)
    assert tables.lock_still_set(two.pid, None)
    assert tables.lock((GLOBAL, [one.pid, two.pid]), one.pid)
    assert tables.lock_still_set(one.pid, None)
    assert not tables.lock_still_set(two.pid, None)
    assert tables.lock_still_set(None, (GLOBAL, [one.pid, two.pid]))
    assert not tables.lock_still_set(None, (GLOBAL, [two.pid, one.pid]))
    tables.unlock((GLOBAL, [one.pid, two.pid]), one.pid)
    assert tables.lock_still_set(two.pid, None)
    assert tables.lock((GLOBAL, 1), one.pid)
    one.exit_signal(one.pid, KILL)
    await turns()
    # What comes late from somebody who died with the lock is not taken.
    assert not tables.lock_still_set(one.pid, None)
    assert tables.lock((GLOBAL, 2), two.pid)
    tables.unlock((GLOBAL, 2), two.pid)
    assert tables.lock_still_set(one.pid, None)


async def test_a_node_that_is_dropped_leaves_nothing(runtime: Runtime, tables: Tables) -> None:
    own = worker(runtime).pid
    other = Pid("alex@localhost", 1, 0, 2)
    for pid, name in ((own, "own"), (other, "other")):
        tables.insert(name, pid, None)
        assert tables.lock((name, 1), pid)
    tables.external["other"] = (other, Atom("alex@localhost"))
    tables.drop_node(Atom("alex@localhost"))
    assert list(tables.names) == ["own"]
    assert list(tables.locks) == ["own"]
    assert not tables.external
