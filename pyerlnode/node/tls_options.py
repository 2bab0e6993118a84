"""The options file of TLS, as Erlang terms: what each end of a connection is told.

Source: inet_tls_dist.erl and ssl_dist_sup.erl of OTP's ssl, which evaluates the file: here it must
be a term.
Proof: tests/node/test_tls_options.py.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyerlnode.errors import ConfigError, TermSyntaxError
from pyerlnode.term import Term, parse_erlang

__all__ = ["Side", "Stamp", "read"]

_FILES: Final = ("certfile", "keyfile", "cacertfile")
_KEYS: Final = (*_FILES, "verify", "fail_if_no_peer_cert", "versions")
_SIDES: Final = ("server", "client")
_VERSIONS: Final = {
    "tlsv1.2": ssl.TLSVersion.TLSv1_2,
    "tlsv1.3": ssl.TLSVersion.TLSv1_3,
}
# BEAMs know these, too; here they only may stand beside the others.
_OLD_VERSIONS: Final = ("tlsv1", "tlsv1.1")
_CHARACTERS: Final = range(1, 0x110000)
# When a file last changed, and how large it was.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Side:
    """What one end is told; None where the file says nothing."""

    certfile: str | None = None
    #: the key may stand in `certfile`
    keyfile: str | None = None
    cacertfile: str | None = None
    #: whether the other end must prove who it is; a client does ask for that, a server does not
    verify: bool | None = None
    fail_if_no_peer_cert: bool = False
    versions: tuple[ssl.TLSVersion, ...] = tuple(_VERSIONS.values())

    def stamps(self) -> list[Stamp]:
        """Something that changes when one of the files does."""
        return [_stamp(file) for name in _FILES if (file := getattr(self, name)) is not None]


def _stamp(file: str) -> Stamp:
    try:
        status = Path(file).stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def read(file: str) -> dict[str, Side]:
    """Both sides of a file, `server` and `client`; ConfigError of one line for what it may not say."""
    sides = dict.fromkeys(_SIDES, Side())
    seen = _proplist(_term(file), f"TLS options {file}", "[{server, [...]}, {client, [...]}]", _SIDES)
    for name, options in seen.items():
        sides[name] = _side(options, f"TLS options {file}: {name}")
    return sides


def _term(file: str) -> Term:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"TLS options {file}: {error.strerror}") from None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        return parse_erlang(text)
    except TermSyntaxError as error:
        raise ConfigError(f"TLS options {file}: no Erlang term: {error}") from None


def _proplist(term: Any, where: str, wanted: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(term, list):
        raise ConfigError(f"{where}: {wanted} is wanted")
    found: dict[str, Any] = {}
    for element in term:
        match element:
            case (str(key), value):
                pass
            case _:
                raise ConfigError(f"{where}: {wanted} is wanted")
        if key not in keys:
            raise ConfigError(f"{where}: {key} is not known; {', '.join(keys)} are")
        if key in found:
            raise ConfigError(f"{where}: {key} is given twice")
        found[key] = value
    return found


def _side(term: Any, where: str) -> Side:
    options = _proplist(term, where, "a list of {key, value}", _KEYS)
    for name in _FILES:
        if name in options:
            options[name] = _path(options[name], f"{where}: {name}")
    if "verify" in options:
        choices = {"verify_peer": True, "verify_none": False}
        options["verify"] = _choice(options["verify"], f"{where}: verify", choices)
    if "fail_if_no_peer_cert" in options:
        truth = options["fail_if_no_peer_cert"]
        if not isinstance(truth, bool):
            raise ConfigError(f"{where}: fail_if_no_peer_cert: true or false is wanted")
    if "versions" in options:
        options["versions"] = _versions(options["versions"], f"{where}: versions")
    return Side(**options)


def _path(term: Any, where: str) -> str:
    """A file name: a string, that is a list of characters, or a binary."""
    if (
        isinstance(term, list)
        and term
        and all(isinstance(each, int) and 0 < each < 0x110000 for each in term)
    ):
        return "".join(map(chr, term))
    if isinstance(term, bytes) and term:
        return term.decode(errors="surrogateescape")
    raise ConfigError(f"{where}: the name of a file is wanted")


def _choice(term: Any, where: str, choices: dict[str, bool]) -> bool:
    if isinstance(term, str) and term in choices:
        return choices[term]
    raise ConfigError(f"{where}: {' or '.join(choices)} is wanted")


def _versions(term: Any, where: str) -> tuple[ssl.TLSVersion, ...]:
    known = (*_OLD_VERSIONS, *_VERSIONS)
    if not isinstance(term, list) or not all(isinstance(each, str) and each in known for each in term):
        raise ConfigError(f"{where}: a list of {', '.join(known)} is wanted")
    versions = tuple(_VERSIONS[each] for each in term if each in _VERSIONS)
    if not versions:
        raise ConfigError(f"{where}: tlsv1.2 or tlsv1.3 is needed")
    return versions
