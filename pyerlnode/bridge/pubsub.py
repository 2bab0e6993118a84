"""Phoenix.PubSub: topics that the processes of all nodes subscribe to, Phoenix applications among them.

    Supervisor.start_link([PubSub.child("Elixir.Demo.PubSub"), ...])

    PubSub.subscribe("Elixir.Demo.PubSub", "user:123")
    PubSub.broadcast("Elixir.Demo.PubSub", "user:123", (Atom("updated"), 123))
    await receive()                                      (Atom("updated"), 123)

A subscriber gets the message as it is, without the topic.  Nothing waits but the start, so
all of it can stand in `def` callbacks.  On every node that has the PubSub a worker is in a
group of the `pg` scope `Elixir.Phoenix.PubSub`, and subscriptions are in a registry of the
node's own:

    {forward_to_local, Topic, Message, Dispatcher}       to the workers of the other nodes
    Dispatcher.dispatch(Entries, From | none, Message)   there, with the subscribers

The groups are named after the PubSub: `NAME.Adapter`, and with a pool of workers
`NAME.Adapter_2` and so on; a process broadcasts to the group that its pid is hashed to.
All nodes must have the same `pool_size`.

Source: Phoenix.PubSub 2.0 to 2.2, pubsub.ex, supervisor.ex, pg2.ex (2.1.0 alone calls the first group
NAME.Adapter_1, and hears no other version).
Proof: tests/bridge/test_pubsub.py, interop/test_pubsub.py.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp import ChildSpec, GenServer, NoReply, Registry, Supervision, Supervisor
from pyerlnode.otp.argument_error import argument_error
from pyerlnode.process import send, this_process, whereis
from pyerlnode.process.portal import forwarded
from pyerlnode.services import modules, pg
from pyerlnode.term import Atom, Export, Pid, Term, phash2, to_elixir

__all__ = ["PubSub"]

logger = logging.getLogger("pyerlnode.pubsub")

MODULE: Final = Atom("Elixir.Phoenix.PubSub")
SCOPE: Final = MODULE
_ADAPTER: Final = Atom("Elixir.Phoenix.PubSub.PG2")
_FORWARD, _DISPATCH, _NONE, _OK = Atom("forward_to_local"), Atom("dispatch"), Atom("none"), Atom("ok")
_PUBSUB, _GROUPS = Atom("pubsub"), Atom("broadcast_groups")
# Those that send the message to each subscriber; what a channel's does beside is for sockets of its own.
_PLAIN: Final = frozenset({MODULE, Atom("Elixir.Phoenix.Channel.Server")})

Entries = list[tuple[Pid, Any]]


class PubSub:
    """All of it is in functions of the class; a PubSub is known by its name.

    `pubsub` is that name in all of them, `topic` text.  Where there is none: BadArg with
    Elixir's ArgumentError, `unknown registry: Name`.
    """

    __slots__ = ()

    # --- starting ---------------------------------------------------------------------------

    @staticmethod
    async def start_link(name: str, **options: Any) -> Pid:
        """Start a PubSub, linked to the caller; its pid.

        Options: `pool_size` (1; the same on all nodes), `broadcast_pool_size` (the same; smaller
        while a cluster goes over to another size), `registry_size`, the partitions of the registry
        of subscribers (`pool_size`).  Exit `(already_started, pid)`.
        """
        pid = await PubSubSupervisor.start_link(
            name, _options(name, options), name=_concat(name, "Supervisor")
        )
        assert pid is not None  # it never ignores its start
        return pid

    @staticmethod
    def child(name: str, **options: Any) -> ChildSpec:
        """The specification of a PubSub under a supervisor; takes what `start_link` takes."""
        _options(name, options)  # what is wrong is told here, and not when it is started
        return ChildSpec(_concat(name, "Supervisor"), (PubSub.start_link, [name], options), type="supervisor")

    # --- subscribers ------------------------------------------------------------------------

    @staticmethod
    @forwarded
    def subscribe(pubsub: str, topic: str | bytes, *, metadata: Term = None) -> Atom:
        """Let the caller get what is broadcast on a topic, once more for each subscription; `ok`.

        `metadata` is for dispatchers.  The subscription ends with the process.
        """
        Registry.register(pubsub, _topic(topic), metadata)
        return _OK

    @staticmethod
    @forwarded
    def unsubscribe(pubsub: str, topic: str | bytes) -> Atom:
        """End all subscriptions of the caller to a topic; `ok`."""
        return Registry.unregister(pubsub, _topic(topic))

    # --- broadcasting -----------------------------------------------------------------------

    @staticmethod
    @forwarded
    def broadcast(pubsub: str, topic: str | bytes, message: Term, dispatcher: str = MODULE) -> Atom:
        """Send `message` to the subscribers of all nodes; `ok`.

        `dispatcher` is an exported module whose `dispatch(entries, sender, message)` does it instead,
        on each node with the `(pid, metadata)` of its subscribers; it is needed on every node.
        """
        _broadcast(pubsub, _topic(topic), message, Atom(dispatcher))
        _dispatch(pubsub, _NONE, _topic(topic), message, Atom(dispatcher))
        return _OK

    @staticmethod
    @forwarded
    def broadcast_from(
        pubsub: str, sender: Pid, topic: str | bytes, message: Term, dispatcher: str = MODULE
    ) -> Atom:
        """As `broadcast`, but not to `sender`, a process of this node."""
        _check_sender(sender)
        _broadcast(pubsub, _topic(topic), message, Atom(dispatcher))
        _dispatch(pubsub, sender, _topic(topic), message, Atom(dispatcher))
        return _OK

    @staticmethod
    @forwarded
    def local_broadcast(pubsub: str, topic: str | bytes, message: Term, dispatcher: str = MODULE) -> Atom:
        """As `broadcast`, to subscribers of this node only."""
        _dispatch(pubsub, _NONE, _topic(topic), message, Atom(dispatcher))
        return _OK

    @staticmethod
    @forwarded
    def local_broadcast_from(
        pubsub: str, sender: Pid, topic: str | bytes, message: Term, dispatcher: str = MODULE
    ) -> Atom:
        """As `local_broadcast`, but not to `sender`."""
        _check_sender(sender)
        _dispatch(pubsub, sender, _topic(topic), message, Atom(dispatcher))
        return _OK

    @staticmethod
    @forwarded
    def direct_broadcast(
        node: str, pubsub: str, topic: str | bytes, message: Term, dispatcher: str = MODULE
    ) -> Atom:
        """As `broadcast`, to subscribers of `node` only, which need not be in the group yet; `ok`."""
        send((_group(pubsub), Atom(node)), (_FORWARD, _topic(topic), message, Atom(dispatcher)))
        return _OK

    @staticmethod
    @forwarded
    def node_name(pubsub: str) -> Atom:
        """The name of the node, as `direct_broadcast` takes it."""
        _groups(pubsub)
        return this_process().runtime.name


# --- processes ------------------------------------------------------------------------------


class PubSubSupervisor(Supervisor, module="Elixir.Phoenix.PubSub.Supervisor"):
    """Subscribers first: without their registry the workers have nobody to send to."""

    def init(self, name: str, options: Any) -> Supervision:
        if whereis(SCOPE) is None:
            pg.start(SCOPE)
        adapter = _concat(name, "Adapter")
        groups = _names(adapter, options["pool_size"])
        registry = Registry.child(
            keys="duplicate",
            name=name,
            partitions=options["registry_size"],
            meta={
                _PUBSUB: (_ADAPTER, adapter),
                _GROUPS: tuple(groups[: options["broadcast_pool_size"]]),
            },
        )
        workers = [(PubSubWorker, (Atom(name), group), {"id": group, "name": group}) for group in groups]
        adapter_supervisor = Supervisor.child(workers, strategy="one_for_one", name=f"{adapter}_supervisor")
        return Supervision([registry, adapter_supervisor], strategy="rest_for_one")


class PubSubWorker(GenServer, module="Elixir.Phoenix.PubSub.PG2Worker"):
    """A member of a group: hands what other nodes broadcast to the subscribers of this one."""

    def init(self, of: Any) -> None:
        self.pubsub, self.group = of
        pg.join(self.group, this_process().pid, scope=SCOPE)

    def __state__(self) -> Term:
        return self.pubsub

    def handle_info(self, message: Term) -> NoReply:
        match message:
            case ("forward_to_local", bytes() | str() as topic, what, Atom() as dispatcher):
                self._dispatch(topic, what, dispatcher)
        return NoReply()

    def _dispatch(self, topic: bytes | str, message: Term, dispatcher: Atom) -> None:
        try:
            _dispatch(self.pubsub, _NONE, topic, message, dispatcher)
        except Exception as error:
            # It came from another node, which must not be able to end this worker, and soon its supervisor.
            logger.warning(
                "%s: a broadcast on %s was lost: %s",
                self.pubsub,
                to_elixir(topic)[:200],
                error,
                exc_info=error,
            )


# --- dispatching ----------------------------------------------------------------------------


def _broadcast(pubsub: str, topic: str | bytes, message: Term, dispatcher: Atom) -> None:
    """To the workers of the other nodes; BadArg for a dispatcher that this one has not."""
    _deliverer(dispatcher)
    own, forward = this_process().runtime.name, (_FORWARD, topic, message, dispatcher)
    for pid in pg.get_members(_group(pubsub), scope=SCOPE):
        if pid.node != own:
            send(pid, forward)


def _dispatch(pubsub: str, sender: Pid | Atom, topic: str | bytes, message: Term, dispatcher: Atom) -> None:
    """To the subscribers of this node."""
    deliver = _deliverer(dispatcher)
    Registry.dispatch(pubsub, topic, lambda entries: deliver(entries, sender, message))


def _plain(entries: Entries, sender: Pid | Atom, message: Term) -> None:
    for pid, _ in entries:
        if pid != sender:
            send(pid, message)


def _deliverer(dispatcher: Atom) -> Any:
    """What sends to the subscribers: a `dispatch/3` that this program exports; BadArg if there is none."""
    if dispatcher in _PLAIN:
        return _plain
    if modules.find_exported(dispatcher, _DISPATCH, 3) is None:
        raise BadArg(f"the dispatcher {to_elixir(dispatcher)} exports no dispatch/3")
    function = Export(dispatcher, _DISPATCH, 3)

    def deliver(entries: Entries, sender: Pid | Atom, message: Term) -> Any:
        return modules.apply(function, [entries, sender, message])

    return deliver


# --- names ----------------------------------------------------------------------------------


def _concat(name: str, last: str) -> Atom:
    """Elixir's `Module.concat`."""
    return Atom(f"Elixir.{name.removeprefix('Elixir.')}.{last}")


def _names(adapter: Atom, size: int) -> list[Atom]:
    return [adapter, *(Atom(f"{adapter}_{number}") for number in range(2, size + 1))]


def _groups(pubsub: str) -> tuple[Atom, ...]:
    """The groups that this PubSub broadcasts to."""
    groups = Registry.meta(pubsub, _GROUPS)
    if groups is None:
        raise argument_error(f"{to_elixir(Atom(pubsub))} is a registry, and no PubSub")
    found: tuple[Atom, ...] = groups
    return found


def _group(pubsub: str) -> Atom:
    """The group for the calling process, whose broadcasts so keep their order."""
    groups = _groups(pubsub)
    return groups[phash2(this_process().pid, len(groups))]


def _topic(topic: str | bytes) -> str | bytes:
    if isinstance(topic, Atom) or not isinstance(topic, (str, bytes)):
        raise BadArg(f"a topic is text, not {topic!r}")
    return topic


def _check_sender(sender: Pid) -> None:
    if not isinstance(sender, Pid):
        raise BadArg(f"what is broadcast from is a pid, not {sender!r}")


_OPTIONS: Final = ("pool_size", "broadcast_pool_size", "registry_size")


def _options(name: str, given: dict[str, Any]) -> dict[str, int]:
    """All options, with what they are if nothing is said; BadArg for what is wrong with them."""
    if not isinstance(name, str) or not name:
        raise BadArg(f"a PubSub has a name, not {name!r}")
    unknown = [key for key in given if key not in _OPTIONS]
    if unknown:
        raise BadArg(f"a PubSub takes {', '.join(_OPTIONS)}, not {unknown[0]!r}")
    for key, value in given.items():
        if type(value) is not int or value < 1:
            raise BadArg(f"{key}: a number of at least 1 is wanted, not {value!r}")
    size = given.get("pool_size", 1)
    options = {"pool_size": size, "broadcast_pool_size": size, "registry_size": size, **given}
    if options["broadcast_pool_size"] > size:
        raise BadArg("pool_size must be greater than or equal to broadcast_pool_size")
    return options
