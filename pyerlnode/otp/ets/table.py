"""Tables in memory that processes own, as ETS has them.

    table = Table.new("sessions", named=True, heir=(keeper, "sessions"))
    table.insert(("kate", 1))
    table.lookup("kate")                          # [("kate", 1)]

A table holds tuples; the first element is the key.  A key is any term, and as in Erlang
`1`, `1.0` and `True` are three of them (in an `ordered_set` 1 and 1.0 are one).  The
rest of a tuple may be any object, and is not copied: who changes it changes it in the
table.

The process that made it is its owner, and the table goes when the owner ends, unless it
has an heir: that one owns it from then on and is told by the message
`{'ETS-TRANSFER', Tab, FromPid, HeirData}`, before anybody learns that the owner has
ended.  `Tab` is the name of a named table, else a reference; `Table.whereis` finds the
table by it.  Tables are local to their node, as on a BEAM.

What ETS answers with `badarg` is the ErlangError BadArg: a table that has gone, an
access that its protection does not allow, an object without a key.

Source: ets(3).
Proof: tests/otp/test_table.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, PyerlnodeError
from pyerlnode.otp.ets.types import TYPES
from pyerlnode.process import this_process
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.term import Atom, Pid, Reference, Term, encode

if TYPE_CHECKING:
    from pyerlnode.process import Process, Runtime

__all__ = ["Table"]

_BADARG, _NONE = Atom("badarg"), Atom("none")
_TRANSFER: Final = Atom("ETS-TRANSFER")
_PROTECTIONS = ("public", "protected", "private")
_NOTHING: Any = object()

_tables: PerRuntime[dict[Atom | Reference, Table]] = PerRuntime()


class Table:
    """One table; made by `Table.new`, found by `Table.whereis`."""

    __slots__ = ("_heir", "_objects", "_owner", "access", "id", "name", "named", "type")

    def __init__(self, owner: Process, name: Atom, type: str, access: str, named: bool) -> None:
        """Only for `new`."""
        self.name = name
        self.named = named
        self.type = type
        self.access = access
        # What other processes know it by.
        self.id: Atom | Reference = name if named else owner.runtime.make_ref()
        self._objects = TYPES[type]()
        self._owner: Process | None = None
        self._heir: tuple[Pid, Term] | None = None
        self._belong_to(owner)

    def __repr__(self) -> str:
        return f"<Table {self.name}>" if self._owner is not None else f"<Table {self.name}, gone>"

    # --- tables -----------------------------------------------------------------------

    @classmethod
    def new(
        cls,
        name: str,
        *,
        type: str = "set",
        access: str = "protected",
        named: bool = False,
        heir: tuple[Pid, Term] | None = None,
    ) -> Table:
        """A table of the calling process.

        `type` is `set`, `ordered_set` or `bag`; `access` `public` (everybody reads and
        writes), `protected` (only the owner writes) or `private` (only the owner reads).
        `heir` is a process of this node and what it is to be told.
        """
        if type not in TYPES:
            raise _badarg(f"a table's type is one of {', '.join(TYPES)}, not {type!r}")
        if access not in _PROTECTIONS:
            raise _badarg(f"a table's access is one of {', '.join(_PROTECTIONS)}, not {access!r}")
        owner = this_process()
        owner.check_alive()
        tables = _tables.setdefault(owner.runtime, {})
        if named and name in tables:
            raise _badarg(f"there is a table {name} already")
        checked = None if heir is None else _checked_heir(owner.runtime, *heir)
        table = cls(owner, Atom(name), type, access, named)
        table._heir = checked
        tables[table.id] = table
        return table

    @classmethod
    def whereis(cls, tab: str | Reference) -> Table | None:
        """The table of a name, or of the reference in an `ETS-TRANSFER`; None if there is none."""
        key = tab if isinstance(tab, Reference) else Atom(tab)
        return _tables.get(this_process().runtime, {}).get(key)

    @classmethod
    def all(cls) -> list[Table]:
        """The tables of this node."""
        return list(_tables.get(this_process().runtime, {}).values())

    def drop(self) -> bool:
        """Let the table go, with all that is in it (`ets:delete/1`); the heir is not told."""
        self._writable()
        self._vanish()
        return True

    def info(self) -> dict[str, Any] | None:
        """Facts about the table, whoever asks; None if it has gone."""
        if self._owner is None:
            return None
        return {
            "id": self.id,
            "name": self.name,
            "named_table": self.named,
            "type": Atom(self.type),
            "protection": Atom(self.access),
            "size": len(self._objects),
            "owner": self._owner.pid,
            "heir": _NONE if self._heir is None else self._heir[0],
        }

    # --- objects ----------------------------------------------------------------------

    def insert(self, objects: tuple[Any, ...] | list[tuple[Any, ...]]) -> bool:
        """Put one object, or a list of them, all or none; True.  One of the same key is replaced."""
        self._writable()
        for key, item in self._keyed(objects):
            self._objects.put(key, item)
        return True

    def insert_new(self, objects: tuple[Any, ...] | list[tuple[Any, ...]]) -> bool:
        """As `insert`, but only if none of the keys is there; whether it was done."""
        self._writable()
        keyed = self._keyed(objects)
        if any(self._objects.get(key, item[0]) for key, item in keyed):
            return False
        for key, item in keyed:
            self._objects.put(key, item)
        return True

    def lookup(self, key: Term) -> list[tuple[Any, ...]]:
        """The objects with this key: one at most, but in a `bag`."""
        self._readable()
        return self._objects.get(_exact(key), key)

    def lookup_element(self, key: Term, position: int = 2, default: Any = _NOTHING) -> Any:
        """An element of the object with this key, counted from 1; in a `bag` the list of them."""
        found = self.lookup(key)
        if not found and default is not _NOTHING:
            return default
        if type(position) is not int or not found or not all(1 <= position <= len(item) for item in found):
            raise _badarg(f"{self.name}: no object with this key has an element {position}")
        elements = [item[position - 1] for item in found]
        return elements if self.type == "bag" else elements[0]

    def member(self, key: Term) -> bool:
        """Whether there is an object with this key."""
        return bool(self.lookup(key))

    def tab2list(self) -> list[tuple[Any, ...]]:
        """All objects; those of an `ordered_set` in the order of their keys."""
        self._readable()
        return self._objects.all()

    def delete(self, key: Term) -> bool:
        """Take the objects with this key out; True, also if there was none."""
        self._writable()
        self._objects.remove(_exact(key), key)
        return True

    def take(self, key: Term) -> list[tuple[Any, ...]]:
        """As `delete`; the objects that were taken out."""
        self._writable()
        found = self._objects.get(_exact(key), key)
        self._objects.remove(_exact(key), key)
        return found

    def delete_all_objects(self) -> bool:
        """Empty the table; True."""
        self._writable()
        self._objects = TYPES[self.type]()
        return True

    def update_counter(
        self, key: Term, increment: int = 1, *, position: int = 2, default: tuple[Any, ...] | None = None
    ) -> int:
        """Add to the integer at `position` (counted from 1); the sum.

        Where there is no such object, `default` with this key is taken for it.
        """
        item = self._one(key, default)
        if item is None or not _is_counter(item, position) or type(increment) is not int:
            raise _badarg(f"{self.name}: no object with this key has an integer at {position}")
        result: int = item[position - 1] + increment
        self._put_element(key, item, position, result)
        return result

    def update_element(self, key: Term, position: int, value: Any) -> bool:
        """Replace the element at `position`, 2 or more (1 is the key); False if there is no such object."""
        item = self._one(key, None)
        if type(position) is not int or position < 2 or (item is not None and position > len(item)):
            raise _badarg(f"{self.name}: the element {position} cannot be replaced")
        if item is None:
            return False
        self._put_element(key, item, position, value)
        return True

    def _keyed(self, objects: tuple[Any, ...] | list[tuple[Any, ...]]) -> list[tuple[bytes, tuple[Any, ...]]]:
        """The objects with their keys' exact bytes: all are checked before one is put."""
        keyed = []
        for item in objects if isinstance(objects, list) else [objects]:
            if not isinstance(item, tuple) or not item:
                raise _badarg(f"an object is a tuple with a key, not {item!r}")
            if self.type == "bag":
                _exact(item)  # it tells equal objects by that
            keyed.append((_exact(item[0]), item))
        return keyed

    def _one(self, key: Term, default: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        self._writable()
        if self.type == "bag":
            raise _badarg(f"{self.name}: an object of a bag is not updated")
        found = self._objects.get(_exact(key), key)
        if found:
            return found[0]
        return None if default is None else (key, *default[1:])

    def _put_element(self, key: Term, item: tuple[Any, ...], position: int, value: Any) -> None:
        self._objects.put(_exact(key), (*item[: position - 1], value, *item[position:]))

    # --- who has it -------------------------------------------------------------------

    def give_away(self, to: Pid, data: Term) -> bool:
        """Let another process of this node own it: it gets `{'ETS-TRANSFER', Tab, FromPid, data}`; True."""
        owner = self._owned()
        receiver = owner.runtime.process(to) if isinstance(to, Pid) else None
        if receiver is None or receiver is owner:
            raise _badarg(f"{self.name} is given to another living process of this node, not to {to!r}")
        owner.forget_at_end(self._owner_ended)
        self._transfer(owner, receiver, data)
        return True

    def set_heir(self, heir: Pid | None, data: Term = None) -> bool:
        """Who is to own the table when its owner ends (None: nobody, it goes); True."""
        owner = self._owned()
        self._heir = None if heir is None else _checked_heir(owner.runtime, heir, data)
        return True

    def _transfer(self, owner: Process, receiver: Process, data: Term) -> None:
        self._belong_to(receiver)
        receiver.deliver((_TRANSFER, self.id, owner.pid, data))

    def _belong_to(self, process: Process) -> None:
        process.call_at_end(self._owner_ended)
        self._owner = process

    def _owner_ended(self, owner: Process) -> None:
        heir = None if self._heir is None else owner.runtime.process(self._heir[0])
        if heir is None or self._heir is None or owner.runtime.stopping:
            self._vanish()
        else:
            self._transfer(owner, heir, self._heir[1])

    def _vanish(self) -> None:
        if self._owner is not None:
            self._owner.forget_at_end(self._owner_ended)
            _tables.get(self._owner.runtime, {}).pop(self.id, None)
        self._owner = None
        self._objects = TYPES[self.type]()

    def _there(self) -> Process:
        if self._owner is None:
            raise _badarg(f"there is no table {self.name} any more")
        return self._owner

    def _owned(self) -> Process:
        owner = self._there()
        if owner is not this_process():
            raise _badarg(f"{self.name} is a table of {owner.pid}, who alone can do this")
        return owner

    def _readable(self) -> None:
        if self._there() is not this_process() and self.access == "private":
            raise _badarg(f"{self.name} is a private table of another process")

    def _writable(self) -> None:
        if self._there() is not this_process() and self.access != "public":
            raise _badarg(f"{self.name} is a {self.access} table of another process, who alone writes to it")


def _badarg(message: str) -> BadArg:
    return BadArg(message, _BADARG)


def _checked_heir(runtime: Runtime, heir: Pid, data: Term) -> tuple[Pid, Term]:
    if not isinstance(heir, Pid) or not runtime.is_local(heir):
        raise _badarg(f"the heir of a table is a process of its node, not {heir!r}")
    return heir, data


def _exact(term: Term) -> bytes:
    """Equal terms, and only those, have equal bytes."""
    try:
        return encode(term)
    except PyerlnodeError as error:
        raise _badarg(f"a key, and an object of a bag, is a term: {error}") from None


def _is_counter(item: tuple[Any, ...], position: int) -> bool:
    return 2 <= position <= len(item) and type(item[position - 1]) is int
