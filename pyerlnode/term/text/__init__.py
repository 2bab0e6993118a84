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

from pyerlnode.term.text._brief import brief, harmless
from pyerlnode.term.text._elixir_parse import parse_elixir
from pyerlnode.term.text._elixir_print import to_elixir
from pyerlnode.term.text._erlang_parse import parse_erlang
from pyerlnode.term.text._erlang_print import to_erlang

__all__ = ["brief", "harmless", "parse_elixir", "parse_erlang", "to_elixir", "to_erlang"]
