"""Child specifications: what a supervisor starts, in every form that can be written.

    Counter                                     Counter.start_link()
    (Counter, 0)                                Counter.start_link(0)
    (Counter, 0, {"name": "Elixir.Counter"})    with options of the start and of the specification
    {"id": "x", "start": (Counter, "start_link", [0]), "restart": "transient"}
    ChildSpec("x", ("Elixir.Counter", "start_link", [0]))    exported under that name, as from Elixir

A class, or any other object, with a method `child_spec` says itself how it is started:
`child_spec(arg)`, or `child_spec()` where it stands alone.

In Python a shutdown time is in seconds.  Those that come as terms, from other nodes or as
OTP's tuple of six, have milliseconds.

Source: supervisor(3), child_spec(); supervisor.erl, check_childspecs; Elixir's Supervisor.
Proof: tests/otp/test_supervisor_child_specs.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyerlnode.errors import BadArg, TermEncodeError
from pyerlnode.otp.supervisor.child import (
    BRUTAL_KILL,
    DYNAMIC,
    INFINITY,
    KEYS,
    NEVER,
    RESTARTS,
    SUPERVISOR,
    TYPES,
    WORKER_SHUTDOWN,
    Child,
    Start,
    module_of,
)
from pyerlnode.term import Atom, Term, encode

__all__ = ["ChildSpec", "as_child", "child_spec"]

_START_OPTIONS: Final = ("name", "timeout", "debug", "hibernate_after", "max_mailbox")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child.  BadArg for a field that does not fit.

    `start` is `(module, "function", [arg, ...])` with a name (looked up among what is
    exported) or a class in the place of `module`, `(function, [arg, ...])`, or a
    function.  It is called in the supervisor and returns a pid that it has linked to,
    or None for no process; `Exit` is a failed start.

    `shutdown`: seconds, `"brutal_kill"`, `"infinity"`, or None for the type's default (5
    for a worker, for ever for a supervisor).  `modules` None: that of `start`.
    """

    id: Term
    start: Any
    restart: str = "permanent"
    shutdown: float | str | None = None
    type: str = "worker"
    modules: Sequence[str] | str | None = None
    significant: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", Start.of(self.start))
        object.__setattr__(self, "id", _id(self.id))
        _one_of("restart", self.restart, RESTARTS)
        _one_of("type", self.type, TYPES)
        _shutdown(self.shutdown)
        if type(self.significant) is not bool:
            raise BadArg(f"significant: True or False is wanted, not {self.significant!r}")
        if isinstance(self.modules, str) and self.modules != DYNAMIC:
            raise BadArg(f'modules: a list of names or "dynamic" is wanted, not {self.modules!r}')

    def to_term(self) -> dict[Term, Term]:
        """The map that OTP and Elixir take, all seven keys, times in milliseconds."""
        start: Start = self.start
        if isinstance(self.modules, str):
            modules: Term = DYNAMIC
        elif self.modules is None:
            modules = [start.mfa[0]]
        else:
            modules = [Atom(module) for module in self.modules]
        values = (
            self.id,
            start.mfa,
            Atom(self.restart),
            self.significant,
            self._milliseconds(),
            Atom(self.type),
            modules,
        )
        return dict(zip(KEYS, values, strict=True))

    def for_supervisor(self, local: bool) -> Any:
        """What to send to a supervisor: of this node the object itself, of another the term.

        BadArg for options that another node's function cannot be given.
        """
        start: Start = self.start
        if local or start.function is None:
            return self if local else self.to_term()
        if start.options:
            raise BadArg(f"{start.mfa[1]} of another node takes no option {sorted(start.options)[0]!r}")
        return self.to_term()

    def _milliseconds(self) -> Term:
        if isinstance(self.shutdown, str):
            return Atom(self.shutdown)
        if self.shutdown is None:
            return INFINITY if self.type == SUPERVISOR else WORKER_SHUTDOWN
        return round(self.shutdown * 1000)


_FIELDS = tuple(field.name for field in dataclasses.fields(ChildSpec))


def child_spec(child: Any, **changes: Any) -> ChildSpec:
    """The specification behind any form of a child, with fields changed: `child_spec(Counter, id="c2")`.

    BadArg, with what was expected, for what is none.
    """
    spec = _child_spec(child)
    if not changes:
        return spec
    _known("a child specification", changes, _FIELDS)
    return dataclasses.replace(spec, **changes)


def _child_spec(child: Any) -> ChildSpec:
    if isinstance(child, ChildSpec):
        return child
    if isinstance(child, Mapping):
        fields = {str(key): value for key, value in child.items()}
        _known("a child specification", fields, _FIELDS)
        missing = [name for name in ("id", "start") if name not in fields]
        if missing:
            raise BadArg(f"a child specification needs {missing[0]!r}: {child!r}")
        return ChildSpec(**fields)
    if isinstance(child, tuple) and len(child) == 6:
        return _from_tuple(child)
    if isinstance(child, tuple) and len(child) in (2, 3) and not isinstance(child[0], str):
        options = child[2] if len(child) == 3 else {}
        if not isinstance(options, Mapping):
            raise BadArg(f"the third element of a child is a dict of options, not {options!r}")
        return _of_class(child[0], [child[1]], dict(options))
    return _of_class(child, [], {})


def _of_class(owner: Any, args: list[Any], options: dict[str, Any]) -> ChildSpec:
    own = getattr(owner, "child_spec", None)
    server = isinstance(owner, type) and callable(getattr(owner, "start_link", None))
    if not callable(own) and not server:
        raise BadArg(
            "a child is a class of servers, (class, arg), (class, arg, options), "
            f"a dict with id and start, or a ChildSpec, not {owner!r}"
        )
    if callable(own):
        _known(f"the child {owner!r}", options, _FIELDS)
        return dataclasses.replace(child_spec(own(*args)), **options)
    _known(f"the child {owner.__name__}", options, (*_FIELDS, *_START_OPTIONS))
    start = {key: value for key, value in options.items() if key in _START_OPTIONS}
    fields = {key: value for key, value in options.items() if key not in _START_OPTIONS}
    fields.setdefault("type", getattr(owner, "__child_type__", "worker"))
    fields.setdefault("id", Atom(module_of(owner)))
    fields.setdefault("start", (owner.start_link, args, start))
    return ChildSpec(**fields)


def _from_tuple(spec: tuple[Any, ...]) -> ChildSpec:
    """OTP's old form `{Id, StartFunc, Restart, Shutdown, Type, Modules}`: a term, times in milliseconds."""
    id, start, restart, shutdown, type, modules = spec
    seconds = shutdown / 1000 if isinstance(shutdown, int) else shutdown
    return ChildSpec(id, start, restart, seconds, type, modules)


def _known(what: str, given: Mapping[str, Any], names: Sequence[str]) -> None:
    unknown = [key for key in given if key not in names]
    if unknown:
        raise BadArg(f"{what} has no {unknown[0]!r}; expected {', '.join(names)}")


def _one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise BadArg(f"{name}: one of {', '.join(allowed)} is wanted, not {value!r}")


def _id(id: Term) -> Term:
    if type(id) is str:
        return Atom(id)
    try:
        encode(id)
    except TermEncodeError as error:
        raise BadArg(f"id: a term is wanted, not {id!r} ({error})") from None
    return id


def _shutdown(shutdown: object) -> None:
    if shutdown is None or shutdown in (BRUTAL_KILL, INFINITY):
        return
    if isinstance(shutdown, bool) or not isinstance(shutdown, (int, float)) or not shutdown >= 0:
        raise BadArg(f"shutdown: seconds, brutal_kill or infinity are wanted, not {shutdown!r}")


def as_child(spec: Term, auto_shutdown: Atom = NEVER) -> Child:
    """A specification of either kind, for a supervisor to keep; SpecError for one that is wrong."""
    if not isinstance(spec, ChildSpec):
        return Child.from_term(spec, auto_shutdown)
    child = Child.from_term(spec.to_term(), auto_shutdown)
    child.start = spec.start
    return child
