"""The table `[cluster]` of the file of `pyerlnode run --config`.

    [cluster.web]                        # a table for each topology; its name is for the reader
    strategy = "gossip"                  # which; the other keys are what it takes
    secret = "s3cret"

    [env.prod.cluster.web]
    strategy = "kubernetes_dns"
    service = "web-headless"
    application_name = "web"

Times are in seconds.  A strategy of a program's own is `package.module:Class`.

Proof: tests/services/cluster/test_cluster_configuration.py.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ConfigError
from pyerlnode.services.cluster.dns import DNSPoll, KubernetesDNS, KubernetesDNSSRV
from pyerlnode.services.cluster.gossip import Gossip
from pyerlnode.services.cluster.hosts import ErlangHosts, LocalEpmd
from pyerlnode.services.cluster.static import Static

if TYPE_CHECKING:
    from pyerlnode.services.cluster.strategy import Strategy

__all__ = ["STRATEGIES", "topologies"]

STRATEGIES: Final[dict[str, Any]] = {
    "static": Static,
    "erlang_hosts": ErlangHosts,
    "local_epmd": LocalEpmd,
    "dns_poll": DNSPoll,
    "kubernetes_dns": KubernetesDNS,
    "kubernetes_dns_srv": KubernetesDNSSRV,
    "gossip": Gossip,
    "mqtt": "pyerlnode.bridge.mqtt.presence:MqttPresence",
}


def topologies(table: Mapping[str, Any]) -> list[Strategy]:
    """The strategies that the table names; ConfigError that says where it is wrong."""
    return [_strategy(f"cluster.{name}", options) for name, options in table.items()]


def _strategy(where: str, options: Any) -> Strategy:
    if not isinstance(options, Mapping) or not isinstance(options.get("strategy"), str):
        raise ConfigError(f"{where}: a table with a strategy is wanted; known: {', '.join(STRATEGIES)}")
    given = {str(key): value for key, value in options.items()}
    cls = _class(where, given.pop("strategy"))
    try:
        inspect.signature(cls).bind(**given)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}; {cls.__name__} takes {', '.join(_options(cls))}") from None
    try:
        made: Strategy = cls(**given)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return made


def _class(where: str, name: str) -> Any:
    found = STRATEGIES.get(name, name)
    if not isinstance(found, str):
        return found
    module, colon, attribute = found.partition(":")
    if not colon:
        known = ", ".join(STRATEGIES)
        raise ConfigError(f"{where}: there is no strategy {name!r}; known: {known}, or package.module:Class")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{where}: the strategy {name} cannot be imported: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _options(cls: Any) -> list[str]:
    return list(inspect.signature(cls).parameters)
