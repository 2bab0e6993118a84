"""The shared secret of a cluster: where it comes from, and which one is for whom.

Order: the argument, PYERLNODE_COOKIE, `~/.erlang.cookie`, the same file in the user's
configuration directory, and otherwise a new file in the home directory, made at
random as Erlang makes it.

Source: "Distributed Erlang", Security (OTP 27); the file rules were tried on OTP 25.
Proof: tests/node/test_cookie.py.
"""

from __future__ import annotations

import os
import secrets
import stat
import string
from pathlib import Path
from typing import TYPE_CHECKING

from pyerlnode.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Cookies", "find_cookie"]

_FILE = ".erlang.cookie"
_LENGTH = 20
_MAX = 255


class Cookies:
    """The node's own cookie, and the ones kept for single peers."""

    __slots__ = ("_own", "_peers")

    def __init__(self, own: str) -> None:
        self._own = own
        self._peers: dict[str, str] = {}

    def of(self, node: str) -> str:
        """The cookie that proves both sides of a connection with `node`."""
        return self._peers.get(node, self._own)

    def set(self, node: str | None, cookie: str) -> None:
        """As `erlang:set_cookie(Node, Cookie)`; None changes the node's own cookie.

        Connections that are up are not touched.
        """
        _checked(cookie, "the cookie")
        if node is None:
            self._own = cookie
        else:
            self._peers[node] = cookie

    @property
    def is_common(self) -> bool:
        """Whether all peers have the node's own cookie: who is connected knows it."""
        return not self._peers

    def __repr__(self) -> str:
        return f"<Cookies for {len(self._peers)} peers>"


def find_cookie(argument: str | None, environ: Mapping[str, str]) -> str:
    """The node's cookie; ConfigError says in one line what is wrong with its source.

    Makes the cookie file when there is none at all.
    """
    if argument is not None:
        return _checked(argument, "the cookie")
    from_environment = environ.get("PYERLNODE_COOKIE")
    if from_environment is not None:
        return _checked(from_environment, "PYERLNODE_COOKIE")
    home = environ.get("HOME")
    if not home:
        raise ConfigError("no cookie: none is given, and without HOME there is no cookie file")
    for path in _candidates(Path(home), environ):
        text = _read(path)
        if text is not None:
            return text
    return _make(Path(home) / _FILE)


def _candidates(home: Path, environ: Mapping[str, str]) -> list[Path]:
    configuration = environ.get("XDG_CONFIG_HOME")
    base = Path(configuration) if configuration else home / ".config"
    return [home / _FILE, base / "erlang" / _FILE]


def _read(path: Path) -> str | None:
    """The cookie in the file, or None where there is no file."""
    try:
        with path.open(encoding="latin-1", newline="") as file:
            status = os.fstat(file.fileno())
            text = file.read(4096)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cookie file {path}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"cookie file {path} is no ordinary file")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(f"cookie file {path} has mode {mode:04o}: only its owner may read it (chmod 400)")
    return _checked(text.rstrip("\r\n"), f"cookie file {path}")


def _make(path: Path) -> str:
    """Write a new cookie file; when another node was faster, its cookie."""
    cookie = "".join(secrets.choice(string.ascii_uppercase) for _ in range(_LENGTH))
    draft = path.with_name(f"{_FILE}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            os.write(descriptor, cookie.encode("ascii"))
        finally:
            os.close(descriptor)
        try:
            # Unlike a rename, a link never replaces what another node just wrote,
            # and nobody ever reads a half-written file.
            os.link(draft, path)
        finally:
            os.unlink(draft)
    except FileExistsError:
        return find_cookie(None, {"HOME": str(path.parent)})
    except OSError as error:
        raise ConfigError(f"cookie file {path} cannot be made: {error.strerror}") from None
    return cookie


def _checked(cookie: str, source: str) -> str:
    if not cookie:
        raise ConfigError(f"{source} is empty")
    if len(cookie) > _MAX:
        raise ConfigError(f"{source} is longer than {_MAX} characters")
    if any(not " " <= character <= "~" for character in cookie):
        raise ConfigError(f"{source} holds a character that no cookie may have")
    return cookie
