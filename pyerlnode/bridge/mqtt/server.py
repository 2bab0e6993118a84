"""The MQTT server: a GenServer that processes of every node ask for topics.

Proof: tests/bridge/mqtt/test_server.py, interop/test_mqtt.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt import requests
from pyerlnode.bridge.mqtt.calls import Calls
from pyerlnode.bridge.mqtt.connection import keep_connected
from pyerlnode.bridge.mqtt.hub import ERROR, Hub
from pyerlnode.bridge.mqtt.requests import Invalid
from pyerlnode.otp import ChildSpec, GenServer, NoReply, Reply, Supervision, Supervisor, Task
from pyerlnode.otp.gen import answer
from pyerlnode.process import demonitor, monitor, this_process
from pyerlnode.term import Atom, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyerlnode.bridge.mqtt.settings import Settings

__all__ = ["Server", "ServerSupervisor"]

_UNKNOWN_REQUEST: Final = Atom("unknown_request")
_QUEUED: Final = Atom("queued")


class Server(GenServer, module="Elixir.MQTT"):
    """Takes requests; what it knows is in the hub, and outlives it."""

    def init(self, hub: Any) -> None:
        self._hub: Hub = hub
        self._calls = Calls(hub)
        hub.monitored.clear()
        for subscriber in hub.subscriptions.subscribers():
            if isinstance(subscriber, Pid):
                self._watch(subscriber)

    def __state__(self) -> Term:
        return self._status()

    def terminate(self, reason: Term) -> None:
        self._hub.close()

    # --- requests -----------------------------------------------------------------------

    def handle_call(self, request: Term, caller: tuple[Any, Term]) -> Reply | NoReply:
        process = this_process()

        def tell(result: Any) -> None:
            answer(process, caller, result)

        try:
            self._request(request, caller[0], tell)
        except Invalid as error:
            return Reply((ERROR, error.reason))
        return NoReply()

    def _request(self, request: Term, pid: Any, tell: Callable[[Any], None]) -> None:
        match request:
            case ("subscribe", filter, *options) if len(options) <= 1 and isinstance(pid, Pid):
                self._subscribe(pid, filter, options[0] if options else [], tell)
            case ("unsubscribe", filter) if isinstance(pid, Pid):
                self._unsubscribe(pid, filter, tell)
            case ("publish", topic, payload, *options) if len(options) <= 1:
                self._publish(topic, payload, options[0] if options else [], tell)
            case ("call", topic, payload, *options) if len(options) <= 1:
                self._calls.begin(topic, payload, options[0] if options else [], tell)
            case "status":
                tell(self._status())
            case _:
                raise Invalid(_UNKNOWN_REQUEST)

    def handle_cast(self, request: Term) -> NoReply:
        try:
            match request:
                case ("publish", topic, payload, *options) if len(options) <= 1:
                    self._publish(topic, payload, options[0] if options else [], lambda result: None)
                case _:
                    raise Invalid(_UNKNOWN_REQUEST)
        except Invalid as error:
            self._hub.warn(f"a cast was dropped: {to_elixir(error.reason)[:200]}")
        return NoReply()

    def handle_info(self, message: Term) -> NoReply:
        match message:
            case ("DOWN", Reference(), "process", Pid() as pid, _) if pid in self._hub.monitored:
                del self._hub.monitored[pid]
                self._hub.unsubscribe_all(pid)
            case _:
                self._hub.warn(f"a message that nobody knows was dropped: {to_elixir(message)[:200]}")
        return NoReply()

    # --- what they do -------------------------------------------------------------------

    def _subscribe(self, pid: Pid, filter: Term, options: Term, tell: Callable[[Any], None]) -> None:
        wanted, wish = requests.subscription(filter, options)
        self._watch(pid)
        self._hub.subscribe(pid, wanted, wish, tell)

    def _unsubscribe(self, pid: Pid, filter: Term, tell: Callable[[Any], None]) -> None:
        self._hub.unsubscribe(pid, requests.filter_of(filter), tell)
        if pid in self._hub.monitored and not self._hub.subscriptions.knows(pid):
            demonitor(self._hub.monitored.pop(pid), flush=True)

    def _publish(self, topic: Term, payload: Term, options: Term, tell: Callable[[Any], None]) -> None:
        message = requests.outgoing(topic, payload, options, self._hub.codecs)
        message.tell = tell
        self._hub.publish(message)

    def _watch(self, pid: Pid) -> None:
        if pid not in self._hub.monitored:
            self._hub.monitored[pid] = monitor(pid)

    def _status(self) -> Term:
        hub = self._hub
        values: dict[str, Term] = {
            "connected": hub.broker is not None,
            "broker": hub.broker if hub.broker is not None else hub.why,
            "client_id": hub.client_id,
            "subscriptions": len(hub.subscriptions.by_filter),
            "subscribers": len(hub.monitored),
            "queue": len(hub.outbox),
            "queue_most": hub.outbox.most,
            "received": hub.received,
        }
        return {Atom(key): value for key, value in values.items()}


class ServerSupervisor(Supervisor, module="Elixir.MQTT.Supervisor"):
    """The server and its connection; either comes back without the other, and finds what was there."""

    def init(self, name: Any, settings: Settings, more: Sequence[Any]) -> Supervision:
        hub = Hub(settings, this_process().runtime)
        options = {} if name is None else {"name": name}
        server = ChildSpec("server", (Server.start_link, [hub], options))
        connection = ChildSpec("connection", (Task.start_link, [keep_connected, hub]))
        further = [child for each in more if (child := each.child(hub)) is not None]
        # The connection ends after those who have a last word to say on it.
        return Supervision([server, connection, *further], strategy="one_for_one")
