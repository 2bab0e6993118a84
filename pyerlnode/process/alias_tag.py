"""The alias in the tag of a request: `[alias | Ref]`, or `[[alias | Ref] | Label]` for one among several.

Source: gen.erl of OTP's stdlib (do_call, reply, get_alias).
"""

from __future__ import annotations

from typing import Final

from pyerlnode.term import Atom, ImproperList, Reference, Term

__all__ = ["alias_in", "alias_tag"]

_ALIAS: Final = Atom("alias")
_HEAD: Final = (_ALIAS,)


def alias_tag(ref: Reference) -> ImproperList:
    """The tag of a request that is answered to an alias: `[alias | Ref]`."""
    return ImproperList(_HEAD, ref)


def alias_in(tag: Term) -> Reference | None:
    """The reference that the answer goes to; None where the tag has none."""
    items = tag if type(tag) is list else tag.elements if type(tag) is ImproperList else ()
    if not items:
        return None
    first = items[0]
    if type(first) is ImproperList:
        tag, items = first, first.elements
        first = items[0]
    if first is not _ALIAS or len(items) > 1 or type(tag) is list:
        return None
    ref = tag.tail
    return ref if type(ref) is Reference else None
