"""The queue of what is to be published."""

from __future__ import annotations

import asyncio

import pytest

from pyerlnode.bridge.mqtt.outbox import Full, Outbox, Outgoing


def message(name: str) -> Outgoing:
    return Outgoing(name, b"")


def fill(box: Outbox, *names: str) -> None:
    for name in names:
        assert box.put(message(name)) is None


async def taken(box: Outbox, count: int) -> list[str]:
    return [(await box.take()).topic for _ in range(count)]


async def test_first_in_first_out_and_the_bound() -> None:
    box = Outbox(2, "drop_oldest")
    fill(box, "a", "b")
    dropped = box.put(message("c"))
    assert dropped is not None and dropped.topic == "a"
    assert (len(box), box.most) == (2, 2)
    assert await taken(box, 2) == ["b", "c"]
    with pytest.raises(Full) as caught:  # both are under way
        box.put(message("d"))
    assert caught.value.dropped


@pytest.mark.parametrize(("policy", "dropped"), [("drop_new", True), ("error", False)])
async def test_policies(policy: str, dropped: bool) -> None:
    box = Outbox(1, policy)
    fill(box, "a")
    with pytest.raises(Full) as caught:
        box.put(message("b"))
    assert caught.value.dropped is dropped
    assert await taken(box, 1) == ["a"]


async def test_what_was_under_way_is_sent_again_first() -> None:
    box = Outbox(10, "error")
    fill(box, "a", "b", "c", "d")
    first, second, third = [await box.take() for _ in range(3)]
    box.done(second)
    box.connection_lost()
    assert len(box) == 3
    assert await taken(box, 3) == ["a", "c", "d"]
    box.connection_lost()
    assert [(await box.take()), (await box.take())] == [first, third]


async def test_whoever_waits_gets_what_comes() -> None:
    box = Outbox(10, "error")
    waiting = asyncio.ensure_future(taken(box, 2))
    await asyncio.sleep(0)
    fill(box, "a", "b")
    assert await waiting == ["a", "b"]
    assert len(box) == 2
