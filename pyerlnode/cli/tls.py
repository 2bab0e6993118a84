"""`pyerlnode tls init DIR --host H`: certificates for development, and the options file that names them.

    DIR/ca.pem DIR/cert.pem DIR/key.pem DIR/ssl_dist.conf

The file is for `pyerlnode run --tls` and for `erl -ssl_dist_optfile` alike; all nodes that are to
find each other take the same four files.  The key of the CA is written nowhere.

Proof: tests/cli/test_tls_command.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyerlnode.errors import ConfigError, PyerlnodeError
from pyerlnode.term import charlist, to_erlang

if TYPE_CHECKING:
    import argparse

_CA, _CERTIFICATE, _KEY, _OPTIONS = _NAMES = ("ca.pem", "cert.pem", "key.pem", "ssl_dist.conf")
_LOOPBACK: Final = ("127.0.0.1", "::1")
_SECRET, _PUBLIC = 0o600, 0o644
# Both ends must prove who they are; more cannot be asked for.
_OPTIONS_TEXT: Final = """\
%% TLS of the distribution: erl -proto_dist inet_tls -ssl_dist_optfile {file}
[{{server, [{{certfile, {cert}}},
           {{keyfile, {key}}},
           {{cacertfile, {ca}}},
           {{verify, verify_peer}},
           {{fail_if_no_peer_cert, true}}]}},
 {{client, [{{certfile, {cert}}},
           {{keyfile, {key}}},
           {{cacertfile, {ca}}},
           {{verify, verify_peer}}]}}].
"""


class Exists(PyerlnodeError):
    """One of the files is there already."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="init", choices=["init"], help="init: make the files")
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.add_argument(
        "--host",
        metavar="H",
        action="append",
        required=True,
        help="host part of node names, as it is written there; may be given several times",
    )
    parser.add_argument("--days", metavar="N", type=int, default=825, help="how long they hold (default 825)")


def run(options: argparse.Namespace) -> int:
    # Only here: it needs a package that nothing else does.
    from pyerlnode.node.certificates import Authority

    if not 1 <= options.days <= 36500:
        raise ConfigError(f"--days is {options.days}; 1 to 36500 is wanted")
    directory = options.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    there = [name for name in _NAMES if (directory / name).exists()]
    if there:
        raise Exists(f"{directory} has {' and '.join(there)} already")
    authority = Authority(days=options.days)
    try:
        certificate, key = authority.issue(_all_names(options.host), days=options.days)
    except ValueError as error:
        raise ConfigError(f"--host {' '.join(options.host)}: {error}") from None
    _write(directory / _CA, authority.pem, _PUBLIC)
    _write(directory / _CERTIFICATE, certificate, _PUBLIC)
    _write(directory / _KEY, key, _SECRET)
    _write(directory / _OPTIONS, _options(directory).encode(), _PUBLIC)
    print(directory / _OPTIONS)
    return 0


def _all_names(hosts: list[str]) -> list[str]:
    """The hosts, and for `localhost` its addresses: nodes may be named after these, too."""
    return list(dict.fromkeys([*hosts, *(_LOOPBACK if "localhost" in hosts else ())]))


def _options(directory: Path) -> str:
    def quoted(name: str) -> str:
        return to_erlang(charlist(str(directory / name)))

    return _OPTIONS_TEXT.format(
        file=directory / _OPTIONS, cert=quoted(_CERTIFICATE), key=quoted(_KEY), ca=quoted(_CA)
    )


def _write(file: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as opened:
        opened.write(data)
