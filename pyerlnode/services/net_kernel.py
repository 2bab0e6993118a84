"""The node among the others: `monitor_nodes`, `nodes_info`, and the process `net_kernel`.

    monitor_nodes(True)                       (nodeup, node), (nodedown, node)
    monitor_nodes(True, ["nodedown_reason"])  (nodeup, node, []), (nodedown, node, [(nodedown_reason, why)])

A nodeup comes before the first message of that node, a nodedown after the last one.

Other nodes ask the process whether this one is there:

    {'$gen_call', From, {is_auth, Node}}      answered with `yes`, which makes net_adm:ping/1 `pong`

Source: net_kernel.erl of OTP's kernel.
Proof: tests/services/test_net_kernel.py, interop/test_net_kernel.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from pyerlnode.errors import UsageError
from pyerlnode.otp import GenServer, NoReply, Reply
from pyerlnode.otp.gen_server import spawn_server
from pyerlnode.process import Process, this_process
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.services.local import local_node
from pyerlnode.term import Atom, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.node import Node
    from pyerlnode.node.link import Link
    from pyerlnode.node.router import NodeEvent
    from pyerlnode.otp import Caller

__all__ = ["NetKernel", "disconnect", "monitor_nodes", "node_info", "nodes_info", "service"]

_YES: Final = Atom("yes")
_OK, _ERROR = Atom("ok"), Atom("error")
_UNSUPPORTED = (_ERROR, Atom("notsup"))
_NODE_TYPE, _VISIBLE, _HIDDEN = Atom("node_type"), Atom("visible"), Atom("hidden")
_REASON, _CONNECTION_ID = Atom("nodedown_reason"), Atom("connection_id")
_TYPES = ("visible", "hidden", "all")
_UNKNOWN_OPTIONS, _BAD_OPTION = Atom("unknown_options"), Atom("bad_option_value")
_INVALID_OPTIONS = Atom("invalid_options")
_NODEUP = "nodeup"

# What `monitor_nodes` was asked for: with the options' order, so that each subscription is one.
Wanted = tuple[str, bool, bool, str]


class Subscriptions:
    """Who is told of the nodes that come and go, and how often and in which form."""

    def __init__(self) -> None:
        self._by_process: WeakKeyDictionary[Process, dict[Wanted, int]] = WeakKeyDictionary()
        self._ids: dict[Atom, int] = {}
        self._last_id = 0

    def change(self, process: Process, wanted: Wanted, flag: bool) -> None:
        """One subscription more, or none of this form any more."""
        own = self._by_process.setdefault(process, {})
        if flag:
            own[wanted] = own.get(wanted, 0) + 1
        else:
            own.pop(wanted, None)

    def tell(self, event: NodeEvent) -> None:
        """A node has come or gone."""
        if event.kind == _NODEUP:
            self._last_id += 1
            self._ids[event.node] = self._last_id
        connection = self._ids.get(event.node, 0)
        for process, own in list(self._by_process.items()):
            for wanted, times in list(own.items()):
                message = _message(event, wanted, connection)
                for _ in range(times if message is not None else 0):
                    process.deliver(message)
        if event.kind != _NODEUP:
            self._ids.pop(event.node, None)


_subscriptions: PerRuntime[Subscriptions] = PerRuntime()


def monitor_nodes(flag: Any, options: Sequence[Any] | Mapping[Any, Any] | None = None) -> Term:
    """Let the caller be told of the nodes that come and go; `ok`, or `(error, reason)`.

    Each call with True gives one message more for each of them; with False there are none
    any more for these options.  `options` are `nodedown_reason`, `connection_id` and
    `("node_type", "visible" | "hidden" | "all")`; a mapping makes the third element a map.
    Without `node_type` only visible nodes count.
    """
    wanted = _wanted(() if options is None else options)
    if not isinstance(flag, bool):
        return _ERROR
    if wanted[0] == "error":
        return (_ERROR, wanted[1])
    process = this_process()
    if process.runtime not in _subscriptions:
        raise UsageError("this node runs without the service net_kernel")
    _subscriptions[process.runtime].change(process, wanted, flag)
    return _OK


def _wanted(options: Any) -> Any:
    as_map = isinstance(options, Mapping)
    if not as_map and not isinstance(options, (list, tuple)):
        return ("error", (_INVALID_OPTIONS, options))
    form = "map" if as_map else "list" if options else "plain"
    kind, reason, connection = "", False, False
    unknown = []
    for option in options.items() if as_map else options:
        match option:
            case "nodedown_reason" | ("nodedown_reason", True):
                reason = True
            case "connection_id" | ("connection_id", True):
                connection = True
            case ("nodedown_reason" | "connection_id", False) if as_map:
                pass
            case ("node_type", str() as kind) if kind in _TYPES:
                pass
            case ("node_type" | "nodedown_reason" | "connection_id", value):
                bad = {option[0]: value} if as_map else option
                return ("error", (_BAD_OPTION, bad))
            case _:
                unknown.append(option)
    if unknown:
        return ("error", (_UNKNOWN_OPTIONS, dict(unknown) if as_map else unknown))
    return (form, reason, connection, kind)


def _message(event: NodeEvent, wanted: Wanted, connection: int) -> Term | None:
    form, reason, with_id, kind = wanted
    if kind != "all" and event.visible != (kind != "hidden"):
        return None
    if form == "plain":
        return (event.kind, event.node)
    info: list[tuple[Atom, Term]] = []
    if reason and event.kind != _NODEUP:
        info.append((_REASON, event.reason))
    if kind:
        info.append((_NODE_TYPE, _VISIBLE if event.visible else _HIDDEN))
    if with_id:
        info.append((_CONNECTION_ID, connection))
    return (event.kind, event.node, dict(info) if form == "map" else info)


# --- the connections ------------------------------------------------------------------------


def disconnect(node: str) -> bool:
    """Close the connection to `node`; whether there was one."""
    return local_node().disconnect(node)


def nodes_info() -> list[tuple[Atom, list[tuple[Atom, Term]]]]:
    """Each connected node with what is known of its connection."""
    return [(link.node, _info(link)) for link in local_node().links()]


def node_info(node: str) -> list[tuple[Atom, Term]] | None:
    """What is known of the connection to `node`: owner, state, address, type, messages in, out; or None."""
    for link in local_node().links():
        if link.node == node:
            return _info(link)
    return None


def _info(link: Link) -> list[tuple[Atom, Term]]:
    owner = this_process().runtime.registered_process("net_kernel")
    kind = Atom("normal") if link.visible else _HIDDEN
    return [
        (Atom("owner"), None if owner is None else owner.pid),
        (Atom("state"), Atom("up")),
        (Atom("address"), _address(link)),
        (Atom("type"), kind),
        (Atom("in"), link.received),
        (Atom("out"), link.sent),
    ]


def _address(link: Link) -> Term:
    host, _, port = link.address.rpartition(":")
    parts = tuple(int(part) for part in host.split(".")) if host.count(".") == 3 else charlist(host)
    where = (parts, int(port)) if port.isdigit() else Atom("undefined")
    family = Atom("inet") if isinstance(parts, tuple) else Atom("inet6")
    protocol = Atom("tls" if link.is_secure else "tcp")
    return (Atom("net_address"), where, charlist(link.node.partition("@")[2]), protocol, family)


# --- the process ----------------------------------------------------------------------------


class NetKernel(GenServer, module="net_kernel"):
    """Answers at once, whatever it is asked: who asks may be waiting without a timeout."""

    def handle_call(self, request: Term, caller: Caller) -> Any:
        match request:
            case ("is_auth", _):
                return Reply(_YES)
        return Reply(_UNSUPPORTED)

    def handle_cast(self, request: Term) -> Any:
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        return NoReply()


def service(node: Node) -> None:
    """Start it on `node`."""
    spawn_server(node.runtime, NetKernel, name="net_kernel")
    subscriptions = _subscriptions[node.runtime] = Subscriptions()
    node.on_node_event(subscriptions.tell)
