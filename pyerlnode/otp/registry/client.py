"""Registry: processes of this node by keys that are any terms.

    await Registry.start_link(keys="unique", name="Elixir.Phones")
    await Counter.start_link(0, name=Registry.via("Elixir.Phones", "kate"))
    await GenServer.call(Registry.via("Elixir.Phones", "kate"), Atom("get"))

    await Registry.start_link(keys="duplicate", name="Elixir.Rooms")
    Registry.register("Elixir.Rooms", "lobby", nick)          the caller, under a key that others may have
    Registry.dispatch("Elixir.Rooms", "lobby", lambda entries: [send(pid, "hi") for pid, nick in entries])

A process that ends is not found any more.  Looking up and registering do not wait, so
they can stand in `def` callbacks.  A registry is of one node: another one asks by `rpc`.

Source: Registry of Elixir (1.18).
Proof: tests/otp/test_registry.py, interop/test_registry.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from pyerlnode.errors import BadArg, ErlangError, UsageError
from pyerlnode.otp import via
from pyerlnode.otp.gen_server import started
from pyerlnode.otp.registry.match_spec import NO_MATCH, MatchSpec
from pyerlnode.otp.registry.server import start_registry
from pyerlnode.otp.registry.table import Entry, Table, argument_error, shown, table
from pyerlnode.otp.supervisor.child_spec import ChildSpec
from pyerlnode.process import Runtime, this_process
from pyerlnode.term import Atom, Export, Pid, Term, exact_bytes, to_elixir

if TYPE_CHECKING:
    from pyerlnode.otp.proc_lib import StartResult

__all__ = ["Registry", "RegistryNames", "registry_options", "start_registry_of"]

MODULE: Final = Atom("Elixir.Registry")
_VIA, _ANY = Atom("via"), Atom("_")
_FUNCTION_CLAUSE = Atom("function_clause")
_OPTIONS: Final = ("keys", "name", "partitions", "listeners", "meta")

# A pattern as in ETS, or a function of the value.
Pattern: TypeAlias = Term | Callable[[Any], object]


class Registry:
    """All of it is in functions of the class; a registry is known by its name.

    `registry` is that name in all of them.  Where there is none: BadArg with Elixir's
    ArgumentError, `unknown registry: Name`.
    """

    __slots__ = ()

    __module_name__: ClassVar[str] = "Elixir.Registry"
    __child_type__: ClassVar[str] = "supervisor"

    # --- starting ---------------------------------------------------------------------------

    @classmethod
    async def start_link(cls, *, keys: str, name: str, **options: Any) -> Pid:
        """Start a registry, linked to the caller; its pid.

        `keys` is `unique` or `duplicate`.  Options: `partitions` (1), `listeners` (names of
        processes that are told of each registration: `(register, registry, key, pid, value)`,
        `(unregister, registry, key, pid)`), `meta` (a dict).  Exit `(already_started, pid)`.
        """
        pid: Pid = started(await start_registry_of({"keys": keys, "name": name, **options}))
        return pid

    @classmethod
    def child(cls, *, keys: str, name: str, **options: Any) -> ChildSpec:
        """The specification of a registry under a supervisor; takes what `start_link` takes."""
        options = {"keys": keys, "name": name, **options}
        registry_options(options)  # what is wrong is told here, and not when it is started
        return ChildSpec(name, (cls.start_link, [], options), type="supervisor")

    @staticmethod
    def via(registry: str, key: Term, *value: Term) -> tuple[Atom, Atom, tuple[Term, ...]]:
        """The name of the process under `key`, for everything that takes a name.

        A process that is started by it is registered with `value`.  Only of a unique registry.
        """
        return (_VIA, MODULE, (Atom(registry), key, *value))

    # --- the calling process ----------------------------------------------------------------

    @staticmethod
    def register(registry: str, key: Term, value: Term = None) -> Pid:
        """Register the caller under `key`; the pid of the registry's process that it is linked to now.

        Exit `(already_registered, pid)` where keys are unique and another process, or the
        caller itself, has this one.
        """
        process = this_process()
        process.check_alive()
        return table(process.runtime, registry).register(process, key, value)

    @staticmethod
    def unregister(registry: str, key: Term) -> Atom:
        """Take all entries of the caller under `key` away; `ok`, also if there are none."""
        process = this_process()
        table(process.runtime, registry).unregister(process, key)
        return Atom("ok")

    @staticmethod
    def unregister_match(registry: str, key: Term, pattern: Pattern, guards: Sequence[Term] = ()) -> Atom:
        """Take those entries of the caller under `key` away whose value matches, as in `match`; `ok`."""
        process = this_process()
        accepts = _matcher(pattern, guards)
        table(process.runtime, registry).unregister(process, key, accepts)
        return Atom("ok")

    @staticmethod
    def update_value(registry: str, key: Term, function: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Set the caller's value under `key` to what `function` gives for it: `(new, old)`.

        None if the caller has no such key.  Only where keys are unique.
        """
        if not callable(function):
            raise BadArg(f"a function of the value is wanted, not {function!r}")
        process = this_process()
        found = _unique(process.runtime, registry, "Registry.update_value/3").of_key(key)
        if not found or found[0].process is not process:
            return None
        old = found[0].value
        found[0].value = new = function(old)
        return (new, old)

    # --- looking up -------------------------------------------------------------------------

    @staticmethod
    def lookup(registry: str, key: Term) -> list[tuple[Pid, Any]]:
        """`(pid, value)` of each process that is registered under `key`."""
        return [entry.pair for entry in _table(registry).of_key(key)]

    @staticmethod
    def whereis(registry: str, key: Term) -> Pid | None:
        """The process under a key, where keys are unique."""
        return RegistryNames(this_process().runtime).whereis_name((registry, key))

    @staticmethod
    def keys(registry: str, pid: Pid) -> list[Term]:
        """The keys of a process, as often as it is registered under them, in no particular order."""
        return [entry.key for entry in reversed(_table(registry).of_process(_pid(pid)))]

    @staticmethod
    def values(registry: str, key: Term, pid: Pid) -> list[Any]:
        """The values of a process under a key."""
        pid = _pid(pid)
        return [entry.value for entry in _table(registry).of_key(key) if entry.process.pid == pid]

    @staticmethod
    def count(registry: str) -> int:
        """The number of registrations."""
        return len(_table(registry))

    @staticmethod
    def match(
        registry: str, key: Term, pattern: Pattern, guards: Sequence[Term] = ()
    ) -> list[tuple[Pid, Any]]:
        """As `lookup`, where the value matches.

        `pattern` is a function of the value, or a term as in ETS: `Atom("_")` matches
        anything, `Atom("$1")` too, and can be asked about in `guards`:
        `match(registry, key, (Atom("$1"), "x"), [(Atom(">"), Atom("$1"), 10)])`.
        """
        accepts = _matcher(pattern, guards)
        return [entry.pair for entry in _table(registry).of_key(key) if accepts(entry)]

    @staticmethod
    def count_match(registry: str, key: Term, pattern: Pattern, guards: Sequence[Term] = ()) -> int:
        """How many `match` gives."""
        return len(Registry.match(registry, key, pattern, guards))

    @staticmethod
    def select(registry: str, spec: list[Term] | Callable[[Any, Pid, Any], object]) -> list[Any]:
        """What a match specification, `[((key, pid, value), guards, [result]), ...]`, gives for all entries.

        With a function of key, pid and value: these three, where it is true.
        """
        run = _selector(spec, "select")
        results = [run(entry) for entry in _table(registry).everything()]
        return [result for result in results if result is not NO_MATCH]

    @staticmethod
    def count_select(registry: str, spec: list[Term] | Callable[[Any, Pid, Any], object]) -> int:
        """For how many entries the result of a match specification is True (a function: is true)."""
        run = _selector(spec, "count_select")
        results = [run(entry) for entry in _table(registry).everything()]
        if callable(spec):
            return sum(result is not NO_MATCH for result in results)
        return sum(result is True for result in results)

    @staticmethod
    def dispatch(
        registry: str,
        key: Term,
        function: Callable[[list[tuple[Pid, Any]]], object] | tuple[str, str, list[Term]],
        *,
        parallel: bool = False,
    ) -> Atom:
        """Call `function` with the entries of a key, once for each partition that has any; `ok`.

        It is a `def`, or `(module, function, args)` of an exported one, which is given the
        entries first.  `parallel` is what Elixir's has; in Python the calls come one after
        the other all the same.
        """
        process = this_process()
        for entries in table(process.runtime, registry).by_partition(key):
            result = _dispatched(process.runtime, function, [entry.pair for entry in entries])
            if inspect.iscoroutine(result):
                result.close()
                raise UsageError("Registry.dispatch calls a def, which does not wait, not an async def")
        return Atom("ok")

    # --- metadata ---------------------------------------------------------------------------

    @staticmethod
    def meta(registry: str, key: Term, default: Any = None) -> Any:
        """What `put_meta`, or the start, has stored under `key`."""
        return _table(registry).meta.get(_meta_key(key), default)

    @staticmethod
    def put_meta(registry: str, key: Term, value: Any) -> Atom:
        """Store `value` under an atom (or a str that stands for it) or a tuple; `ok`."""
        _table(registry).meta[_meta_key(key)] = value
        return Atom("ok")

    @staticmethod
    def delete_meta(registry: str, key: Term) -> Atom:
        """Forget what is stored under `key`; `ok`."""
        _table(registry).meta.pop(_meta_key(key), None)
        return Atom("ok")


# --- starting -------------------------------------------------------------------------------


def registry_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `start_registry` takes; Elixir's ArgumentError for options that do not fit."""
    unknown = [key for key in options if key not in (*_OPTIONS, "compressed")]
    if unknown:
        raise BadArg(f"a Registry takes {', '.join(_OPTIONS)}, not {unknown[0]!r}")
    keys, name = options.get("keys"), options.get("name")
    partitions = options.get("partitions", 1)
    listeners, meta = options.get("listeners", ()), options.get("meta") or {}
    if not isinstance(meta, (Mapping, list)):
        raise BadArg(f"meta: a dict is wanted, not {meta!r}")
    _expect("keys", "to be given and be one of :unique or :duplicate", keys, keys in ("unique", "duplicate"))
    if "name" not in options:
        raise argument_error("expected :name option to be present")
    _expect("name", "to be an atom", name, isinstance(name, str))
    _expect("partitions", "to be a positive integer", partitions, type(partitions) is int and partitions > 0)
    named = isinstance(listeners, (list, tuple)) and all(isinstance(each, str) for each in listeners)
    _expect("listeners", "to be a list of named processes", listeners, named)
    return {
        "name": Atom(name),  # type: ignore[arg-type]  # a str, as was just seen
        "unique": keys == "unique",
        "partitions": partitions,
        "listeners": tuple(Atom(each) for each in listeners),
        "meta": {_meta_term(key): value for key, value in dict(meta).items()},
    }


def _expect(option: str, what: str, value: Any, right: bool) -> None:
    if not right:
        got = to_elixir(Atom(value) if type(value) is str else value)
        raise argument_error(f"expected :{option} {what}, got: {got}")


async def start_registry_of(options: Mapping[str, Any], *, link: bool = True) -> StartResult:
    """Start a registry with these options: `("ok", pid)` or `("error", reason)`."""
    return await start_registry(**registry_options(options), link=link)


def _meta_term(key: Term) -> Term:
    key = Atom(key) if type(key) is str else key
    if type(key) not in (Atom, tuple):
        raise BadArg(f"metadata has a name or a tuple as its key, not {key!r}")
    return key


def _meta_key(key: Term) -> bytes:
    return exact_bytes(_meta_term(key))


# --- looking up -----------------------------------------------------------------------------


def _pid(pid: Pid) -> Pid:
    if not isinstance(pid, Pid):
        raise BadArg(f"a pid is wanted, not {pid!r}")
    return pid


def _table(registry: str) -> Table:
    return table(this_process().runtime, registry)


def _unique(runtime: Runtime, registry: Term, what: str) -> Table:
    found = table(runtime, registry)
    if not found.unique:
        raise argument_error(f"{what} is not supported for {found.kind} registries")
    return found


def _matcher(pattern: Pattern, guards: Sequence[Term]) -> Callable[[Entry], bool]:
    if callable(pattern):
        return lambda entry: bool(pattern(entry.value))
    if not isinstance(guards, (list, tuple)) or _is_guard(guards):
        raise BadArg(f"a list of guards is wanted, not {guards!r}")
    spec = MatchSpec((_ANY, (_ANY, pattern)), list(guards), [True])
    return lambda entry: spec.run((entry.key, entry.pair)) is not NO_MATCH


def _is_guard(guards: Sequence[Term]) -> bool:
    """Whether it is one guard, where a list of them should be."""
    return isinstance(guards, tuple) and len(guards) > 1 and isinstance(guards[0], str)


def _selector(spec: Any, function: str) -> Callable[[Entry], Any]:
    if callable(spec):
        return lambda entry: (entry.key, *entry.pair) if spec(entry.key, *entry.pair) else NO_MATCH
    if not isinstance(spec, list):
        raise argument_error(f"invalid match specification in Registry.{function}/2: {shown(spec)}")
    clauses = [_clause(part, spec, function) for part in spec]

    def run(entry: Entry) -> Any:
        subject = (entry.key, entry.pair)
        results = (clause.run(subject) for clause in clauses)
        return next((result for result in results if result is not NO_MATCH), NO_MATCH)

    return run


def _clause(part: Any, spec: Any, function: str) -> MatchSpec:
    match part:
        case ((key, pid, value), guards, results):
            return MatchSpec((key, (pid, value)), guards, results)
    raise argument_error(f"invalid match specification in Registry.{function}/2: {to_elixir(spec)}")


def _dispatched(runtime: Runtime, function: Any, entries: list[tuple[Pid, Any]]) -> Any:
    if callable(function):
        return function(entries)
    match function:
        case (str(module), str(name), [*args]):
            return runtime.apply_hook(Export(module, name, len(args) + 1), [entries, *args])
    raise BadArg(f"dispatch wants a function or (module, function, args), not {function!r}")


# --- names ----------------------------------------------------------------------------------


class RegistryNames:
    """What resolves `("via", "Elixir.Registry", (registry, key))`: a `NameRegistry`."""

    __slots__ = ("_runtime",)

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def whereis_name(self, name: Term) -> Pid | None:
        """Who is registered under the key."""
        registry, key, _ = _via_name("whereis_name", name)
        found = _unique(self._runtime, registry, ":via").of_key(key)
        return found[0].process.pid if found else None

    def send(self, name: Term, message: Term) -> Pid:
        """Send to who is registered under the key; its pid.  BadArg if nobody is."""
        pid = self.whereis_name(name)
        if pid is None:
            raise BadArg(f"nobody is registered as {name!r}")
        self._runtime.send(pid, message, this_process())
        return pid

    def register_name(self, name: Term, pid: Pid) -> bool:
        """Whether a process of this node is registered under the key now."""
        registry, key, value = _via_name("register_name", name)
        made, process = _unique(self._runtime, registry, ":via"), self._runtime.process(pid)
        if process is None or made.of_key(key):
            return False
        made.register(process, key, value)
        return True

    def unregister_name(self, name: Term) -> None:
        """Take the caller's entry away, or that of a process which has ended."""
        registry, key, _ = _via_name("unregister_name", name)
        made, process = table(self._runtime, registry), this_process()
        made.forget_dead(key)
        if any(entry.process is process for entry in made.of_key(key)):
            made.unregister(process, key)


def _via_name(function: str, name: Term) -> tuple[Term, Term, Term]:
    if isinstance(name, tuple) and len(name) in (2, 3):
        return (name[0], name[1], name[2] if len(name) == 3 else None)
    raise ErlangError(_FUNCTION_CLAUSE, [(MODULE, Atom(function), [name], [])])


via.provide(MODULE, RegistryNames)
