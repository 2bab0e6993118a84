"""Terms for a log: short, on one line, and harmless on a terminal, whatever they hold.

What other nodes send may be of any size and depth, hold escape sequences, or read like a line of
the log itself; what processes of this node end with may hold any Python object.

Proof: tests/term/test_text_brief.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import TermEncodeError
from pyerlnode.term.text._elixir_print import ElixirPrinter
from pyerlnode.term.text._render import render

if TYPE_CHECKING:
    from pyerlnode.term.text._render import Shown
    from pyerlnode.term.types import Term

__all__ = ["brief", "harmless"]

# Control characters, what turns or hides the text behind it, and what has no UTF-8 form.
_HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def brief(term: Any, limit: int = 2000) -> str:
    """`term` in Elixir's notation on one line, cut to `limit` characters; raises nothing.

    A Python object that is no term is shown by its `repr`, and text that is no UTF-8 by escapes.
    Time and memory do not grow with the term.
    """
    try:
        return harmless(render(term, _Brief(None, limit).show, limit))
    except Exception as error:  # of a `repr`, say: who logs must be able to go on
        return f"#{type(term).__name__}<cannot be shown: {type(error).__name__}>"


def harmless(text: str) -> str:
    """`text` with its control characters as escapes, and every line but the first one indented."""
    return _HARMFUL.sub(_escape, text).replace("\n", "\n    ")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class _Brief(ElixirPrinter):
    """As ElixirPrinter, for terms with anything inside."""

    def _resolve(self, term: Term) -> Shown:
        try:
            return super()._resolve(term)
        except TermEncodeError:
            return repr(term)

    def _text(self, value: str) -> str:
        return self.binary(value.encode("utf-8", "backslashreplace"))

    def float(self, term: float) -> str:
        return super().float(term) if term - term == 0 else repr(term)
