"""Options files of TLS with certificates, right ones and wrong ones, for tests of nodes."""

from __future__ import annotations

import datetime
import socket
from functools import cache
from typing import TYPE_CHECKING

from pyerlnode.node.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path

# What is wrong with a certificate, if anything is.
KINDS = ("good", "expired", "other_host", "unknown_ca")
HOSTS = ("localhost", "127.0.0.1", "::1", socket.gethostname())


@cache
def authority(name: str) -> Authority:
    """One for all tests of this process, and others that nobody trusts."""
    return Authority(name)


@cache
def certificate(kind: str) -> tuple[bytes, bytes]:
    """A certificate for this machine, and its key."""
    hosts = ("elsewhere.example",) if kind == "other_host" else HOSTS
    signer = authority("stranger" if kind == "unknown_ca" else "ours")
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return signer.issue(hosts, days=30, begin=long_ago if kind == "expired" else None)


def write_options(
    directory: Path,
    *,
    seen_as: str | None = None,
    server: str = "good",
    client: str | None = "good",
    server_verifies: bool = True,
    client_verifies: bool = True,
    versions: tuple[str, ...] = (),
    more: str = "",
) -> str:
    """Write a file with certificates of these kinds (None: none); its name, as in `seen_as`.

    `more` are further options of both sides.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "ca.pem").write_bytes(authority("ours").pem)
    where = seen_as or str(directory)
    chosen = [f"{{versions, [{', '.join(map(repr, versions))}]}}"] if versions else []
    chosen += [more] if more else []
    sides = []
    for role, kind, verifies in (("server", server, server_verifies), ("client", client, client_verifies)):
        options = list(chosen)
        if kind is not None:
            for name, data in zip(("certfile", "keyfile"), certificate(kind), strict=True):
                (directory / f"{role}_{name}.pem").write_bytes(data)
                options.append(f'{{{name}, "{where}/{role}_{name}.pem"}}')
        if verifies:
            options += [f'{{cacertfile, "{where}/ca.pem"}}', "{verify, verify_peer}"]
        else:
            options.append("{verify, verify_none}")
        if verifies and role == "server":
            options.append("{fail_if_no_peer_cert, true}")
        sides.append(f"{{{role}, [{', '.join(options)}]}}")
    (directory / "ssl_dist.conf").write_text(f"[{', '.join(sides)}].\n")
    return f"{where}/ssl_dist.conf"
