"""The file of `pyerlnode mqtt CONFIG`: a bridge in TOML.

    [mqtt]                                  # as Settings; brokers is needed
    brokers = ["mqtts://kate:secret@broker.example:8883"]
    cafile = "ca.pem"

    [mqtt.codecs]
    "sensors/#" = "json"

    [[route]]                               # from a filter to one of name, call, pg, pubsub, function
    filter = "sensors/#"
    pg = "sensors"

    [[route]]
    filter = "rpc/#"
    call = "Elixir.Rpc"
    node = "alex@host"

    [[back]]                                # from one of name, pg, pubsub to a topic
    topic = "alarms/all"
    pubsub = "Elixir.Demo.PubSub"
    pubsub_topic = "alarms"

    [[pubsub]]                              # members of a Phoenix.PubSub to start here
    name = "Elixir.Demo.PubSub"

    [presence]                              # announce this node, and connect with those that do
    prefix = "pyerlnode/nodes"

    [broker]                                # a small broker in this very process, for a first try
    port = 1883

Proof: tests/bridge/mqtt/test_mqtt_configuration.py.
"""

from __future__ import annotations

import importlib
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt.broker import EmbeddedBroker
from pyerlnode.bridge.mqtt.client import MQTT
from pyerlnode.bridge.mqtt.presence import Presence
from pyerlnode.bridge.mqtt.routes import Back, Call, Group, Name, Route, Topic
from pyerlnode.bridge.mqtt.settings import Settings
from pyerlnode.bridge.pubsub import PubSub
from pyerlnode.errors import BadArg, ConfigError

if TYPE_CHECKING:
    from pyerlnode.otp import ChildSpec

__all__ = ["load"]

_TABLES: Final = ("mqtt", "route", "back", "pubsub", "presence", "broker")
_SOURCES: Final = ("name", "pg", "pubsub")
_TARGETS: Final = (*_SOURCES, "call", "function")


def load(file: str) -> list[ChildSpec]:
    """The children that make the bridge; ConfigError of one line for a file that is wrong."""
    try:
        tables = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: {error}") from None
    try:
        return _children(tables)
    except (ConfigError, BadArg) as error:
        raise ConfigError(f"{file}: {error}") from None


def _children(tables: dict[str, Any]) -> list[ChildSpec]:
    _known("the file", tables, _TABLES)
    children = [PubSub.child(**_named(table)) for table in _list(tables, "pubsub")]
    mqtt = dict(_table(tables, "mqtt"))
    if "broker" in tables:
        broker = _table(tables, "broker")
        _known("broker", broker, ("port", "address"))
        embedded = EmbeddedBroker(**broker)
        children.append(embedded.child_spec())
        mqtt = {"brokers": [embedded.url], "protocol": "3.1.1", **mqtt}
    if "brokers" not in mqtt:
        raise ConfigError("mqtt: brokers is missing, a list of URLs")
    _known("mqtt", mqtt, ("name", *(field.name for field in fields(Settings))))
    routes: list[Any] = [_route(table) for table in _list(tables, "route")]
    routes += [_back(table) for table in _list(tables, "back")]
    if "presence" in tables:
        presence = _table(tables, "presence")
        _known("presence", presence, ("prefix", "connect"))
        routes.append(Presence(**presence))
    return [*children, MQTT.child(mqtt.pop("brokers"), routes=routes, **mqtt)]


def _route(table: dict[str, Any]) -> Route:
    _known("route", table, ("filter", "qos", "codec", "node", "scope", "pubsub_topic", "timeout", *_TARGETS))
    kind = _one("route", table, _TARGETS)
    options = {key: table[key] for key in ("qos", "codec") if key in table}
    to: Any
    if kind == "function":
        to = _function(table[kind])
    elif kind == "call":
        to = Call(_text("call", table[kind]), _node(table), float(table.get("timeout", 5.0)))
    else:
        to = _place(kind, table)
    return Route(_text("route: filter", table.get("filter")), to, **options)


def _back(table: dict[str, Any]) -> Back:
    _known("back", table, ("topic", "qos", "retain", "codec", "scope", "pubsub_topic", *_SOURCES))
    of = _place(_one("back", table, _SOURCES), table)
    options = {key: table[key] for key in ("qos", "retain", "codec") if key in table}
    return Back(_text("back: topic", table.get("topic")), of, **options)


def _place(kind: str, table: dict[str, Any]) -> Name | Group | Topic:
    value = _text(kind, table[kind])
    if kind == "name":
        return Name(value, _node(table))
    if kind == "pg":
        return Group(value, _text("scope", table.get("scope", "pg")))
    return Topic(value, _text("pubsub_topic", table.get("pubsub_topic")))


def _node(table: dict[str, Any]) -> str | None:
    return _text("node", table["node"]) if "node" in table else None


def _function(path: object) -> Any:
    """`package.module:function`; modules of the working directory are found."""
    module, colon, name = _text("function", path).partition(":")
    if not colon:
        raise ConfigError(f"function: package.module:function is wanted, not {path!r}")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"function {path}: {error}") from None


def _one(what: str, table: dict[str, Any], kinds: tuple[str, ...]) -> str:
    given = [kind for kind in kinds if kind in table]
    if len(given) != 1:
        raise ConfigError(f"{what}: one of {', '.join(kinds)} is wanted, not {' and '.join(given) or 'none'}")
    return given[0]


def _known(what: str, table: dict[str, Any], names: tuple[str, ...]) -> None:
    unknown = [name for name in table if name not in names]
    if unknown:
        raise ConfigError(f"{what} has no {unknown[0]!r}; {', '.join(names)} are known")


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{name} is a table: [{name}]")
    return table


def _list(tables: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = tables.get(name, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise ConfigError(f"{name} is a list of tables: [[{name}]]")
    return found


def _named(table: dict[str, Any]) -> dict[str, Any]:
    return {"name": _text("pubsub: name", table.get("name")), **table}


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{what}: text is wanted, not {value!r}")
    return value
