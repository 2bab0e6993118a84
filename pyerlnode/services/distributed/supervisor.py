"""DistributedSupervisor: a supervisor of many nodes, whose children survive the loss of any of them.

    children = [DistributedSupervisor.child(name="Elixir.Sessions"), ...]           on each node
    spec = {"id": "kate", "start": ("Elixir.Session", "start_link", ["kate"])}
    await DistributedSupervisor.start_child("Elixir.Sessions", spec)                on any of them

A child is started on one node of those that run the supervisor, chosen by its id, and given the
global name `{Sessions, kate}`.  It is restarted there as its specification says; when that node,
or its supervisor, is lost or stopped, one of the others starts it anew.  What it remembered
is gone, unless it keeps that in a store.  A `temporary` child ends with its node.

Start functions are named by module, function and arguments, and exported on all nodes.  To
Elixir it is a supervisor: `Supervisor.which_children({Sessions, node})`.

Source: OTP's supervisor(3) (what is asked and answered); the use of Elixir's Horde and Swarm.
Proof: tests/services/distributed/test_distributed_supervisor.py, interop/test_cluster.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pyerlnode.errors import BadArg, TermEncodeError
from pyerlnode.otp import ChildSpec, DynamicSupervisor, GenServer, Supervisor, child_spec
from pyerlnode.otp.supervisor.supervisor import ask, pid_of
from pyerlnode.services import global_
from pyerlnode.services.distributed.member import Member
from pyerlnode.services.distributed.placement import DISTRIBUTIONS
from pyerlnode.services.distributed.registry import DistributedRegistry
from pyerlnode.term import Atom, Pid, Term, encode

if TYPE_CHECKING:
    from pyerlnode.otp.gen import ServerRef

__all__ = ["DistributedSupervisor"]

_START_CHILD, _MEMBERS = Atom("start_child"), Atom("members")


class DistributedSupervisor:
    """All of it is in functions of the class.

    `supervisor` is its name, or `(name, node)` of one of its nodes.
    """

    __slots__ = ()

    __module_name__: ClassVar[str] = "Elixir.DistributedSupervisor"
    __child_type__: ClassVar[str] = "supervisor"

    @classmethod
    async def start_link(cls, *, name: str, distribution: str = "hash", **options: Any) -> Pid | None:
        """Let this node be one of those that run the children; the pid of its part.

        `distribution`: `hash` (all nodes come to the same result) or `random`.  Options are those of
        DynamicSupervisor, for the children of this node.
        """
        if distribution not in DISTRIBUTIONS:
            raise BadArg(f"distribution: one of {', '.join(DISTRIBUTIONS)} is wanted, not {distribution!r}")
        local = f"{name}.Children"
        # The member comes last and so ends first: the others learn that the children are to move, and
        # start each when its old process has ended.
        children = [
            DynamicSupervisor.child(name=local, **options),
            ChildSpec(name, (Member.start_link, [Atom(name), local, distribution], {"name": name})),
        ]
        return await Supervisor.start_link(children, strategy="one_for_all")

    @classmethod
    def child(cls, *, name: str, distribution: str = "hash", **options: Any) -> ChildSpec:
        """The specification of this node's part under a supervisor; takes what `start_link` takes."""
        options = {"name": name, "distribution": distribution, **options}
        return ChildSpec(name, (cls.start_link, [], options), type="supervisor")

    @staticmethod
    async def start_child(supervisor: ServerRef, child: Any, node: str | None = None) -> Any:
        """Start a child on a node of the supervisor's choice, or on `node`: its pid; as Supervisor's.

        Exit `(already_started, pid)` where the id is taken in the cluster, `(nodedown, node)` where
        the supervisor does not run.
        """
        spec = _term(child_spec(child).for_supervisor(local=False))
        request: Term = (_START_CHILD, spec) if node is None else (_START_CHILD, spec, Atom(node))
        return pid_of(await ask(supervisor, request))

    @staticmethod
    async def terminate_child(supervisor: ServerRef, id: Term) -> Atom:
        """End a child wherever it runs, and forget it; `ok`.  Exit `not_found`."""
        return await Supervisor.terminate_child(supervisor, _term(id))

    @staticmethod
    async def which_children(supervisor: ServerRef) -> list[tuple[Term, Term, Atom, Term]]:
        """`(id, pid | restarting, worker | supervisor, modules)` of each child of all nodes."""
        return await Supervisor.which_children(supervisor)

    @staticmethod
    async def count_children(supervisor: ServerRef) -> dict[Atom, int]:
        """How many there are on all nodes: `specs`, `active`, `supervisors`, `workers`."""
        return await Supervisor.count_children(supervisor)

    @staticmethod
    async def members(supervisor: ServerRef) -> list[Atom]:
        """The nodes that run it, as far as the asked one knows, in the order of their names."""
        nodes: list[Atom] = await GenServer.call(supervisor, _MEMBERS, None)
        return nodes

    @staticmethod
    def via(supervisor: str, id: Term) -> tuple[Atom, tuple[Atom, Term]]:
        """The name of a child, for everything that takes a name, on every node."""
        return DistributedRegistry.via(supervisor, Atom(id) if type(id) is str else id)

    @staticmethod
    def whereis(supervisor: str, id: Term) -> Pid | None:
        """The process of a child, of whichever node."""
        return global_.whereis_name(DistributedSupervisor.via(supervisor, id)[1])


def _term(value: Any) -> Any:
    """What every node can be sent; BadArg for anything else, with what it is."""
    try:
        encode(value)
    except TermEncodeError as error:
        raise BadArg(f"a distributed supervisor takes what other nodes can be sent: {error}") from None
    return value
