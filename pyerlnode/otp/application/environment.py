"""The environment of applications: what they are configured with.

    environment.put("chat", "greeting", "hello")
    environment.get("chat", "greeting", None)

Keys are atoms, for Python plain text; a value is any term.  An application brings values
when it is loaded, and a configuration that was given before goes over them.

Source: application_controller.erl of OTP's kernel (get_env, set_env, merge_app_env).
Proof: tests/otp/test_application.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.otp.supervisor.child import exact
from pyerlnode.term import Atom, Map, Term

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Environment", "as_key"]

# Key -> the key as it is shown, and its value.
_Values = dict["str | Map", "tuple[Term, Term]"]


def as_key(key: Term) -> Term:
    """Plain text stands for the atom."""
    return Atom(key) if type(key) is str else key


def _exact(key: Term) -> str | Map:
    # Other nodes may ask with any term; only an atom is cheap to look up.
    key = as_key(key)
    return key if type(key) is Atom else exact(key)


class Environment:
    """The values of all applications of one runtime."""

    def __init__(self) -> None:
        self._values: dict[str | Map, _Values] = {}
        # What outlives the application: it is put over its own values each time it is loaded.
        self._configured: dict[str | Map, _Values] = {}

    def get(self, application: Term, key: Term, default: Any) -> Any:
        """The value of a key, `default` if there is none."""
        found = self._values.get(_exact(application), {}).get(_exact(key))
        return default if found is None else found[1]

    def all(self, application: Term) -> list[tuple[Term, Term]]:
        """Keys and values of an application."""
        return list(self._values.get(_exact(application), {}).values())

    def put(self, application: Term, key: Term, value: Term, *, persistent: bool = False) -> None:
        """Set a value; with `persistent` it is kept when the application is loaded (again)."""
        for table in self._tables(persistent):
            table.setdefault(_exact(application), {})[_exact(key)] = (as_key(key), value)

    def delete(self, application: Term, key: Term, *, persistent: bool = False) -> None:
        """Take a value away; nothing happens if there is none."""
        for table in self._tables(persistent):
            table.get(_exact(application), {}).pop(_exact(key), None)

    def _tables(self, persistent: bool) -> list[dict[str | Map, _Values]]:
        return [self._values, self._configured] if persistent else [self._values]

    def load(self, application: Term, own: Iterable[tuple[Term, Term]]) -> None:
        """Add the values that an application brings, and over them what is configured for it."""
        for key, value in own:
            self.put(application, key, value)
        for key, value in self._configured.get(_exact(application), {}).values():
            self.put(application, key, value)

    def unload(self, application: Term) -> None:
        """Forget the values of an application."""
        self._values.pop(_exact(application), None)
