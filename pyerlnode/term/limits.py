"""How large a term may be before decoding refuses it.

A refusal is a TermLimitError whose `limit` is the name of the field below.  The
defaults let everything through that a BEAM sends in earnest; they keep a peer from
filling the memory or the atom table with a few bytes.

Proof: tests/term/test_limits.py.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "MAX_INTEGER_BYTES", "Limits"]

# 65,535 machine words: OTP 27 refuses larger integers, and closes the connection
# that one came in.
MAX_INTEGER_BYTES = 65_535 * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one term may need at most.

    depth           levels of lists, tuples, maps and funs inside each other
    elements        list and tuple elements, map keys and values and values of funs, all together
    new_atoms       atoms that were not known before; `Atom.TABLE_LIMIT` holds for all terms together
    integer_bytes   bytes of one integer
    inflated_bytes  bytes of a compressed term when uncompressed
    """

    depth: int = 200_000
    elements: int = 50_000_000
    new_atoms: int = 100_000
    integer_bytes: int = MAX_INTEGER_BYTES
    inflated_bytes: int = 256 * 1024 * 1024


DEFAULT_LIMITS = Limits()
