"""`application`: which applications run here, and their environment.

A node has `kernel` and `stdlib`, as far as this library is them; both run as long as it does.

Source: application(3) of OTP's kernel.
Proof: tests/services/test_builtins.py.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from weakref import WeakKeyDictionary

from pyerlnode.process import Runtime, this_process
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Pid, Term, charlist

application = BuiltinModule(":application")

_OK, _ERROR, _UNDEFINED = Atom("ok"), Atom("error"), Atom("undefined")
_NO_FILE = "no such file or directory"
# The one that was started last is listed first.
_RUNNING: Final = {
    "stdlib": "The modules of OTP's stdlib that a pyerlnode node answers for",
    "kernel": "The modules of OTP's kernel that a pyerlnode node answers for",
}

_environments: WeakKeyDictionary[Runtime, dict[tuple[str, str], Term]] = WeakKeyDictionary()


def _environment() -> dict[tuple[str, str], Term]:
    return _environments.setdefault(this_process().runtime, {})


def _version() -> list[int]:
    try:
        return charlist(version("pyerlnode"))
    except PackageNotFoundError:
        return charlist("0")


@application.export
@application.export("loaded_applications")
def which_applications(*timeout: Any) -> list[Term]:
    return [(Atom(name), charlist(text), _version()) for name, text in _RUNNING.items()]


@application.export
def get_env(name: Atom, key: Atom, default: Any = _UNDEFINED) -> Term:
    found = _environment().get((name, key), _UNDEFINED)
    if default is not _UNDEFINED:
        return default if found is _UNDEFINED else found
    return _UNDEFINED if found is _UNDEFINED else (_OK, found)


@application.export
def get_all_env(name: Atom) -> list[Term]:
    return [(Atom(key), value) for (owner, key), value in _environment().items() if owner == name]


@application.export
def set_env(name: Atom, key: Atom, value: Any, options: Any = None) -> Atom:
    _environment()[(name, key)] = value
    return _OK


@application.export
def unset_env(name: Atom, key: Atom) -> Atom:
    _environment().pop((name, key), None)
    return _OK


@application.export
def get_key(name: Atom, key: Atom) -> Term:
    if name not in _RUNNING:
        return _UNDEFINED
    keys: dict[str, Term] = {
        "description": charlist(_RUNNING[name]),
        "vsn": _version(),
        "modules": [],
        "registered": [],
        "applications": [],
        "env": get_all_env(name),
    }
    return (_OK, keys[key]) if key in keys else _UNDEFINED


@application.export
def start(name: Atom, kind: Any = None) -> Term:
    if name in _RUNNING:
        return (_ERROR, (Atom("already_started"), name))
    return (_ERROR, (charlist(_NO_FILE), charlist(f"{name}.app")))


@application.export
def ensure_started(name: Atom, kind: Any = None) -> Term:
    return _OK if name in _RUNNING else start(name)


@application.export
def ensure_all_started(name: Atom, kind: Any = None) -> Term:
    if name in _RUNNING:
        return (_OK, [])
    return (_ERROR, (name, (charlist(_NO_FILE), charlist(f"{name}.app"))))


@application.export
def stop(name: Atom) -> Term:
    if name in _RUNNING:
        # They end with the node only.
        return (_ERROR, Atom("notsup"))
    return (_ERROR, (Atom("not_started"), name))


@application.export
def get_application(of: Atom | Pid | None = None) -> Term:
    return _UNDEFINED
