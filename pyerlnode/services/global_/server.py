"""`global_name_server`: the process, what it hears, and how it is started.

All of it is done in this process, message by message; nothing waits.  What a message is for
is told where it is handled: joining.py, parting.py, member.py.

Source: global.erl of OTP 25, 27 and 29.
Proof: tests/services/test_global_mesh.py, tests/services/test_global_names.py, interop/test_global.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import UsageError
from pyerlnode.node.router import NODEUP
from pyerlnode.otp import GenServer, NoReply, Reply, proc_lib
from pyerlnode.otp.dispatch import handlers_of
from pyerlnode.otp.server import Server
from pyerlnode.process.links import Links
from pyerlnode.services.global_.joining import VERSION
from pyerlnode.services.global_.locker import Locker
from pyerlnode.services.global_.locks import NAME, Registrar
from pyerlnode.services.global_.member import Global
from pyerlnode.services.global_.tables import GLOBAL
from pyerlnode.term import Atom, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from pyerlnode.node import Node

__all__ = ["GlobalServer", "start"]

logger = logging.getLogger("pyerlnode.global")

_OK, _YES, _ERROR, _NOTSUP = Atom("ok"), Atom("yes"), Atom("error"), Atom("notsup")


class GlobalServer(GenServer, module="global"):
    """What `global_name_server` hears."""

    def init(self, member: Any) -> None:
        self.member: Global = member

    def __state__(self) -> Term:
        member = self.member
        return {
            Atom("known"): dict(member.known),
            Atom("pending"): dict(member.joining.pending),
            Atom("synced"): list(member.waiting.nodes),
            Atom("names"): len(member.tables.names),
        }

    def handle_call(self, request: Term, caller: tuple[Pid, Term]) -> Any:
        member = self.member
        if type(caller) is not tuple or not caller or type(caller[0]) is not Pid:
            return NoReply()
        by = caller[0]
        match request:
            case ("set_lock", (_, _) as lock_id):
                return Reply(member.tables.lock(lock_id, by))
            case ("del_lock", (_, _) as lock_id):
                member.tables.unlock(lock_id, by)
                return Reply(True)
            case ("register", name, Pid() as pid, how):
                member.insert(name, pid, how, by)
                return Reply(_YES)
            case ("unregister", name):
                member.tables.delete(name)
                return Reply(_OK)
            case ("register_ext", name, Pid() as pid, how, Atom() as where):
                member.insert(name, pid, how, by)
                if member.tables.where(name) == pid:
                    member.tables.external[name] = (pid, where)
                return Reply(_YES)
            case ("sync", list() as nodes):
                member.waiting.sync([node for node in nodes if isinstance(node, Atom)], caller)
                return NoReply()
        return Reply(self.answer(request))

    def answer(self, request: Term) -> Term:
        """What somebody asks who changes nothing."""
        member = self.member
        match request:
            case "get_known":
                return list(member.known)
            case "get_synced":
                return list(member.waiting.nodes)
            case "get_protocol_version":
                return VERSION
            case "get_names_ext":
                return [(name, pid, where) for name, (pid, where) in member.tables.external.items()]
            case "disconnect":
                return member.parting.disconnect()
            case "info":
                return self.__state__()
        logger.warning("global_name_server: unexpected call %s", to_elixir(request)[:200])
        return (_ERROR, _NOTSUP)

    def handle_cast(self, request: Term) -> Any:
        member = self.member
        match request:
            case (
                "init_connect",
                (int() as version, tag, *_),
                Atom() as node,
                ("locker", _, _, Pid()) as init,
            ):
                member.joining.init_connect(version, tag, node, init)
            case ("lock_set", Pid() as locker, bool(), _, tag):
                member.joining.lock_set(locker, request, tag)
            case ("lock_is_set", Atom() as node, int() as tag, lock_id):
                member.joining.lock_is_set(node, tag, lock_id)
            case ("exchange", Atom() as node, list() as names, _, tag):
                member.joining.exchange(node, names, tag)
            case ("exchange_ops", Atom() as node, int() as tag, list() as here, list() as there):
                member.joining.exchange_ops(node, tag, here, there)
            case ("resolved", Atom() as node, list() as ops, list() as known, _, list() as external, tag):
                member.joining.resolved(node, ops, known, external, tag)
            case ("new_nodes", Atom(), list() as ops, list() as external, list() as nodes, list() as extra):
                member.new_nodes(ops, external, nodes, _extra(extra))
            case ("in_sync", Atom() as node, _):
                member.in_sync(node)
            case ("async_del_name" | "async_del_lock", _, _):
                pass
            case _:
                logger.warning("global_name_server: unexpected cast %s", to_elixir(request)[:200])
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        member = self.member
        match message:
            case ("DOWN", Reference() as ref, "process", _, _):
                member.tables.down(ref)
            case ("nodeup", Atom() as node):
                member.nodeup(node)
            case ("nodedown", Atom() as node):
                member.parting.nodedown(node)
            case ("extra_nodedown", Atom() as node):
                member.parting.extra_nodedown(node)
            case ("init_connect_ack", Atom() as node, my_tag, his_tag):
                member.joining.init_connect_ack(node, my_tag, his_tag)
            case ("cancel_connect", Atom() as node, tag):
                member.joining.cancel_connect(node, tag)
            case ("lost_connection", Atom() as loser, int() as creation, int() as number, Atom() as lost):
                member.parting.lost_connection(loser, creation, number, lost, message)
            case ("part", Atom() as node, int() as connection):
                member.parting.part(node, connection)
            case ("remove_connection", Atom() as node):
                member.parting.remove_connection(node)
            case ("forget_lost_connection", Reference() as timer, Atom() as loser, Atom() as lost):
                member.parting.forget_lost(timer, loser, lost)
            case _:
                logger.warning("global_name_server: unexpected message %s", to_elixir(message)[:200])
        return NoReply()


def _extra(extra: list[Term]) -> Term:
    """The lock that others hold while they tell of new nodes."""
    for item in extra:
        match item:
            case ("lock", lock_id):
                return lock_id
    return None


class ServerProcess(Server):
    """The process, told from others by who asks for the member."""

    __slots__ = ("member",)

    def __init__(self, member: Global) -> None:
        super().__init__(GlobalServer, handlers_of(GlobalServer, GenServer), (member,), None)
        self.member = member


def start(node: Node, *, connect_all: bool, prevent_overlapping_partitions: bool) -> Global:
    """Make a node a member; UsageError if it is one."""
    runtime = node.runtime
    if runtime.registered_process(NAME) is not None:
        raise UsageError(f"{node!r} has a {NAME} already")
    member = Global(
        node, connect_all=connect_all, prevent_overlapping_partitions=prevent_overlapping_partitions
    )
    process = member.process = member.tables.process = runtime.spawn(ServerProcess(member))
    process.dictionary = {proc_lib.ANCESTORS: [], proc_lib.INITIAL_CALL: (GLOBAL, Atom("init"), 1)}
    runtime.names.register(NAME, process.pid)
    member.locker = runtime.spawn(Locker(member).run())
    member.registrar = runtime.spawn(Registrar(member.tables).run())
    # One of them alone would be half a member: the others would wait for it.
    for part in (member.locker, member.registrar):
        Links.of(process).link(part.pid)
    # All nodes wait for each of these, none of these for a node that is slow to read.
    process.async_dist = member.locker.async_dist = member.registrar.async_dist = True
    node.on_node_event(member.observe)
    for other in node.nodes("visible"):
        process.put((NODEUP, other))
    return member
