"""`Path`, as far as it is about text alone: nothing here looks at a file system.

Source: path.ex of Elixir 1.18, filename.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_elixir_path.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.services.evaluator.stdlib.arguments import Steps, function_clause, is_list
from pyerlnode.services.evaluator.stdlib.registry import Library, Remote

if TYPE_CHECKING:
    from pyerlnode.term import Term

path = Library("Elixir.Path")

_SLASHES: Final = re.compile(rb"/+")


def _text(data: Term) -> Steps:
    """The bytes of chardata."""
    if not isinstance(data, bytes) and not is_list(data):
        raise function_clause()
    return (yield Remote("Elixir.IO", "chardata_to_string", (data,)))


@path.function("join", 2)
def join(left: Term, right: Term) -> Steps:
    begin = yield from _text(left)
    end = yield from _text(right)
    check_binary(len(begin) + len(end) + 1)
    return _joined(begin, end)


def _joined(left: bytes, right: bytes) -> bytes:
    """One slash in between, and one less at the end than there are."""
    if not left:
        return _without_last_slash(right[1:] if right.startswith(b"/") else right)
    parted = left if left.endswith(b"/") else left + b"/"
    whole = parted + (right[1:] if right.startswith(b"/") else right)
    return _without_last_slash(whole)


def _without_last_slash(text: bytes) -> bytes:
    return text[:-1] if len(text) > 1 and text.endswith(b"/") else text


@path.function("join", 1)
def join_all(paths: Term) -> Steps:
    if not isinstance(paths, list) or not paths:
        raise function_clause()
    *others, last = paths
    joined: Term = last
    for each in reversed(others):
        joined = yield Remote("Elixir.Path", "join", (each, joined))
    return joined


@path.function("split", 1)
def split(data: Term) -> Steps:
    text = yield from _text(data)
    root = [b"/"] if text.startswith(b"/") else []
    return [*root, *(part for part in _SLASHES.split(text) if part)]


@path.function("basename", 1)
def basename(data: Term) -> Steps:
    text = yield from _text(data)
    return text.rstrip(b"/").rpartition(b"/")[2]
