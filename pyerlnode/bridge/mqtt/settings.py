"""What a connection to brokers needs to know, checked once, when it is set up.

Proof: tests/bridge/mqtt/test_settings.py.
"""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from pyerlnode.bridge.mqtt.codecs import CODECS, Codecs
from pyerlnode.bridge.mqtt.filters import check_topic, text_of
from pyerlnode.bridge.mqtt.outbox import DROP_OLDEST, POLICIES, Outgoing
from pyerlnode.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Broker", "Settings", "will_of"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
VERSIONS: Final = ("5", "3.1.1")
QUEUE_LIMIT: Final = 10_000
SESSION_EXPIRY: Final = 300.0


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker: `mqtt[s]://[user:password@]host[:port]`."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Broker:
        """ConfigError for what is no such URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except (ValueError, AttributeError, TypeError):
            raise _no_url(url) from None
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise _no_url(url)
        return cls(
            parts.hostname,
            PORTS[parts.scheme] if port is None else port,
            parts.scheme == "mqtts",
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
        )

    def __str__(self) -> str:
        """For logs: without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = "" if self.username is None else f"{self.username}@"
        return f"{'mqtts' if self.tls else 'mqtt'}://{login}{host}:{self.port}"


def _no_url(url: object) -> ConfigError:
    shown = url.rpartition("@")[2] if isinstance(url, str) else repr(url)
    return ConfigError(f"a broker is mqtt[s]://[user:password@]host:port, not {shown}")


@dataclass(frozen=True)
class Settings:
    """All that can be set; times are in seconds.  ConfigError for what is wrong.

    `brokers` are URLs, tried in turn.  `client_id` (made up) names the session that the broker
    keeps for `session_expiry` while there is no connection.  `will` is what the broker publishes
    when the connection is lost: `{"topic": ..., "payload": ..., "qos": 0, "retain": False}`.
    `queue_limit` messages wait for the broker at most; then it is `queue_policy`: `drop_oldest`,
    `drop_new` or `error`.  `request_timeout` is how long a caller waits for a connection.
    `cafile`, `certfile`, `keyfile` and `verify` are for `mqtts`; `codecs` maps filters to codecs.
    `protocol` is "5" or "3.1.1".
    """

    brokers: Sequence[str] | str
    client_id: str | None = None
    codecs: Mapping[str, str] = field(default_factory=dict)
    will: Mapping[str, Any] | None = None
    keepalive: float = 30.0
    timeout: float = 10.0
    request_timeout: float = 4.0
    session_expiry: float = SESSION_EXPIRY
    reconnect_min: float = 0.1
    reconnect_max: float = 30.0
    queue_limit: int = QUEUE_LIMIT
    queue_policy: str = DROP_OLDEST
    inflight: int = 20
    protocol: str = "5"
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        urls = [self.brokers] if isinstance(self.brokers, str) else list(self.brokers)
        if not urls:
            raise ConfigError("brokers: at least one URL is wanted")
        object.__setattr__(self, "brokers", [Broker.of(url) for url in urls])
        for name in ("keepalive", "timeout", "request_timeout", "reconnect_min", "reconnect_max"):
            _number(name, getattr(self, name), 0.001, 1e6)
        _number("session_expiry", self.session_expiry, 0, 2**32 - 2)
        if not 1 <= self.keepalive <= 65535:
            raise ConfigError(f"keepalive: 1 to 65535 seconds are wanted, not {self.keepalive!r}")
        for name in ("queue_limit", "inflight"):
            _integer(name, getattr(self, name))
        _one_of("queue_policy", self.queue_policy, POLICIES)
        _one_of("protocol", self.protocol, VERSIONS)
        _client_id(self.client_id)
        Codecs(self.codecs)
        if self.will is not None:
            will_of(self.will)

    @property
    def addresses(self) -> list[Broker]:
        """The brokers."""
        return self.brokers  # type: ignore[return-value]  # made of the URLs at the start

    def tls_context(self) -> ssl.SSLContext:
        """For `mqtts`; ConfigError for files that cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                context.load_cert_chain(self.certfile, self.keyfile)
        except OSError as error:
            files = ", ".join(str(file) for file in (self.cafile, self.certfile, self.keyfile) if file)
            raise ConfigError(f"TLS: {files}: {error.strerror or error}") from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def made_up_client_id() -> str:
    """A name that no other client has."""
    return f"pyerlnode-{secrets.token_hex(8)}"


def will_of(will: Mapping[str, Any]) -> Outgoing:
    """The message that a `will` describes; ConfigError for what is none."""
    if not isinstance(will, dict):
        raise ConfigError(f"will: a table with topic and payload is wanted, not {will!r}")
    unknown = will.keys() - {"topic", "payload", "qos", "retain"}
    if unknown:
        raise ConfigError(f"will: topic, payload, qos and retain are known, not {sorted(unknown)[0]!r}")
    topic, payload = text_of(will.get("topic")), will.get("payload", b"")
    wrong = "it is missing" if topic is None else check_topic(topic)
    if wrong is not None or topic is None:
        raise ConfigError(f"will: topic: {wrong}")
    qos, retain = will.get("qos", 0), will.get("retain", False)
    if type(qos) is not int or qos not in (0, 1, 2) or type(retain) is not bool:
        raise ConfigError(f"will: qos is 0 to 2 and retain true or false, not {qos!r} and {retain!r}")
    if not isinstance(payload, (bytes, str)):
        raise ConfigError(f"will: payload: bytes or text are wanted, not {payload!r}")
    return Outgoing(topic, CODECS["bytes"].write(payload), qos, retain)


def _number(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ConfigError(f"{name}: a number of seconds is wanted, not {value!r}")


def _integer(name: str, value: object) -> None:
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise ConfigError(f"{name}: a number of at least 1 is wanted, not {value!r}")


def _one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ConfigError(f"{name}: one of {', '.join(allowed)} is wanted, not {value!r}")


def _client_id(value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value or len(value.encode()) > 65535):
        raise ConfigError(f"client_id: text is wanted, not {value!r}")
