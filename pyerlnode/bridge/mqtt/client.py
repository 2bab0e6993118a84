"""`MQTT`: starting a server, and what processes ask it for.

Proof: tests/bridge/mqtt/test_server.py, interop/test_mqtt.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt.server import ServerSupervisor
from pyerlnode.bridge.mqtt.settings import Settings
from pyerlnode.errors import ConfigError, ErlangError
from pyerlnode.otp import ChildSpec, GenServer
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.otp.gen import ServerRef

__all__ = ["MQTT"]

NAME: Final = "Elixir.MQTT"
_SUBSCRIBE, _UNSUBSCRIBE, _PUBLISH, _CALL = (
    Atom("subscribe"),
    Atom("unsubscribe"),
    Atom("publish"),
    Atom("call"),
)
# Longer than the server waits for a connection, so that its answer comes and says why there is none.
_TIMEOUT: Final = 10.0


class MQTT:
    """All of it is in functions of the class; a server is known by its name, or its pid.

    What the server refuses is an ErlangError with the reason: `{invalid_filter, Filter, Why}`,
    `{not_connected, Why}`, `{refused, Why}`, `queue_full`, ...
    """

    __slots__ = ()

    # --- starting ---------------------------------------------------------------------------

    @staticmethod
    async def start_link(
        brokers: Sequence[str] | str | Settings, *, name: str | None = NAME, **options: Any
    ) -> Pid:
        """Start a server and its connection, linked to the caller; the pid of `NAME.Supervisor`.

        It returns at once, connected or not.  `brokers` are URLs, `mqtt[s]://[user:password@]host:port`,
        tried in turn; options as of `Settings`, and `routes`, a list of Route, Back and Presence.
        ConfigError for what is wrong with them.
        """
        more = _routes(options.pop("routes", ()))
        own = None if name is None else f"{name}.Supervisor"
        pid = await ServerSupervisor.start_link(name, _settings(brokers, options), more, name=own)
        assert pid is not None  # it never ignores its start
        return pid

    @staticmethod
    def child(brokers: Sequence[str] | str, *, name: str | None = NAME, **options: Any) -> ChildSpec:
        """The specification of a server under a supervisor; takes what `start_link` takes."""
        routes = _routes(options.pop("routes", ()))
        # Not the URLs: what a child is started with stands in reports.
        settings = _settings(brokers, options)
        start = (MQTT.start_link, [settings], {"name": name, "routes": routes})
        return ChildSpec(name or NAME, start, type="supervisor")

    # --- what processes ask for -------------------------------------------------------------

    @staticmethod
    async def subscribe(server: ServerRef, filter: str, **options: Any) -> Atom:
        """Let the caller get `(mqtt, topic, payload, properties)` for what the filter matches; `ok`.

        Returns when the broker has acknowledged it.  Options: `qos` (0), `codec` (`bytes`, `text`,
        `json`, `etf`; default as configured), `retain_handling` (0: send retained messages now; 2: do not).
        """
        result: Atom = _good(await _ask(server, (_SUBSCRIBE, filter, _options(options))))
        return result

    @staticmethod
    async def unsubscribe(server: ServerRef, filter: str) -> Atom:
        """Take that back; `ok`.  ErlangError `not_subscribed`."""
        result: Atom = _good(await _ask(server, (_UNSUBSCRIBE, filter)))
        return result

    @staticmethod
    async def publish(server: ServerRef, topic: str, payload: Term, **options: Any) -> Any:
        """Publish; `ok` when the broker has it, `(ok, queued)` where there is no connection.

        Options: `qos` (0), `retain` (False), `codec`, and MQTT 5's properties: `content_type`,
        `response_topic`, `correlation_data`, `message_expiry_interval`, `user_properties`,
        `payload_format_indicator`.  With QoS 1 and 2 the broker has it when it has acknowledged.
        """
        return _good(await _ask(server, (_PUBLISH, topic, payload, _options(options))))

    @staticmethod
    async def call(
        server: ServerRef, topic: str, payload: Term, *, timeout: float = 5.0, **options: Any
    ) -> tuple[Term, dict[Term, Term]]:
        """Publish a request and wait for the answer on its response topic: payload and properties.

        Options as of `publish`; seconds.  ErlangError `timeout`.
        """
        options = {**options, "timeout": round(timeout * 1000)}
        answer = _good(await _ask(server, (_CALL, topic, payload, _options(options)), timeout + _TIMEOUT))
        return answer[1], dict(answer[2])


async def _ask(server: ServerRef, request: Term, timeout: float = _TIMEOUT) -> Any:
    return await GenServer.call(server, request, timeout)


def _good(result: Any) -> Any:
    if isinstance(result, tuple) and result and result[0] == "error":
        raise ErlangError(result[1])
    return result


def _options(options: dict[str, Any]) -> list[Term]:
    return [(Atom(key), Atom(value) if key == "codec" else value) for key, value in options.items()]


def _settings(brokers: Sequence[str] | str | Settings, options: dict[str, Any]) -> Settings:
    if isinstance(brokers, Settings) and not options:
        return brokers
    try:
        settings = Settings(brokers, **options)  # type: ignore[arg-type]  # Settings checks it
    except TypeError as error:
        raise ConfigError(f"MQTT: {error}") from None
    if any(broker.tls for broker in settings.addresses):
        settings.tls_context()  # what is wrong with its files is told here, and not by each connection
    return settings


def _routes(routes: Any) -> list[Any]:
    if not isinstance(routes, (list, tuple)) or not all(
        callable(getattr(each, "child", None)) for each in routes
    ):
        raise ConfigError(f"MQTT: routes is a list of Route, Back and Presence, not {routes!r}")
    return list(routes)
