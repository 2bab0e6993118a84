"""Which kind of store a URL names.

Proof: tests/otp/store/test_url.py.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from pyerlnode.errors import BadArg, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.otp.store.base import Store

    # Of a URL and a timeout in seconds.
    Opener = Callable[[str, float], Awaitable[Store]]

__all__ = ["opener", "shown"]

EXPECTED = "memory, memory://NAME, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
# The module of each is imported when it is first used.
_KINDS = {"memory": "memory", "sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}


def opener(url: str) -> Opener:
    """What opens the store that `url` names; StoreError for a URL that names none."""
    if not isinstance(url, str):
        raise BadArg(f"a store is named by a URL, {EXPECTED}, not by {url!r}")
    scheme, colon, _ = url.partition(":")
    kind = _KINDS.get(scheme)
    if kind is None or not (colon or scheme == "memory"):
        raise StoreError(f"{shown(url)!r} is no store: {EXPECTED} is expected")
    opens: Opener = importlib.import_module(f"pyerlnode.otp.store.{kind}").open_store
    return opens


def split(url: str) -> SplitResult:
    """The parts of a URL; StoreError if it has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise StoreError(f"{shown(url)!r} is no URL: {error}") from None
    return parts


def shown(url: str) -> str:
    """The URL for logs and messages: without a password, and without options, where there may be one."""
    plain = url.partition("?")[0]
    scheme, separator, rest = plain.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{login.partition(':')[0]}{at}{place}"
