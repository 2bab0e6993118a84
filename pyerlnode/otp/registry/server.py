"""The processes of a registry: a supervisor that has its name, and its partitions.

A process that registers is linked to the partition that its pid belongs to, which traps
exits and drops the entries of who has ended.  A partition of a unique registry that ends
takes the others along, since keys and processes of one are spread over all of them.

Source: registry.ex of Elixir (1.18), Registry.Supervisor and Registry.Partition.
Proof: tests/otp/test_registry.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.otp.dispatch import on_call, on_info
from pyerlnode.otp.gen_server import GenServer, started
from pyerlnode.otp.gen_server import start_server as start_gen_server
from pyerlnode.otp.registry.table import Partition, Table, keep
from pyerlnode.otp.supervisor.child import Start
from pyerlnode.otp.supervisor.child_spec import ChildSpec
from pyerlnode.otp.supervisor.flags import Supervision
from pyerlnode.otp.supervisor.supervisor import Supervisor, start_supervisor
from pyerlnode.process import process_flag, this_process
from pyerlnode.term import Atom, Pid, Term, exact_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyerlnode.otp.proc_lib import StartResult

__all__ = ["RegistrySupervisor", "start_registry"]

_PARTITION = Atom("Elixir.Registry.Partition")
_START_LINK = Atom("start_link")


class RegistrySupervisor(Supervisor, module="Elixir.Registry.Supervisor"):
    """The supervisor of a registry's partitions; the registry is there as long as it lives."""

    def init(self, made: Table) -> Supervision:
        keep(this_process(), made)
        children = [_child(made, at) for at in range(len(made.partitions))]
        return Supervision(children, strategy="one_for_all" if made.unique else "one_for_one")


def _child(made: Table, at: int) -> ChildSpec:
    name = Atom(f"{made.name}.PIDPartition{at}")
    start = Start((_PARTITION, _START_LINK, [name]), _start_partition, (name, made, at))
    return ChildSpec(name, start)


async def _start_partition(name: Atom, made: Table, at: int) -> Pid:
    pid: Pid = started(await start_gen_server(PartitionServer, (made, at), link=True, name=name))
    return pid


class PartitionServer(GenServer, module="Elixir.Registry.Partition"):
    """One partition: forgets processes that have ended."""

    def init(self, made: Any, at: int) -> None:
        process_flag("trap_exit", True)
        self.registry = made.name
        self._partition = made.partitions[at] = Partition(this_process().pid, unique=made.unique)

    def __state__(self) -> Term:
        return (self.registry, len(self._partition.keys), len(self._partition.owned))

    @on_call
    def sync(self) -> Atom:
        """Answered when everything that came before is done."""
        return Atom("ok")

    @on_info("EXIT")
    def exited(self, pid: Pid, reason: Any) -> None:
        self._partition.ended(pid)


async def start_registry(
    name: Atom,
    *,
    unique: bool,
    partitions: int,
    listeners: tuple[Atom, ...],
    meta: Mapping[Term, Term],
    link: bool = True,
) -> StartResult:
    """Start a registry: `("ok", pid)` or `("error", reason)`, which supervisors go by."""
    made = Table(name, unique=unique, partitions=partitions, listeners=listeners)
    made.meta = {exact_bytes(key): value for key, value in meta.items()}
    return await start_supervisor(RegistrySupervisor, (made,), {}, link=link, name=name)
