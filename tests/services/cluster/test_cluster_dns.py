"""DNS against a small server of the test's own: addresses, servers, and names that do not resolve."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pyerlnode.errors import ConfigError
from pyerlnode.services.cluster import DNSPoll, KubernetesDNS, KubernetesDNSSRV
from pyerlnode.services.cluster import dns as dns_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from pyerlnode.services.cluster import Polling

SECONDS = 30.0
SERVICE = "web-headless.default.svc.cluster.local."


class Server(asyncio.DatagramProtocol):
    """Answers from `records`: `(name, type) -> texts`; other types of a known name are empty."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.address = ""
        self.asked: list[tuple[str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if texts := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(name, 30, "IN", kind, *texts))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), address)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: made, local_addr=("127.0.0.1", 0)
    )
    yield made
    transport.close()


async def first(strategy: Polling) -> Collection[str]:
    async with asyncio.timeout(SECONDS), aclosing(strategy.discover("web@10.1.0.1")) as found:
        return await anext(found)


async def test_addresses_of_both_kinds_are_nodes(server: Server) -> None:
    server.records = {
        ("web.example.org.", "A"): ["10.1.0.95", "10.1.0.96"],
        ("web.example.org.", "AAAA"): ["fd00::7"],
    }
    found = await first(DNSPoll("web.example.org", "web", nameservers=[server.address]))
    assert sorted(found) == ["web@10.1.0.95", "web@10.1.0.96", "web@fd00::7"]


async def test_the_addresses_of_a_headless_service_are_nodes(server: Server) -> None:
    server.records = {(SERVICE, "A"): ["10.1.0.95"]}
    found = await first(KubernetesDNS(SERVICE, "web", nameservers=[server.address]))
    assert list(found) == ["web@10.1.0.95"]
    assert (SERVICE, "AAAA") not in server.asked


async def test_the_pods_of_a_stateful_set_are_nodes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLUSTER_DOMAIN", raising=False)
    server.records = {(SERVICE, "SRV"): [f"10 50 0 web-{number}.{SERVICE}" for number in (0, 1)]}
    strategy = KubernetesDNSSRV("web-headless", "default", "web", nameservers=[server.address])
    host = SERVICE.removesuffix(".")
    assert sorted(await first(strategy)) == [f"web@web-0.{host}", f"web@web-1.{host}"]


async def test_a_name_that_does_not_resolve_is_told_once_and_asked_for_again(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    strategy = DNSPoll("web.example.org", "web", polling_interval=0.01, nameservers=[server.address])
    async with asyncio.timeout(SECONDS), aclosing(strategy.discover("web@10.1.0.1")) as found:
        with caplog.at_level(logging.WARNING, "pyerlnode.cluster"):
            waiting = asyncio.ensure_future(anext(found))
            while len(server.asked) < 8:
                await asyncio.wait([waiting], timeout=0.01)
        [record] = caplog.records
        assert "DNSPoll: DNS has no A or AAAA record of 'web.example.org': " in record.getMessage()
        assert "does not exist" in record.getMessage()
        server.records = {("web.example.org.", "A"): ["10.1.0.95"]}
        assert list(await waiting) == ["web@10.1.0.95"]


async def test_a_server_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_module, "LIFETIME", 0.1)
    strategy = KubernetesDNS("web", "web", nameservers=["127.0.0.1:1"])
    with pytest.raises(OSError, match="DNS has no A record of 'web'"):
        await strategy.look("web@10.1.0.1")


@pytest.mark.parametrize("query", ["", 7])
def test_a_wrong_setting_is_named(query: object) -> None:
    with pytest.raises(ConfigError, match="query: text is wanted"):
        DNSPoll(query, "web")
    with pytest.raises(ConfigError, match="polling_interval"):
        DNSPoll("web", "web", polling_interval=0)
