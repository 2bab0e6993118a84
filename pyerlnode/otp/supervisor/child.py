"""A child as a supervisor keeps it: how it is started, and what is asked about it.

`Child.from_term` checks a specification that came as a term (times in milliseconds) and
refuses it with OTP's reasons, in OTP's order.

Source: supervisor(3), child_spec(); supervisor.erl, check_childspecs.
Proof: tests/otp/test_supervisor_child_specs.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp.readable import readable
from pyerlnode.term import Atom, Export, Map, Pid, Term

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

__all__ = ["RESTARTING", "Child", "SpecError", "Start", "exact", "module_of"]

RESTARTS: Final = ("permanent", "transient", "temporary")
TYPES: Final = ("worker", "supervisor")
BRUTAL_KILL: Final = Atom("brutal_kill")
INFINITY: Final = Atom("infinity")
UNDEFINED: Final = Atom("undefined")
RESTARTING: Final = Atom("restarting")
DYNAMIC: Final = Atom("dynamic")
PERMANENT: Final = Atom("permanent")
TEMPORARY: Final = Atom("temporary")
SUPERVISOR: Final = Atom("supervisor")
NEVER: Final = Atom("never")

WORKER_SHUTDOWN = 5000  # milliseconds

# Of a specification, in the order in which OTP shows and checks them, but for `shutdown`.
KEYS: Final = tuple(
    Atom(key) for key in ("id", "start", "restart", "significant", "shutdown", "type", "modules")
)
_ID, _START, _RESTART, _SIGNIFICANT, _SHUTDOWN, _TYPE, _MODULES = KEYS
_WORKER = Atom("worker")


def exact(term: Term) -> Map:
    """A key for dicts that tells terms apart as Erlang's `=:=` does; `term` may be a list or a map."""
    return Map([(term, None)])


# --- how a child is started ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """What starts a child: a Python function, or a name that is looked up each time.

    `mfa` is how it is shown, and what is called where `function` is None.
    """

    mfa: tuple[Atom, Atom, list[Term]]
    function: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def call(self, runtime: Runtime, before: Sequence[Term] = (), after: Sequence[Term] = ()) -> Any:
        """Call it, with further arguments before and after its own; what it returns may be a coroutine."""
        if self.function is not None:
            return self.function(*before, *self.args, *after, **self.options)
        module, name, args = self.mfa
        given = [*before, *args, *after]
        return runtime.apply_hook(Export(module, name, len(given)), given)

    @classmethod
    def of(cls, start: Any) -> Start:
        """From what a Python specification has under `start`; BadArg for what cannot be called."""
        match start:
            case Start():
                return start
            case (str(module), str(function), list(args)):
                return cls((Atom(module), Atom(function), args))
            case (owner, str(function), [*args]) if callable(getattr(owner, function, None)):
                return cls._of_function(getattr(owner, function), args, {})
            case (function, [*args]) if callable(function):
                return cls._of_function(function, args, {})
            case (function, [*args], dict(options)) if callable(function):
                return cls._of_function(function, args, options)
            case function if callable(function):
                return cls._of_function(function, [], {})
        raise BadArg(
            "start: (module, function, [arg, ...]), (function, [arg, ...]) or a function is wanted, "
            f"not {start!r}"
        )

    @classmethod
    def _of_function(cls, function: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> Start:
        owner = getattr(function, "__self__", None)
        name = getattr(function, "__name__", type(function).__name__)
        module = module_of(owner) if isinstance(owner, type) else getattr(function, "__module__", None)
        shown = [readable(arg) for arg in args]
        if options:
            shown.append([(Atom(key), readable(value)) for key, value in options.items()])
        return cls((Atom(str(module)), Atom(name), shown), function, tuple(args), options)


def module_of(cls: type) -> str:
    """The module that a class of servers is of, as other nodes see it."""
    name: str = getattr(cls, "__module_name__", cls.__name__)
    return name


# --- as a supervisor keeps it -----------------------------------------------------------------


class SpecError(Exception):
    """A specification or a flag that OTP refuses with `reason`."""

    def __init__(self, reason: Term) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Child:
    """A child as a supervisor keeps it; `pid` is None when it is stopped, RESTARTING while it cannot be."""

    id: Term
    start: Start
    restart: Atom
    significant: bool
    shutdown: Term  # milliseconds, `infinity` or `brutal_kill`
    type: Atom
    modules: Term
    pid: Pid | Atom | None = None

    @classmethod
    def from_term(cls, spec: Term, auto_shutdown: Atom = NEVER) -> Child:
        """Check a specification; SpecError with OTP's reason for one that is wrong."""
        if isinstance(spec, Mapping):
            return cls._from_map(spec, auto_shutdown)
        if isinstance(spec, tuple) and len(spec) == 6:
            keys = (_ID, _START, _RESTART, _SHUTDOWN, _TYPE, _MODULES)
            return cls._from_map(dict(zip(keys, spec, strict=True)), auto_shutdown)
        raise SpecError((Atom("invalid_child_spec"), spec))

    @classmethod
    def _from_map(cls, spec: Mapping[Any, Any], auto_shutdown: Atom) -> Child:
        for key, reason in ((_ID, "missing_id"), (_START, "missing_start")):
            if key not in spec:
                raise SpecError(Atom(reason))
        made = cls._start(spec[_START])
        restart = _choice("invalid_restart_type", spec.get(_RESTART, PERMANENT), RESTARTS)
        significant = spec.get(_SIGNIFICANT, False)
        _check_significant(significant, restart, auto_shutdown)
        type = _choice("invalid_child_type", spec.get(_TYPE, _WORKER), TYPES)
        default = INFINITY if type == SUPERVISOR else WORKER_SHUTDOWN
        shutdown = check_shutdown(spec.get(_SHUTDOWN, default))
        modules = check_modules(spec.get(_MODULES, [made.mfa[0]]))
        return cls(spec[_ID], made, restart, significant, shutdown, type, modules)

    @staticmethod
    def _start(start: Any) -> Start:
        if type(start) is tuple:
            match start:
                case (str(module), str(function), list(args)):
                    return Start((Atom(module), Atom(function), args))
        raise SpecError((Atom("invalid_mfa"), start))

    # --- how it is shown ------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it has a process, as far as is known."""
        return isinstance(self.pid, Pid)

    @property
    def shown_pid(self) -> Term:
        """A pid, `undefined` or `restarting`."""
        return UNDEFINED if self.pid is None else self.pid

    def as_spec(self) -> dict[Term, Term]:
        """The map of `get_childspec`."""
        return dict(zip(KEYS, self._fields(), strict=True))

    def as_record(self, pid: Term = UNDEFINED) -> Term:
        """OTP's record, which a failed `start_child` carries; never with a pid there."""
        return (Atom("child"), pid, *self._fields())

    def _fields(self) -> tuple[Term, ...]:
        return (
            self.id,
            self.start.mfa,
            self.restart,
            self.significant,
            self.shutdown,
            self.type,
            self.modules,
        )


def _choice(error: str, value: Any, allowed: Sequence[str]) -> Atom:
    if isinstance(value, str) and value in allowed:
        return Atom(value)
    raise SpecError((Atom(error), value))


def _check_significant(significant: Any, restart: Atom, auto_shutdown: Atom) -> None:
    if type(significant) is not bool:
        raise SpecError((Atom("invalid_significant"), significant))
    if not significant:
        return
    if auto_shutdown == NEVER:
        raise SpecError((Atom("bad_combination"), [(Atom("auto_shutdown"), NEVER), (_SIGNIFICANT, True)]))
    if restart == PERMANENT:
        raise SpecError((Atom("bad_combination"), [(_RESTART, PERMANENT), (_SIGNIFICANT, True)]))


def check_shutdown(shutdown: Any) -> Term:
    """Milliseconds, `infinity` or `brutal_kill`; SpecError for anything else."""
    if isinstance(shutdown, str) and shutdown in (INFINITY, BRUTAL_KILL):
        return Atom(shutdown)
    if type(shutdown) is int and shutdown >= 0:
        return shutdown
    raise SpecError((Atom("invalid_shutdown"), shutdown))


def check_modules(modules: Any) -> Term:
    """A list of atoms, or `dynamic`; SpecError for anything else."""
    if isinstance(modules, str) and modules == DYNAMIC:
        return DYNAMIC
    if not isinstance(modules, list):
        raise SpecError((Atom("invalid_modules"), modules))
    for module in modules:
        if not isinstance(module, str):
            raise SpecError((Atom("invalid_module"), module))
    return [Atom(module) for module in modules]
