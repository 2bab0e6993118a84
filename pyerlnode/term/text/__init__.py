"""Terms as text, in Erlang's and in Elixir's notation, both ways and without recursion.

`to_elixir` and `to_erlang` write what `inspect/1` and `~tp` write; `parse_elixir` and
`parse_erlang` read literals back.  What was printed reads back as an equal term, except for
what its text does not hold: a closure, a DateTime outside UTC, and pids, ports and references
whose node was printed as a number.

`brief` is for logs: short, and never in the way of anything.

`_render` and `_scan` hold the loops, `_quote` the rules of quoting, `_structs` the forms of
Elixir's own structs.  Proof: tests/term/test_text_*.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.term.text._brief import brief, harmless
from pyerlnode.term.text._elixir_print import to_elixir
from pyerlnode.term.text._erlang_print import to_erlang

if TYPE_CHECKING:
    from pyerlnode.term.text._scan import NumberNode
    from pyerlnode.term.types import Term

__all__ = ["brief", "harmless", "parse_elixir", "parse_erlang", "to_elixir", "to_erlang"]


# A node that starts reads no text: the parsers are imported when they are first used.


def parse_elixir(text: str, *, number_node: NumberNode | None = None) -> Term:
    """The term that `text` is in Elixir's notation.

    Literals only: no variables, calls, operators or interpolation.  Gives what `decode`
    would give: `"abc"` is bytes, `~c"abc"` a list, `true` True, `%Date{}` or `~D[]` a date;
    a map that a dict cannot hold exactly is a Map.  Pids are read in the form that
    `to_elixir` writes; `#PID<0.105.0>` only where `number_node` says which node 0 is.
    Anything else raises TermSyntaxError with the offset.
    """
    from pyerlnode.term.text._elixir_parse import read_elixir

    return read_elixir(text, number_node)


def parse_erlang(text: str, *, number_node: NumberNode | None = None) -> Term:
    """The term that `text` is in Erlang's notation; one full stop may follow it.

    Literals only: no variables, calls or operators.  Gives what `decode` would give: `"abc"`
    is a list of integers, `<<"abc">>` bytes, `true` True; a map that a dict cannot hold
    exactly is a Map.  Pids are read in the form that `to_erlang` writes; `<0.105.0>` only
    where `number_node` says which node 0 is.  Anything else raises TermSyntaxError with
    the offset.
    """
    from pyerlnode.term.text._erlang_parse import read_erlang

    return read_erlang(text, number_node)
