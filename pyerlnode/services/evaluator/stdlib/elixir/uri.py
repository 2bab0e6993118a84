"""`URI`: escaping, queries, and the parts of an address.

Source: uri.ex of Elixir 1.18; RFC 3986, appendix B.
Proof: tests/services/evaluator/test_stdlib_elixir.py.
"""

from __future__ import annotations

import re
import string
import urllib.parse
from typing import Final

from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.enum import text_of
from pyerlnode.services.evaluator.stdlib.elixir.sources import items_of
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    STRUCT,
    alias,
    field,
    is_pair,
    is_struct,
    need,
    plain,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

uri = Library("Elixir.URI")

_UNRESERVED: Final = string.ascii_letters + string.digits + "-._~"
_RESERVED: Final = ":/?#[]@!$&'()*+,;="
_PORTS: Final = {
    "ftp": 21,
    "http": 80,
    "https": 443,
    "ldap": 389,
    "sftp": 22,
    "tftp": 69,
    "ws": 80,
    "wss": 443,
}
_PARTS: Final = re.compile(rb"^(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_AUTHORITY: Final = re.compile(rb"^(?:(.*)@)?(\[[a-zA-Z0-9:.]*\]|[^:]*)(?::(\d*))?$")


def _quoted(data: Term, safe: str) -> bytes:
    need(isinstance(data, bytes))
    check_binary(3 * len(data))
    return urllib.parse.quote(data, safe=safe).encode()


@uri.function("encode", 1)
def encode(text: Term) -> Term:
    return _quoted(text, _UNRESERVED + _RESERVED)


@uri.function("encode_www_form", 1)
def encode_www_form(text: Term) -> Term:
    # Elixir writes a space as a plus sign, and a tilde as it is.
    return _quoted(text, _UNRESERVED + " ").replace(b" ", b"+")


@uri.function("decode", 1)
def decode(text: Term) -> Term:
    need(isinstance(text, bytes))
    return urllib.parse.unquote_to_bytes(text)


@uri.function("decode_www_form", 1)
def decode_www_form(text: Term) -> Term:
    need(isinstance(text, bytes))
    return urllib.parse.unquote_to_bytes(text.replace(b"+", b" "))


@uri.function("char_unreserved?", 1)
def is_unreserved(character: Term) -> Term:
    need(is_integer(character, 0))
    return character < 128 and chr(character) in _UNRESERVED


@uri.function("char_reserved?", 1)
def is_reserved(character: Term) -> Term:
    need(is_integer(character, 0))
    return character < 128 and chr(character) in _RESERVED


@uri.function("encode_query", 1)
def encode_query(pairs: Term) -> Steps:
    out: list[bytes] = []
    for pair in (yield from items_of(pairs)):
        need(is_pair(pair))
        key, value = (yield from text_of(pair[0])), (yield from text_of(pair[1]))
        out.append(encode_www_form(key) + b"=" + encode_www_form(value))
    return b"&".join(out)


@uri.function("decode_query", 1)
def decode_query(query: Term) -> Term:
    need(isinstance(query, bytes))
    given = [part.partition(b"=") for part in query.split(b"&") if part]
    return exact.from_pairs((decode_www_form(key), decode_www_form(value)) for key, _, value in given)


@uri.function("parse", 1)
def parse(text: Term) -> Term:
    if is_struct(plain(text), "URI"):
        return text
    need(isinstance(text, bytes))
    found = _PARTS.match(text)
    scheme, authority, path, query, fragment = found.groups() if found else (None,) * 5
    scheme = None if scheme is None else scheme.lower()
    inside = _AUTHORITY.match(authority) if authority else None
    userinfo, host, port = inside.groups() if inside else (None, authority, None)
    known = _PORTS.get(scheme.decode("latin-1")) if scheme else None
    fields = {
        "scheme": scheme,
        "authority": authority,
        "userinfo": userinfo,
        "host": host.strip(b"[]") if host is not None else None,
        "port": int(port) if port and len(port) < 10 else known,
        "path": path or None,
        "query": query,
        "fragment": fragment,
    }
    return {STRUCT: alias("URI"), **{Atom(name): value for name, value in fields.items()}}


@uri.function("to_string", 1)
def to_string(given: Term) -> Term:
    address = plain(given)
    need(is_struct(address, "URI"))
    scheme, path = field(address, "scheme"), field(address, "path")
    query, fragment = field(address, "query"), field(address, "fragment")
    return b"".join(
        (
            scheme + b":" if scheme else b"",
            _authority(address),
            path or b"",
            b"?" + query if query is not None else b"",
            b"#" + fragment if fragment is not None else b"",
        )
    )


def _authority(address: Term) -> bytes:
    host, port, userinfo = field(address, "host"), field(address, "port"), field(address, "userinfo")
    if host is None:
        known = field(address, "authority")
        return b"//" + known if known is not None else b""
    shown = b"[" + host + b"]" if b":" in host else host
    scheme = field(address, "scheme")
    usual = port is None or (scheme and _PORTS.get(scheme.decode("latin-1")) == port)
    return b"".join((b"//", userinfo + b"@" if userinfo else b"", shown, b"" if usual else b":%d" % port))
