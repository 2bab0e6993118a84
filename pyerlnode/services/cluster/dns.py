"""Nodes by the domain name system: addresses (A, AAAA) or servers (SRV), by dnspython.

    DNSPoll("web.example.org", "web")                  A, AAAA    web@10.1.0.95
    KubernetesDNS("web-headless", "web")               A          web@10.1.0.95
    KubernetesDNSSRV("web-headless", "default", "web") SRV        web@web-0.web-headless.default.svc...

The second asks for the service in this pod's search list, the third for
SERVICE.NAMESPACE.svc.CLUSTER_DOMAIN, whose last part is the variable of that name or `cluster.local.`.
A name that does not resolve is a line in the log, and asked for again.

Source: libcluster's DNSPoll, Kubernetes.DNS and Kubernetes.DNSSRV.
Proof: tests/services/cluster/test_cluster_dns.py.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ConfigError
from pyerlnode.node.names import bare_host
from pyerlnode.services.cluster.strategy import POLLING_INTERVAL, Polling, text, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dns.asyncresolver import Resolver

__all__ = ["DNSPoll", "KubernetesDNS", "KubernetesDNSSRV"]

# Seconds for one answer, all servers and repetitions together.
LIFETIME = 5.0
_CLUSTER_DOMAIN: Final = "cluster.local."
_WITH_PORT: Final = re.compile(r"(\[.*\]|[^:]*):(\d{1,5})")


class _DNS(Polling):
    """What asks; `nameservers` are addresses, or `ADDRESS:PORT`, instead of those of this machine."""

    def __init__(self, polling_interval: float, nameservers: Sequence[str] | None) -> None:
        super().__init__(polling_interval)
        self._nameservers = None if nameservers is None else texts("nameservers", nameservers)
        _dnspython()  # that it is missing is told at once
        self._resolver: Resolver | None = None

    async def _ask(self, name: str, *kinds: str) -> list[Any]:
        """The records of `name`, of all kinds together; OSError where there are none of any."""
        dns = _dnspython()
        found: list[Any] = []
        failed: Exception | None = None
        for kind in kinds:
            try:
                answer = await self._resolve(name, kind)
            except dns.exception.DNSException as error:
                failed = failed or error
            except OSError as error:
                failed = failed or error
            else:
                found.extend(answer)
        if not found:
            raise OSError(f"DNS has no {' or '.join(kinds)} record of {name!r}: {_why(failed)}")
        return found

    async def _resolve(self, name: str, kind: str) -> Any:
        if self._resolver is None:
            self._resolver = _resolver(self._nameservers)
        return await self._resolver.resolve(name, kind, search=True, lifetime=LIFETIME)


class DNSPoll(_DNS):
    """Each address of a name is that of a node `node_basename@ADDRESS`."""

    def __init__(
        self,
        query: str,
        node_basename: str,
        polling_interval: float = POLLING_INTERVAL,
        nameservers: Sequence[str] | None = None,
    ) -> None:
        super().__init__(polling_interval, nameservers)
        self._query, self._name = text("query", query), text("node_basename", node_basename)

    async def look(self, own: str) -> Collection[str]:
        return [f"{self._name}@{record.address}" for record in await self._ask(self._query, "A", "AAAA")]


class KubernetesDNS(_DNS):
    """Each address of a headless service is that of a pod with a node `application_name@ADDRESS`."""

    def __init__(
        self,
        service: str,
        application_name: str,
        polling_interval: float = POLLING_INTERVAL,
        nameservers: Sequence[str] | None = None,
    ) -> None:
        super().__init__(polling_interval, nameservers)
        self._service = text("service", service)
        self._name = text("application_name", application_name)

    async def look(self, own: str) -> Collection[str]:
        return [f"{self._name}@{record.address}" for record in await self._ask(self._service, "A")]


class KubernetesDNSSRV(_DNS):
    """The pods of a StatefulSet behind a headless service, by their stable names."""

    def __init__(
        self,
        service: str,
        namespace: str,
        application_name: str,
        polling_interval: float = POLLING_INTERVAL,
        nameservers: Sequence[str] | None = None,
    ) -> None:
        super().__init__(polling_interval, nameservers)
        domain = os.environ.get("CLUSTER_DOMAIN") or _CLUSTER_DOMAIN
        service, namespace = text("service", service), text("namespace", namespace)
        self._query = f"{service}.{namespace}.svc.{domain}"
        self._name = text("application_name", application_name)

    async def look(self, own: str) -> Collection[str]:
        records = await self._ask(self._query, "SRV")
        return [f"{self._name}@{record.target.to_text(omit_final_dot=True)}" for record in records]


def _dnspython() -> Any:
    try:
        import dns.asyncresolver
        import dns.exception
        import dns.nameserver
        import dns.resolver
    except ImportError as missing:
        raise ConfigError(f"DNS needs dnspython: pip install 'pyerlnode[dns]' ({missing})") from None
    return dns


def _resolver(nameservers: Sequence[str] | None) -> Resolver:
    dns = _dnspython()
    try:
        resolver: Resolver = dns.asyncresolver.Resolver(configure=nameservers is None)
    except dns.exception.DNSException as error:
        raise OSError(f"this machine has no DNS servers: {error}") from None
    if nameservers is not None:
        resolver.nameservers = [_nameserver(server) for server in nameservers]
    return resolver


def _nameserver(server: str) -> Any:
    match = _WITH_PORT.fullmatch(server)
    if match is None:
        return server
    return _dnspython().nameserver.Do53Nameserver(bare_host(match[1]), int(match[2]))


def _why(error: Exception | None) -> str:
    return " ".join(str(error).split()) or type(error).__name__
