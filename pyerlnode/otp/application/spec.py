"""What is known about an application before it runs: OTP's `.app` file.

    ApplicationSpec.of_class(Chat)                                         of a class or an instance
    ApplicationSpec.from_term((application, chat, [{vsn, "1"}, ...]))      as other nodes give it

Source: app(4), make_appl_i of application_controller.erl.
Proof: tests/otp/test_application.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.otp.application.callbacks import Callbacks, ModuleCallbacks
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from pyerlnode.otp.application.environment import Environment

__all__ = ["ApplicationSpec", "BadSpec"]

APPLICATION: Final = Atom("application")
_UNDEFINED, _INFINITY = Atom("undefined"), Atom("infinity")
_BAD_APPLICATION, _INVALID_OPTIONS = Atom("bad_application"), Atom("invalid_options")
# The keys of a specification in the order in which OTP tells them.
_KEYS: Final = (
    "description",
    "id",
    "vsn",
    "modules",
    "maxP",
    "maxT",
    "registered",
    "included_applications",
    "optional_applications",
    "applications",
    "env",
    "mod",
    "start_phases",
)
_DEFAULTS: Final[dict[str, Term]] = {
    "maxP": _INFINITY,
    "maxT": _INFINITY,
    "start_phases": _UNDEFINED,
}
_NAMES = ("modules", "registered", "included_applications", "optional_applications", "applications")


class BadSpec(Exception):
    """A specification is none; `reason` is OTP's."""

    def __init__(self, reason: Term) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ApplicationSpec:
    """One application; `keys` has all of `application:get_all_key/1` but `env`, which may change."""

    name: Atom
    keys: dict[str, Any]
    env: list[tuple[Term, Term]]
    # None: the application is only code, so there is nothing to start.
    callbacks: Callbacks | None = None

    @staticmethod
    def make(
        name: str, env: list[tuple[Term, Term]], callbacks: Callbacks | None = None, **keys: Term
    ) -> ApplicationSpec:
        """A specification where what is not given is OTP's default."""
        filled = {key: keys.get(key, _DEFAULTS.get(key, [])) for key in _KEYS}
        return ApplicationSpec(Atom(name), filled, env, callbacks)

    @staticmethod
    def from_term(term: Term) -> ApplicationSpec:
        """From `{application, Name, Keys}`; its `mod` names what is exported under that name.  BadSpec."""
        if not _is_tuple(term, 3) or term[0] is not APPLICATION or type(term[1]) is not Atom:
            raise BadSpec((_BAD_APPLICATION, term))
        name, options = term[1], term[2]
        if type(options) is not list:
            raise BadSpec((_INVALID_OPTIONS, options))
        given: dict[str, Term] = {}
        for option in options:
            if _is_tuple(option, 2) and type(option[0]) is Atom:
                given.setdefault(option[0], option[1])
        known = {key: value for key, value in given.items() if key in _KEYS and key != "env"}
        if any(not _is_atoms(known.get(key, [])) for key in _NAMES):
            raise BadSpec((_INVALID_OPTIONS, options))
        env = given.get("env", [])
        if type(env) is not list or not all(_is_tuple(pair, 2) for pair in env):
            raise BadSpec((_INVALID_OPTIONS, options))
        return ApplicationSpec.make(name, env, _callbacks(known.get("mod", [])), **known)

    @property
    def applications(self) -> list[Atom]:
        """What must run before it."""
        found: list[Atom] = self.keys["applications"]
        return found

    def is_optional(self, application: Atom) -> bool:
        """Whether it starts without `application` where there is none."""
        return application in self.keys["optional_applications"]

    def key(self, key: Term, environment: Environment) -> Any:
        """The value of a key; KeyError for one that no application has."""
        if type(key) is not Atom:
            raise KeyError(key)
        return environment.all(self.name) if key == "env" else self.keys[key]

    def all_keys(self, environment: Environment) -> list[tuple[Atom, Term]]:
        """All keys and their values, in OTP's order."""
        return [(Atom(key), self.key(Atom(key), environment)) for key in _KEYS]

    @property
    def listed(self) -> tuple[Atom, Term, Term]:
        """As in the list of running applications: name, description, version."""
        return (self.name, self.keys["description"], self.keys["vsn"])


def _callbacks(mod: Term) -> Callbacks | None:
    if mod == []:
        return None
    if not _is_tuple(mod, 2) or type(mod[0]) is not Atom:
        raise BadSpec((Atom("badstartspec"), mod))
    return ModuleCallbacks(mod[0], mod[1])


def _is_tuple(term: Any, size: int) -> bool:
    return type(term) is tuple and len(term) == size


def _is_atoms(term: Any) -> bool:
    return type(term) is list and all(type(each) is Atom for each in term)
