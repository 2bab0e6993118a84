"""What a supervisor's `init` returns: strategy, restart intensity, children.

    return Supervision([Counter, (Cache, 100)], strategy="one_for_all", max_restarts=5)

or OTP's own term, `("ok", (flags, specifications))`, with OTP's defaults and errors.

Source: supervisor(3), sup_flags(); supervisor.erl, check_flags; Elixir's Supervisor.init/2.
Proof: tests/otp/test_supervisor_child_specs.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp.supervisor.child import NEVER, SpecError
from pyerlnode.otp.supervisor.child_spec import ChildSpec, child_spec
from pyerlnode.term import Atom, Term

__all__ = ["Flags", "Supervision"]

STRATEGIES: Final = ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one")
AUTO_SHUTDOWNS: Final = ("never", "any_significant", "all_significant")
SIMPLE: Final = Atom("simple_one_for_one")

_STRATEGY, _INTENSITY, _PERIOD = Atom("strategy"), Atom("intensity"), Atom("period")
_AUTO_SHUTDOWN = Atom("auto_shutdown")


@dataclass(frozen=True, slots=True)
class Flags:
    """How a supervisor goes about it; `period` in seconds."""

    strategy: Atom
    intensity: int
    period: int
    auto_shutdown: Atom

    @classmethod
    def from_term(cls, term: Term) -> Flags:
        """Check OTP's flags, a map or `{Strategy, Intensity, Period}`; SpecError with OTP's reason."""
        if isinstance(term, tuple) and len(term) == 3:
            term = dict(zip((_STRATEGY, _INTENSITY, _PERIOD), term, strict=True))
        if not isinstance(term, Mapping):
            raise SpecError((Atom("invalid_type"), term))
        strategy = term.get(_STRATEGY, Atom("one_for_one"))
        intensity, period = term.get(_INTENSITY, 1), term.get(_PERIOD, 5)
        auto_shutdown = term.get(_AUTO_SHUTDOWN, NEVER)
        _check("invalid_strategy", strategy, isinstance(strategy, str) and strategy in STRATEGIES)
        _check("invalid_intensity", intensity, type(intensity) is int and intensity >= 0)
        _check("invalid_period", period, type(period) is int and period > 0)
        known = isinstance(auto_shutdown, str) and auto_shutdown in AUTO_SHUTDOWNS
        _check("invalid_auto_shutdown", auto_shutdown, known)
        if strategy == SIMPLE and auto_shutdown != NEVER:
            pairs = [(_AUTO_SHUTDOWN, Atom(auto_shutdown)), (_STRATEGY, SIMPLE)]
            raise SpecError((Atom("bad_combination"), pairs))
        return cls(Atom(strategy), intensity, period, Atom(auto_shutdown))


def _check(error: str, value: Term, right: bool) -> None:
    if not right:
        raise SpecError((Atom(error), value))


class Supervision:
    """Children and how they are restarted, with Elixir's defaults.  BadArg for what does not fit.

    More than `max_restarts` restarts in `max_seconds` seconds end the supervisor.
    """

    __slots__ = ("children", "flags")

    def __init__(
        self,
        children: Iterable[Any],
        *,
        strategy: str,
        max_restarts: int = 3,
        max_seconds: int = 5,
        auto_shutdown: str = "never",
    ) -> None:
        if isinstance(children, (str, bytes, Mapping)) or not isinstance(children, Iterable):
            raise BadArg(f"children: a list of child specifications is wanted, not {children!r}")
        self.children: list[ChildSpec] = [child_spec(child) for child in children]
        self.flags = python_flags(
            strategy=strategy, intensity=max_restarts, period=max_seconds, auto_shutdown=auto_shutdown
        )
        if self.flags.strategy == SIMPLE and len(self.children) != 1:
            raise BadArg(f"simple_one_for_one takes exactly one child, not {len(self.children)}")


_PYTHON_NAMES = {"intensity": "max_restarts", "period": "max_seconds"}
_WANTED = {
    "strategy": f"one of {', '.join(STRATEGIES)}",
    "intensity": "an integer from 0 on",
    "period": "an integer from 1 on, seconds,",
    "auto_shutdown": f"one of {', '.join(AUTO_SHUTDOWNS)}",
}


def python_flags(**given: Any) -> Flags:
    """Flags out of Python options; BadArg that says what was wanted."""
    try:
        return Flags.from_term({Atom(key): value for key, value in given.items()})
    except SpecError as error:
        kind, value = error.reason
        key = kind.removeprefix("invalid_")
        if key not in _WANTED:
            raise BadArg("auto_shutdown is not for simple_one_for_one") from None
        raise BadArg(f"{_PYTHON_NAMES.get(key, key)}: {_WANTED[key]} is wanted, not {value!r}") from None
