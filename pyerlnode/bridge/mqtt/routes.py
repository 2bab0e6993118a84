"""Routes: which topics go to which processes, and which messages of processes go to topics.

    Route("sensors/#", Name("Elixir.Sensors"))                {mqtt, Topic, Payload, Properties} to a name
    Route("sensors/#", Name("Elixir.Sensors", "alex@host"))   of another node
    Route("sensors/#", Group("sensors"))                      to all members of a pg group
    Route("sensors/#", Topic("Elixir.Demo.PubSub", "in"))     to the subscribers of a PubSub topic
    Route("sensors/#", function)                              function(topic, payload, properties)
    Route("rpc/#", Call("Elixir.Rpc"))                        as a call, whose reply is the answer

    Back("alarms/all", Name("alarms"))                        what is sent to that name is published
    Back("alarms/all", Group("alarms"))
    Back("alarms/all", Topic("Elixir.Demo.PubSub", "out"))

A message is acknowledged to the broker when it has been handed over: sent, or when a `def`
function has returned.  What waits, an `async def` function or a call, has a process of its own
and a queue with a bound, and is tried again when it fails; to the broker the message is
acknowledged when it is in that queue.

What a request over MQTT 5 wants as its answer, the reply of a call or what a function returns,
is published on its response topic.

Proof: tests/bridge/mqtt/test_routes.py.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.bridge.mqtt import requests
from pyerlnode.bridge.mqtt.codecs import CODECS
from pyerlnode.bridge.mqtt.filters import check_filter, check_topic
from pyerlnode.bridge.mqtt.hub import ERROR, MQTT, Hub
from pyerlnode.bridge.mqtt.requests import Invalid, Wish
from pyerlnode.bridge.pubsub import PubSub
from pyerlnode.errors import ConfigError
from pyerlnode.otp import ChildSpec, GenServer, NoReply, Task
from pyerlnode.process import register, send, this_process, whereis
from pyerlnode.services import pg
from pyerlnode.term import Atom, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Back", "Call", "Group", "Name", "Route", "Topic"]

_RESPONSE_TOPIC, _CORRELATION = Atom("response_topic"), Atom("correlation_data")
# How often a handler that waits is tried, and the seconds between, each time twice as many.
ATTEMPTS: Final = 4
PAUSE: Final = 0.5


# --- where to -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Name:
    """A process that is registered, here or on another node."""

    name: str
    node: str | None = None

    @property
    def address(self) -> Any:
        """As `send` takes it."""
        return Atom(self.name) if self.node is None else (Atom(self.name), Atom(self.node))


@dataclass(frozen=True)
class Call(Name):
    """The same; it is called, and answers."""

    timeout: float = 5.0


@dataclass(frozen=True)
class Group:
    """The members of a pg group on all nodes; text is taken for the atom."""

    group: Term
    scope: str = "pg"

    @property
    def term(self) -> Term:
        """The group."""
        return Atom(self.group) if type(self.group) is str else self.group


@dataclass(frozen=True)
class Topic:
    """The subscribers of a topic of a Phoenix.PubSub on all nodes."""

    pubsub: str
    topic: str


Target: TypeAlias = "Name | Group | Topic | Callable[..., Any]"


# --- from MQTT ----------------------------------------------------------------------------


class Route:
    """What a filter matches goes to a target."""

    def __init__(
        self, filter: str, to: Target, *, qos: int = 1, codec: str | None = None, queue_limit: int = 10_000
    ) -> None:
        """ConfigError for a filter, a target, a QoS or a codec that there is not."""
        wrong = check_filter(filter) if isinstance(filter, str) else "text is wanted"
        if wrong is not None:
            raise ConfigError(f"route: {filter!r} is no filter: {wrong}")
        if not isinstance(to, (Name, Group, Topic)) and not callable(to):
            raise ConfigError(f"route {filter}: Name, Call, Group, Topic or a function is wanted, not {to!r}")
        _check_options(f"route {filter}", qos, codec)
        self.filter, self.to = filter, to
        self.wish = Wish(qos, codec)
        self.waits = isinstance(to, Call) or inspect.iscoroutinefunction(to)
        self._limit = queue_limit
        self._queue: deque[tuple[str, Term, dict[Term, Term]]] = deque()
        self._there_is_one = asyncio.Event()
        self._hub: Hub

    def child(self, hub: Hub) -> ChildSpec | None:
        """Begin; the process that it needs, if it needs one."""
        self._hub = hub
        hub.adopt(self, self.filter, self.wish)
        if not self.waits:
            return None
        return ChildSpec((Atom("route"), self.filter, id(self)), (Task.start_link, [self._serve]))

    def take(self, topic: str, payload: Term, properties: dict[Term, Term]) -> None:
        """A message has arrived."""
        if not self.waits:
            self._hand_over(topic, payload, properties)
            return
        if len(self._queue) >= self._limit:
            oldest = self._queue.popleft()[0]
            self._hub.warn(f"{oldest}: the oldest of {self._limit} messages for a route was dropped")
        self._queue.append((topic, payload, properties))
        self._there_is_one.set()

    def _hand_over(self, topic: str, payload: Term, properties: dict[Term, Term]) -> None:
        message = (MQTT, topic, payload, properties)
        match self.to:
            case Name():
                send(self.to.address, message)
            case Group():
                for pid in pg.get_members(self.to.term, scope=self.to.scope):
                    send(pid, message)
            case Topic():
                PubSub.broadcast(self.to.pubsub, self.to.topic, message)
            case function:
                _respond(self._hub, properties, self.wish, function(topic, payload, properties))

    async def _serve(self) -> None:
        """Hand one message after the other to what waits; one that fails is tried again."""
        while True:
            while not self._queue:
                self._there_is_one.clear()
                await self._there_is_one.wait()
            topic, payload, properties = self._queue[0]
            await self._try(topic, payload, properties)
            # Only now: if this process is killed, the one after it begins with this message.
            if self._queue and self._queue[0][2] is properties:
                self._queue.popleft()

    async def _try(self, topic: str, payload: Term, properties: dict[Term, Term]) -> None:
        pause = PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                result = await self._ask(topic, payload, properties)
            except Exception as error:
                if attempt == ATTEMPTS:
                    self._hub.warn(f"{topic}: a message was lost after {ATTEMPTS} attempts: {_text(error)}")
                    return
                await asyncio.sleep(pause)
                pause *= 2
            else:
                _respond(self._hub, properties, self.wish, result)
                return

    async def _ask(self, topic: str, payload: Term, properties: dict[Term, Term]) -> Any:
        if isinstance(self.to, Call):
            return await GenServer.call(self.to.address, (MQTT, topic, payload, properties), self.to.timeout)
        return await self.to(topic, payload, properties)  # type: ignore[operator]  # a coroutine function


def _respond(hub: Hub, properties: dict[Term, Term], wish: Wish, result: Any) -> None:
    """Publish what a request's handler gave, where the request wants it."""
    topic = properties.get(_RESPONSE_TOPIC)
    if topic is None:
        return
    options: list[Term] = [(Atom("qos"), wish.qos)]
    if _CORRELATION in properties:
        options.append((_CORRELATION, properties[_CORRELATION]))
    if wish.codec is not None:
        options.append((Atom("codec"), Atom(wish.codec)))
    _publish(hub, topic, result, options)


def _publish(hub: Hub, topic: Term, payload: Term, options: list[Term]) -> None:
    try:
        message = requests.outgoing(topic, payload, options, hub.codecs)
    except Invalid as error:
        hub.warn(f"{to_elixir(topic)[:200]}: nothing was published: {to_elixir(error.reason)[:200]}")
        return

    def tell(result: Any) -> None:
        if isinstance(result, tuple) and result[0] is ERROR and isinstance(result[1], tuple):
            hub.warn(f"{message.topic}: nothing was published: {to_elixir(result[1])[:200]}")

    message.tell = tell
    hub.publish(message)


def _text(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


# --- to MQTT ------------------------------------------------------------------------------


class Back:
    """What processes send goes to a topic."""

    def __init__(
        self,
        topic: str,
        of: Name | Group | Topic,
        *,
        qos: int = 1,
        retain: bool = False,
        codec: str | None = None,
    ) -> None:
        """ConfigError for a topic, a source, a QoS or a codec that there is not."""
        wrong = check_topic(topic) if isinstance(topic, str) else "text is wanted"
        if wrong is not None:
            raise ConfigError(f"back: {topic!r} is no topic: {wrong}")
        if not isinstance(of, (Name, Group, Topic)) or (isinstance(of, Name) and of.node is not None):
            raise ConfigError(f"back {topic}: Name (of this node), Group or Topic is wanted, not {of!r}")
        _check_options(f"back {topic}", qos, codec)
        self.topic, self.of = topic, of
        self.options: list[Term] = [(Atom("qos"), qos), (Atom("retain"), retain)]
        if codec is not None:
            self.options.append((Atom("codec"), Atom(codec)))

    def child(self, hub: Hub) -> ChildSpec:
        """The process that takes the messages."""
        return ChildSpec((Atom("back"), self.topic, id(self)), (BackServer.start_link, [self, hub]))


class BackServer(GenServer, module="Elixir.MQTT.Back"):
    """Publishes every message that it gets, but for those that come from MQTT."""

    def init(self, back: Any, hub: Any) -> None:
        self._back, self._hub = back, hub
        match back.of:
            case Name(name):
                register(name, this_process().pid)
            case Group():
                if whereis(back.of.scope) is None:
                    pg.start(back.of.scope)
                pg.join(back.of.term, this_process().pid, scope=back.of.scope)
            case Topic(pubsub, topic):
                PubSub.subscribe(pubsub, topic)

    def __state__(self) -> Term:
        return self._back.topic

    def handle_info(self, message: Term) -> NoReply:
        if not (isinstance(message, tuple) and len(message) == 4 and message[0] is MQTT):
            _publish(self._hub, self._back.topic, message, self._back.options)
        return NoReply()

    def handle_cast(self, request: Term) -> NoReply:
        return self.handle_info(request)


def _check_options(what: str, qos: object, codec: object) -> None:
    if type(qos) is not int or qos not in (0, 1, 2):
        raise ConfigError(f"{what}: qos is 0, 1 or 2, not {qos!r}")
    if codec is not None and (not isinstance(codec, str) or codec not in CODECS):
        raise ConfigError(f"{what}: codec is one of {', '.join(CODECS)}, not {codec!r}")
