"""Elixir's `PartitionSupervisor`, for who asks about those of this node by `rpc`.

Source: PartitionSupervisor of Elixir (1.18).
Proof: tests/services/test_builtins_registry.py, interop/test_registry.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import BadArg
from pyerlnode.otp import ChildSpec, PartitionSupervisor
from pyerlnode.otp.registry.table import argument_error
from pyerlnode.otp.supervisor.partition_supervisor import start_partition_supervisor
from pyerlnode.otp.supervisor.supervisor import ask
from pyerlnode.process import this_process
from pyerlnode.process.spawning import apply_export
from pyerlnode.services.builtins.start_options import keywords
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Export, Pid, Term

partition_supervisor = BuiltinModule("PartitionSupervisor")


_FIELDS = ("id", "start", "restart", "shutdown", "type", "modules", "significant")


@partition_supervisor.export
async def start_link(options: Any) -> Term:
    """`with_arguments` is a fun, which cannot come from elsewhere: BadArg."""
    given = keywords(options)
    child = given.pop("child_spec", None)
    if child is None:
        raise argument_error("the :child_spec option must be given to PartitionSupervisor")
    if given.get("auto_shutdown") == "never":
        del given["auto_shutdown"]
    return await start_partition_supervisor(await _child_spec(child), given)


async def _child_spec(child: Any) -> ChildSpec:
    """The specification that a map, `{Module, Arg}` or a module stands for; times are milliseconds."""
    if isinstance(child, Atom):
        child = (child, [])
    if type(child) is tuple and len(child) == 2 and isinstance(child[0], Atom):
        function = Export(child[0], "child_spec", 1)
        child = await apply_export(this_process().runtime, function, [child[1]])
    if not isinstance(child, dict) or any(field not in child for field in _FIELDS[:2]):
        raise BadArg(f"a child specification is wanted, not {child!r}")
    fields = {field: child[Atom(field)] for field in _FIELDS if Atom(field) in child}
    if type(fields.get("shutdown")) is int:
        fields["shutdown"] /= 1000
    return ChildSpec(**fields)


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
