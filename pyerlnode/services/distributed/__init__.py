"""One registry and one supervisor of many nodes, on top of `global` and `pg`.

    await DistributedSupervisor.start_link(name="Elixir.Sessions")                  on each node
    await DistributedSupervisor.start_child("Elixir.Sessions", {"id": "kate", "start": ...})
    await GenServer.call(DistributedSupervisor.via("Elixir.Sessions", "kate"), Atom("get"))

A child runs on one of the nodes, and on another one when that is lost.  Its name is one of
`global`: from Elixir it is `{:global, {Sessions, :kate}}`.

Proof: tests/services/distributed/, interop/test_cluster.py.
"""

from pyerlnode.services.distributed.registry import DistributedRegistry
from pyerlnode.services.distributed.supervisor import DistributedSupervisor

__all__ = ["DistributedRegistry", "DistributedSupervisor"]
