"""What waits for a slow node has a bound."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pyerlnode.bridge.mqtt.slow import SlowNodes
from pyerlnode.term import Atom

ALEX, ZOE = Atom("alex@localhost"), Atom("zoe@localhost")


def test_a_node_that_does_not_keep_up() -> None:
    busy = {ALEX}
    runtime: Any = SimpleNamespace(distribution=SimpleNamespace(is_busy=lambda node: node in busy))
    nodes = SlowNodes(runtime, limit=1000)
    assert not nodes.has_room(ALEX, 1, 0) and nodes.has_room(ZOE, 1, 0)
    assert [nodes.has_room(ALEX, 200, 1) for _ in range(5)] == [True, True, True, False, False]
    assert nodes.has_room(ALEX, 0, 2)
    assert nodes.has_room(ZOE, 10_000, 1)
    busy.clear()
    assert nodes.has_room(ALEX, 5000, 0)
    busy.add(ALEX)
    assert nodes.has_room(ALEX, 200, 1)


def test_a_node_without_a_network() -> None:
    assert SlowNodes(SimpleNamespace(distribution=None)).has_room(ALEX, 1, 0)  # type: ignore[arg-type]
