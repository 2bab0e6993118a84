"""Elixir's `PartitionSupervisor`, for who asks about those of this node by `rpc`.

Source: PartitionSupervisor of Elixir (1.18).
Proof: tests/services/test_builtins_registry.py, interop/test_registry.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.otp import PartitionSupervisor
from pyerlnode.otp.supervisor import ask
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Pid, Term

partition_supervisor = BuiltinModule("PartitionSupervisor")


@partition_supervisor.export
def partitions(name: Any) -> int:
    return PartitionSupervisor.partitions(name)


@partition_supervisor.export("resize!")
async def resize(name: Any, count: int) -> int:
    return await PartitionSupervisor.resize(name, count)


@partition_supervisor.export
async def which_children(name: Any) -> Term:
    return await ask(name, Atom("which_children"))


@partition_supervisor.export
async def count_children(name: Any) -> Term:
    return dict(await ask(name, Atom("count_children")))


@partition_supervisor.export
def whereis_name(name: tuple[Any, Any]) -> Pid:
    return PartitionSupervisor.whereis(*name)
