"""The entries of a registry: which process is registered under which key.

    Table                 one registry: what it is, its partitions, its metadata
      Partition           one of its processes: keys, and what each of the processes that it is
                          linked to has registered
        UniqueKeys | DuplicateKeys         the entries by key

Keys are told apart as Erlang's `=:=` does: `1`, `1.0` and `true` are three of them.  The
key of a unique registry says in which partition it is; of a duplicate one it is the
process that does.

Source: registry.ex of Elixir (1.18), Registry and Registry.Partition.
Proof: tests/otp/test_registry.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.otp.argument_error import argument_error, shown
from pyerlnode.process.links import Links, link_or_noproc
from pyerlnode.process.process import NOPROC
from pyerlnode.term import Atom, Pid, Term, exact_bytes, phash2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyerlnode.process import Process, Runtime

__all__ = ["Entry", "Partition", "Table", "argument_error", "keep", "shown", "table"]

_ALREADY_REGISTERED: Final = Atom("already_registered")
_REGISTER, _UNREGISTER = Atom("register"), Atom("unregister")


class Entry:
    """One registration; each is only itself, so that it can be a key of a dict."""

    __slots__ = ("exact", "home", "key", "process", "value")

    def __init__(self, exact: bytes, key: Term, process: Process, value: Term, home: Keys) -> None:
        self.exact, self.key, self.process, self.value, self.home = exact, key, process, value, home

    @property
    def pair(self) -> tuple[Pid, Term]:
        """As it is looked up."""
        return (self.process.pid, self.value)


class UniqueKeys:
    """At most one entry for a key."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[bytes, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def of(self, exact: bytes) -> list[Entry]:
        """The entries of a key."""
        found = self._entries.get(exact)
        return [] if found is None else [found]

    def count(self, exact: bytes) -> int:
        """How many entries a key has."""
        return int(exact in self._entries)

    def add(self, entry: Entry) -> None:
        self._entries[entry.exact] = entry

    def remove(self, entry: Entry) -> None:
        if self._entries.get(entry.exact) is entry:
            del self._entries[entry.exact]


class DuplicateKeys:
    """Any number of entries for a key, in the order of their registration."""

    __slots__ = ("_bags", "_count")

    def __init__(self) -> None:
        # An entry is found in its bag at once, however many others are there.
        self._bags: dict[bytes, dict[Entry, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        return iter([entry for bag in self._bags.values() for entry in bag])

    def of(self, exact: bytes) -> list[Entry]:
        """The entries of a key."""
        return list(self._bags.get(exact, ()))

    def count(self, exact: bytes) -> int:
        """How many entries a key has."""
        return len(self._bags.get(exact, ()))

    def add(self, entry: Entry) -> None:
        self._bags.setdefault(entry.exact, {})[entry] = None
        self._count += 1

    def remove(self, entry: Entry) -> None:
        bag = self._bags.get(entry.exact)
        if bag is None or entry not in bag:
            return
        del bag[entry]
        self._count -= 1
        if not bag:
            del self._bags[entry.exact]


Keys: TypeAlias = UniqueKeys | DuplicateKeys


class Partition:
    """The tables of one partition; `pid` is the process that others are linked to."""

    __slots__ = ("keys", "owned", "pid")

    def __init__(self, pid: Pid, *, unique: bool) -> None:
        self.pid = pid
        self.keys: Keys = UniqueKeys() if unique else DuplicateKeys()
        self.owned: dict[Pid, dict[Entry, None]] = {}

    def ended(self, pid: Pid) -> None:
        """A process has ended: its entries go."""
        for entry in self.owned.pop(pid, ()):
            entry.home.remove(entry)


class Table:
    """One registry, as long as its supervisor lives."""

    __slots__ = ("listeners", "meta", "name", "partitions", "unique")

    def __init__(self, name: Atom, *, unique: bool, partitions: int, listeners: tuple[Atom, ...]) -> None:
        self.name, self.unique, self.listeners = name, unique, listeners
        self.partitions: list[Partition | None] = [None] * partitions
        self.meta: dict[bytes, Term] = {}

    @property
    def kind(self) -> str:
        """As Elixir calls it."""
        return "unique" if self.unique else "duplicate"

    def _at(self, term: Term) -> Partition:
        count = len(self.partitions)
        found = self.partitions[0 if count == 1 else phash2(term, count)]
        if found is None:
            raise argument_error(f"unknown registry: {shown(self.name)}")
        return found

    def _all(self) -> list[Partition]:
        return [partition for partition in self.partitions if partition is not None]

    # --- changing ---------------------------------------------------------------------------

    def register(self, process: Process, key: Term, value: Term) -> Pid:
        """Make an entry; the partition's pid.  Exit `(already_registered, pid)`."""
        exact, own = exact_bytes(key), self._at(process.pid)
        home = self._at(key).keys if self.unique else own.keys
        if self.unique:
            for other in home.of(exact):
                if other.process.alive:
                    raise Exit((_ALREADY_REGISTERED, other.process.pid))
                self._drop(other)
        if not link_or_noproc(process, own.pid):
            raise ErlangError(NOPROC)
        entry = Entry(exact, key, process, value, home)
        home.add(entry)
        own.owned.setdefault(process.pid, {})[entry] = None
        self._tell(process, (_REGISTER, self.name, key, process.pid, value))
        return own.pid

    def unregister(self, process: Process, key: Term, where: Callable[[Entry], bool] | None = None) -> None:
        """Take the entries of a key away that `process` has made (those that `where` accepts)."""
        own = self._at(process.pid)
        mine = self._of_both(process, key, own)
        chosen = mine if where is None else [entry for entry in mine if where(entry)]
        for entry in chosen:
            self._drop(entry)
        if process.alive and process.pid not in own.owned:
            Links.of(process).unlink(own.pid)
        if len(chosen) == len(mine):  # of none, too, as in Elixir
            self._tell(process, (_UNREGISTER, self.name, key, process.pid))

    def _of_both(self, process: Process, key: Term, own: Partition) -> list[Entry]:
        """The entries of a process under a key."""
        exact = exact_bytes(key)
        keys = self._at(key).keys if self.unique else own.keys
        owned = own.owned.get(process.pid, {})
        # Whichever is shorter: a process may have many keys, and a key many processes.
        if keys.count(exact) > len(owned):
            return [entry for entry in owned if entry.exact == exact]
        return [entry for entry in keys.of(exact) if entry.process is process]

    def _drop(self, entry: Entry) -> None:
        entry.home.remove(entry)
        pid = entry.process.pid
        owned = self._at(pid).owned
        mine = owned.get(pid)
        if mine is not None:
            mine.pop(entry, None)
            if not mine:
                del owned[pid]

    def forget_dead(self, key: Term) -> None:
        """Take the entries of a key away whose processes have ended."""
        for entry in self._entries(key):
            if not entry.process.alive:
                self._drop(entry)

    def _tell(self, process: Process, message: Term) -> None:
        for listener in self.listeners:
            process.runtime.send(listener, message, process)

    # --- looking up -------------------------------------------------------------------------

    def _entries(self, key: Term) -> list[Entry]:
        exact = exact_bytes(key)
        if self.unique:
            return self._at(key).keys.of(exact)
        return [entry for partition in self._all() for entry in partition.keys.of(exact)]

    def of_key(self, key: Term) -> list[Entry]:
        """The entries of a key whose processes live."""
        return living(self._entries(key))

    def by_partition(self, key: Term) -> list[list[Entry]]:
        """As `of_key`, those of each partition that has any."""
        if self.unique:
            found = [self.of_key(key)]
        else:
            exact = exact_bytes(key)
            found = [living(partition.keys.of(exact)) for partition in self._all()]
        return [entries for entries in found if entries]

    def of_process(self, pid: Pid) -> list[Entry]:
        """The entries of a process, the oldest first."""
        return living(self._at(pid).owned.get(pid, ()))

    def everything(self) -> list[Entry]:
        """All entries whose processes live."""
        return living(entry for partition in self._all() for entry in partition.keys)

    def __len__(self) -> int:
        return sum(len(partition.keys) for partition in self._all())


def living(entries: Iterable[Entry]) -> list[Entry]:
    """Those whose processes have not ended."""
    return [entry for entry in entries if entry.process.alive]


# --- which registries there are ---------------------------------------------------------------

# By the process that a registry's name belongs to, so that it is gone when that ends.
_tables: WeakKeyDictionary[Process, Table] = WeakKeyDictionary()


def keep(owner: Process, made: Table) -> None:
    """Let `made` be the registry of its supervisor's process."""
    _tables[owner] = made


def table(runtime: Runtime, name: object) -> Table:
    """The registry of this name; Elixir's ArgumentError if there is none."""
    if not isinstance(name, str):
        raise BadArg(f"a registry is known by its name, not by {name!r}")
    owner = runtime.names.get(name)
    found = None if owner is None else _tables.get(owner)
    if found is None:
        raise argument_error(f"unknown registry: {shown(name)}")
    return found
