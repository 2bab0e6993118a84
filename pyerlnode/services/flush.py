"""Show the mailbox of a process and empty it, as `flush()` of `iex` does.

    flush()             in Python's notation
    flush("elixir")     as a BEAM's shell would show the same messages, also "erlang"

Source: lib/iex/lib/iex/helpers.ex (flush/0).
Proof: tests/services/test_flush.py; interop/test_closure_lesson.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.process import this_process
from pyerlnode.process.portal import forwarded
from pyerlnode.services import io
from pyerlnode.term import Term, to_elixir, to_erlang

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["flush"]

_NOTATIONS: Final[dict[str, Callable[[Term], str]]] = {
    "python": repr,
    "elixir": to_elixir,
    "erlang": to_erlang,
}


@forwarded
def flush(notation: str = "python") -> None:
    """Print the messages in the caller's mailbox, oldest first, a line each, and forget them.

    They go to the group leader as what `print` prints does.  `notation` is `python`, `elixir` or
    `erlang`; ValueError for another, and the mailbox stays as it is.
    """
    show = _NOTATIONS.get(notation)
    if show is None:
        raise ValueError(f"a notation is one of {', '.join(_NOTATIONS)}, not {notation!r}")
    process = this_process()
    while process.mailbox:
        io.write_soon(process, f"{show(process.mailbox.pop())}\n")
