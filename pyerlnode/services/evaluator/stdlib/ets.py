"""`ets`: tables of the node, as `pyerlnode.otp.ets.table` keeps them; no matching, no iteration by keys.

A table that a program made by `Table.new` is found by its name here, and the other way round.
Closures may have `TABLES` of them in all.

Source: module `ets` of the STDLIB reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang_processes.py.
"""

from __future__ import annotations

from typing import Any, Final

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.otp.ets.table import Table
from pyerlnode.services.evaluator.limits import SYSTEM_LIMIT, check_length
from pyerlnode.services.evaluator.stdlib.arguments import (
    UNDEFINED,
    Steps,
    a_function,
    badarg,
    is_atom,
    is_integer,
    listed,
)
from pyerlnode.services.evaluator.stdlib.registry import Call, Library
from pyerlnode.term import Atom, Pid, Reference, Term

ets = Library("ets", group="process")

TABLES: Final = 1_000
_TYPES: Final = ("set", "ordered_set", "bag")
_ACCESS: Final = ("public", "protected", "private")
_TUNING: Final = ("write_concurrency", "read_concurrency", "decentralized_counters")
_NAMED, _KEYPOS, _HEIR, _NONE = Atom("named_table"), Atom("keypos"), Atom("heir"), Atom("none")
_COMPRESSED: Final = Atom("compressed")


def _table(tab: Term) -> Table:
    """The table of a name or a reference; `badarg` where there is none."""
    found = Table.whereis(tab) if isinstance(tab, (Atom, Reference)) else None
    if found is None:
        raise badarg()
    return found


def _done(function: Any, *args: Any, **options: Any) -> Term:
    try:
        return function(*args, **options)
    except BadArg:
        raise badarg() from None


# --- tables -----------------------------------------------------------------------------------


@ets.function("new", 2)
def new(name: Term, options: Term) -> Term:
    if not is_atom(name):
        raise badarg()
    wanted: dict[str, Any] = {}
    for option in listed(options):
        wanted.update(_option(option))
    if len(Table.all()) >= TABLES:
        raise ErlangError(SYSTEM_LIMIT)
    table: Table = _done(Table.new, str(name), **wanted)
    return table.id


def _option(option: Term) -> dict[str, Any]:
    match option:
        case Atom() if option in _TYPES:
            return {"type": str(option)}
        case Atom() if option in _ACCESS:
            return {"access": str(option)}
        case Atom() if option is _NAMED:
            return {"named": True}
        case (Atom() as name, 1) if name is _KEYPOS:
            return {}
        case (Atom() as name, Atom() as nobody) if name is _HEIR and nobody is _NONE:
            return {}
        case (Atom() as name, Pid() as heir, data) if name is _HEIR:
            return {"heir": (heir, data)}
        case (Atom() as name, _) if name in _TUNING:
            return {}
        case Atom() if option is _COMPRESSED:
            return {}
    raise badarg()


@ets.function("delete", 1)
def drop(tab: Term) -> Term:
    return _done(_table(tab).drop)


@ets.function("whereis", 1)
def whereis(name: Term) -> Term:
    found = Table.whereis(name) if isinstance(name, Atom) else None
    return UNDEFINED if found is None else found.id


@ets.function("all", 0)
def all_() -> Term:
    return [table.id for table in Table.all()]


@ets.function("info", 1)
def info(tab: Term) -> Term:
    found = Table.whereis(tab) if isinstance(tab, (Atom, Reference)) else None
    facts = None if found is None else found.info()
    return UNDEFINED if facts is None else [(Atom(name), value) for name, value in facts.items()]


@ets.function("info", 2)
def info_of(tab: Term, item: Term) -> Term:
    facts = info(tab)
    if facts is UNDEFINED:
        return facts
    found = [value for name, value in facts if name is item]
    if not found:
        raise badarg()
    return found[0]


@ets.function("give_away", 3)
def give_away(tab: Term, to: Term, data: Term) -> Term:
    return _done(_table(tab).give_away, to, data)


# --- objects ----------------------------------------------------------------------------------


def _put(tab: Term, objects: Term, name: str) -> Term:
    table = _table(tab)
    facts = table.info() or {}
    check_length(facts.get("size", 0) + (len(objects) if isinstance(objects, list) else 1))
    return _done(getattr(table, name), objects)


@ets.function("insert", 2)
def insert(tab: Term, objects: Term) -> Term:
    return _put(tab, objects, "insert")


@ets.function("insert_new", 2)
def insert_new(tab: Term, objects: Term) -> Term:
    return _put(tab, objects, "insert_new")


@ets.function("lookup", 2)
def lookup(tab: Term, key: Term) -> Term:
    return _done(_table(tab).lookup, key)


@ets.function("lookup_element", 3)
def lookup_element(tab: Term, key: Term, position: Term) -> Term:
    if not is_integer(position, 1):
        raise badarg()
    return _done(_table(tab).lookup_element, key, position)


@ets.function("lookup_element", 4)
def lookup_element_or(tab: Term, key: Term, position: Term, default: Term) -> Term:
    if not is_integer(position, 1):
        raise badarg()
    return _done(_table(tab).lookup_element, key, position, default)


@ets.function("member", 2)
def member(tab: Term, key: Term) -> Term:
    return _done(_table(tab).member, key)


@ets.function("tab2list", 1)
def tab2list(tab: Term) -> Term:
    return list(_done(_table(tab).tab2list))


@ets.function("delete", 2)
def delete(tab: Term, key: Term) -> Term:
    return _done(_table(tab).delete, key)


@ets.function("take", 2)
def take(tab: Term, key: Term) -> Term:
    return _done(_table(tab).take, key)


@ets.function("delete_all_objects", 1)
def delete_all_objects(tab: Term) -> Term:
    return _done(_table(tab).delete_all_objects)


@ets.function("update_counter", 3)
def update_counter(tab: Term, key: Term, change: Term) -> Term:
    return _counted(tab, key, change, None)


@ets.function("update_counter", 4)
def update_counter_or(tab: Term, key: Term, change: Term, default: Term) -> Term:
    if type(default) is not tuple or not default:
        raise badarg()
    return _counted(tab, key, change, default)


def _counted(tab: Term, key: Term, change: Term, default: tuple[Any, ...] | None) -> Term:
    position, increment = change if type(change) is tuple and len(change) == 2 else (2, change)
    if not is_integer(position, 1) or not is_integer(increment):
        raise badarg()
    return _done(_table(tab).update_counter, key, increment, position=position, default=default)


@ets.function("update_element", 3)
def update_element(tab: Term, key: Term, changes: Term) -> Term:
    given = changes if isinstance(changes, list) else [changes]
    if any(type(each) is not tuple or len(each) != 2 or not is_integer(each[0], 2) for each in given):
        raise badarg()
    return all([_done(_table(tab).update_element, key, position, value) for position, value in given])


@ets.function("foldl", 3)
def foldl(fun: Term, state: Term, tab: Term) -> Steps:
    a_function(fun, 2)
    for item in tab2list(tab):
        state = yield Call(fun, (item, state))
    return state
