"""The cluster as a server: a process for each strategy, and one for each node that they name.

Proof: tests/services/cluster/test_cluster.py.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import Any

from pyerlnode.errors import BadArg
from pyerlnode.otp import GenServer, NoReply, on_call
from pyerlnode.process import exit, process_flag, spawn_link
from pyerlnode.process import node as own_node
from pyerlnode.process import self as own_pid
from pyerlnode.services.cluster.keeper import keep_connected
from pyerlnode.services.cluster.strategy import Strategy, logger
from pyerlnode.term import Atom, Pid, Term

__all__ = ["Cluster"]

# Seconds until a strategy that has ended is started again: the first time, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0

_SHUTDOWN = Atom("shutdown")
_FOUND = Atom("found")


class Cluster(GenServer, module="Elixir.Cluster"):
    """Finds the nodes that strategies name and stays connected with them: `(Cluster, [Gossip(), ...])`.

    Its start returns at once; nodes are found and connected to while the program goes on.  When
    it ends, connections that are up stay up.
    """

    def init(self, strategies: list[Any]) -> None:
        for strategy in strategies:
            if not callable(getattr(strategy, "discover", None)):
                raise BadArg(f"a cluster takes strategies, with a method `discover`, not {strategy!r}")
        process_flag("trap_exit", True)
        self.found: dict[int, set[str]] = {}
        self.kept: dict[str, Pid] = {}
        for number, strategy in enumerate(strategies):
            spawn_link(_watch, own_pid(), number, strategy)

    def __state__(self) -> Term:
        return {Atom("nodes"): self.nodes()}

    @on_call
    def nodes(self) -> list[Atom]:
        """The nodes that it looks for now, connected or not."""
        return [Atom(node) for node in sorted(self.kept)]

    def handle_cast(self, request: Term) -> Any:
        match request:
            case ("found", int() as source, list() as nodes):
                self.found[source] = {str(node) for node in nodes} - {str(own_node())}
                self._adapt()
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        match message:
            case ("EXIT", Pid(), reason) if reason != _SHUTDOWN:
                # These processes end by a fault of ours alone.  Whoever supervises begins anew.
                raise RuntimeError(f"a process of the cluster has ended: {reason!r}")
        return NoReply()

    def _adapt(self) -> None:
        wanted = set().union(*self.found.values())
        for node in [node for node in self.kept if node not in wanted]:
            exit(self.kept.pop(node), _SHUTDOWN)
        for node in sorted(wanted - self.kept.keys()):
            self.kept[node] = spawn_link(keep_connected, node)


async def _watch(cluster: Pid, number: int, strategy: Strategy) -> None:
    """Tell the cluster what a strategy finds; one that fails is started again, at growing intervals."""
    pause, told = FIRST_PAUSE, ""
    while True:
        try:
            async with aclosing(strategy.discover(own_node())) as finding:
                async for nodes in finding:
                    pause, told = FIRST_PAUSE, ""
                    GenServer.cast(cluster, (_FOUND, number, [str(node) for node in nodes]))
            why = "it has ended"
        except Exception as error:
            why = str(error) or type(error).__name__
        if why != told:
            told = why
            logger.warning("%s finds no nodes: %s", type(strategy).__name__, why)
        await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
        pause = min(2 * pause, LONGEST_PAUSE)
