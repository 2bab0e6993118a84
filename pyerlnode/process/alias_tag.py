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
    items = tag if type(tag) is list else tag.elements if type(tag) is ImproperList else []
    if items and type(items[0]) is ImproperList:
        tag = items[0]
    if type(tag) is not ImproperList or len(tag.elements) > 1 or tag.elements[0] is not _ALIAS:
        return None
    return tag.tail if type(tag.tail) is Reference else None
