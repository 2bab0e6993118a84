"""Certificates of one's own: strict verifiers take them, for their hosts and for no others."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pyerlnode.node.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path


def shake_hands(directory: Path, authority: Authority, hosts: list[str], wanted: str) -> None:
    """A handshake in memory, both ends as strict as OpenSSL can be; SSLCertVerificationError if it fails."""
    certificate, key = authority.issue(hosts)
    (directory / "cert.pem").write_bytes(certificate)
    (directory / "key.pem").write_bytes(key)
    ends = []
    for purpose, protocol in ((True, ssl.PROTOCOL_TLS_SERVER), (False, ssl.PROTOCOL_TLS_CLIENT)):
        context = ssl.SSLContext(protocol)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        context.load_verify_locations(cadata=authority.pem.decode())
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        host = None if purpose else wanted
        ends.append((context.wrap_bio(incoming, outgoing, purpose, host), incoming, outgoing))
    (server, to_server, from_server), (client, to_client, from_client) = ends
    for _ in range(5):
        for end in (client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            to_server.write(from_client.read())
            to_client.write(from_server.read())
    assert server.getpeercert() and client.getpeercert()


@pytest.mark.parametrize("host", ["box", "box.example.org", "localhost", "10.0.0.7", "::1"])
def test_it_is_for_its_hosts(tmp_path: Path, host: str) -> None:
    authority = Authority()
    shake_hands(tmp_path, authority, [host], host)
    shake_hands(tmp_path, authority, ["other", host], host)


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("box", "otherbox"), ("box", "box.example.org"), ("10.0.0.7", "10.0.0.8"), ("::1", "::2")],
)
def test_it_is_for_no_other_host(tmp_path: Path, host: str, wanted: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(tmp_path, Authority(), [host], wanted)
