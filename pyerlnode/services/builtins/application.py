"""`application`, and Elixir's `Application`: what runs here, and its environment.

Source: application(3) of OTP's kernel; Application of Elixir.
Proof: tests/services/test_application_service.py, interop/test_applications.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import ErlangError
from pyerlnode.otp import GenServer
from pyerlnode.otp.application import requests
from pyerlnode.otp.application.controller import CONTROLLER, TEMPORARY, is_persistent
from pyerlnode.otp.application.master import GET_CHILD
from pyerlnode.otp.application.table import table
from pyerlnode.otp.readable import readable
from pyerlnode.process import monitor, receive, send, this_process
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Pid, Reference, Term, charlist

application, elixir_application = BuiltinModule(":application"), BuiltinModule("Application")

_OK, _ERROR, _UNDEFINED = Atom("ok"), Atom("error"), Atom("undefined")
_BADARG, _FUNCTION_CLAUSE = Atom("badarg"), Atom("function_clause")
_BAD_APPLICATION, _ALREADY_LOADED = Atom("bad_application"), Atom("already_loaded")
_SERIAL = Atom("serial")
_NOTHING: Any = object()

# --- starting and stopping ------------------------------------------------------------------


def _is_application(app: Any) -> bool:
    return type(app) is Atom or (isinstance(app, tuple) and len(app) == 3 and type(app[0]) is Atom)


@application.export
@elixir_application.export
async def load(app: Any) -> Term:
    if not _is_application(app):
        return (_ERROR, (_BAD_APPLICATION, app))
    return await requests.load(app)


@application.export
@elixir_application.export
async def unload(name: Any) -> Term:
    return await requests.unload(name)


@application.export
@elixir_application.export
async def start(app: Any, type: Any = TEMPORARY) -> Term:
    if not _is_application(app):
        return (_ERROR, (_BAD_APPLICATION, app))
    return await requests.start(app, type)


@application.export
@elixir_application.export
async def ensure_started(app: Any, type: Any = TEMPORARY) -> Term:
    if not _is_application(app):
        return (_ERROR, (_BAD_APPLICATION, app))
    return await requests.ensure_started(app, type)


@application.export
async def ensure_all_started(apps: Any, type: Any = TEMPORARY, mode: Any = _SERIAL) -> Term:
    names = apps if isinstance(apps, list) else [apps]
    if any(not isinstance(name, Atom) for name in names):
        raise ErlangError(_FUNCTION_CLAUSE)
    return await requests.ensure_all_started(apps, type)


@elixir_application.export("ensure_all_started")
async def ensure_all_started_by_options(apps: Any, options: Any = TEMPORARY) -> Term:
    if isinstance(options, list):
        options = next((option[1] for option in options if _is_type(option)), TEMPORARY)
    return await ensure_all_started(apps, options)


def _is_type(option: Any) -> bool:
    return isinstance(option, tuple) and len(option) == 2 and option[0] == "type"


@elixir_application.export
async def ensure_loaded(name: Atom) -> Term:
    loaded: Any = await requests.load(name)
    return _OK if loaded is _OK or loaded[1][0] is _ALREADY_LOADED else loaded


@application.export
@elixir_application.export
async def stop(name: Any) -> Term:
    return await requests.stop(name)


# --- what there is --------------------------------------------------------------------------


@application.export
@elixir_application.export("started_applications")
async def which_applications(*timeout: Any) -> Term:
    return await requests.which_applications()


@application.export
@elixir_application.export
async def loaded_applications() -> Term:
    return await requests.loaded_applications()


@application.export
async def info() -> Term:
    return await GenServer.call(CONTROLLER, Atom("info"), None)


@application.export
def get_key(name: Any, key: Any = _NOTHING) -> Term:
    if key is _NOTHING:
        return _of_caller(lambda own: get_key(own, name))
    spec = table().spec(name)
    try:
        return _UNDEFINED if spec is None else (_OK, readable(spec.key(key, table().environment)))
    except KeyError:
        return _UNDEFINED


@application.export
def get_all_key(name: Any = _NOTHING) -> Term:
    if name is _NOTHING:
        return _of_caller(get_all_key)
    spec = table().spec(name)
    return _UNDEFINED if spec is None else (_OK, readable(spec.all_keys(table().environment)))


@elixir_application.export
def spec(name: Atom, key: Any = _NOTHING) -> Term:
    found = table().spec(name)
    if key is _NOTHING:
        keys = [] if found is None else found.all_keys(table().environment)
        return None if found is None else [pair for pair in keys if pair[0] != "env"]
    if key == "env":
        raise ErlangError(_FUNCTION_CLAUSE)
    try:
        return None if found is None else found.key(key, table().environment)
    except KeyError:
        raise ErlangError(_FUNCTION_CLAUSE) from None


@application.export
def get_application(of: Any = _NOTHING) -> Term:
    if of is not _NOTHING and not isinstance(of, (Pid, Atom)):
        raise ErlangError(_FUNCTION_CLAUSE)
    runtime = this_process().runtime
    if isinstance(of, Atom):
        name = table().of_module(of)
    else:
        name = table().of_process(runtime, this_process().pid if of is _NOTHING else of)
    return _UNDEFINED if name is None else (_OK, name)


@elixir_application.export("get_application")
def application_of_module(module: Atom) -> Term:
    return table().of_module(module)


@application.export
async def get_supervisor(name: Atom) -> Term:
    """The topmost process of an application that runs."""
    master = table().masters.get(name)
    if master is None:
        return _UNDEFINED
    tag, ref = this_process().runtime.make_ref(), monitor(master)
    send(master, (GET_CHILD, tag, this_process().pid))
    answer: Any = await receive(lambda message: _is_answer(message, tag, ref))
    child = answer[1][0] if answer[0] == tag and isinstance(answer[1], tuple) else None
    return _UNDEFINED if child is None else (_OK, child)


def _is_answer(message: Term, tag: Reference, ref: Reference) -> bool:
    if not isinstance(message, tuple) or len(message) < 2:
        return False
    return any(isinstance(part, Reference) and part in (tag, ref) for part in message[:2])


# --- the environment --------------------------------------------------------------------------


def _of_caller(found: Any) -> Term:
    """What `found` gives for the application that the caller belongs to."""
    process = this_process()
    own = table().of_process(process.runtime, process.pid)
    return _UNDEFINED if own is None else found(own)


@application.export
def get_env(name: Any, key: Any = _NOTHING, default: Any = _NOTHING) -> Term:
    if key is _NOTHING:
        return _of_caller(lambda own: get_env(own, name))
    found = table().environment.get(name, key, _NOTHING)
    if default is _NOTHING:
        return _UNDEFINED if found is _NOTHING else (_OK, readable(found))
    return default if found is _NOTHING else readable(found)


@application.export
def get_all_env(name: Any = _NOTHING) -> Term:
    if name is _NOTHING:
        own: Any = _of_caller(get_all_env)
        return [] if own is _UNDEFINED else own
    return [(key, readable(value)) for key, value in table().environment.all(name)]


@application.export
def set_env(name: Any, key: Any = _NOTHING, value: Any = _NOTHING, options: Any = _NOTHING) -> Term:
    if value is _NOTHING:
        return _set_all(name, [] if key is _NOTHING else key)
    options = [] if options is _NOTHING else options
    table().environment.put(name, key, value, persistent=is_persistent(options))
    return _OK


@application.export
def unset_env(name: Any, key: Any, options: Any = None) -> Atom:
    table().environment.delete(name, key, persistent=is_persistent(options))
    return _OK


def _set_all(config: Any, options: Any) -> Term:
    """All of `[{Application, [{Key, Value}]}]`, or nothing."""
    if not isinstance(config, list):
        raise ErlangError(_FUNCTION_CLAUSE)
    wrong = _what_is_wrong(config)
    if wrong is not None:
        raise ErlangError((_BADARG, charlist(wrong)))
    for name, values in config:
        for key, value in values:
            table().environment.put(name, key, value, persistent=is_persistent(options))
    return _OK


def _what_is_wrong(config: list[Any]) -> str | None:
    seen: set[str] = set()
    for entry in config:
        if not (isinstance(entry, tuple) and len(entry) == 2 and type(entry[0]) is Atom):
            return "invalid application name"
        name, values = entry
        if not isinstance(values, list):
            return f"application: {name}; parameters must be a list"
        if any(not (isinstance(pair, tuple) and len(pair) == 2 and type(pair[0]) is Atom) for pair in values):
            return f"application: {name}; invalid parameter"
        if name in seen:
            return f"duplicate application config: {name}"
        seen.add(name)
    return None


@elixir_application.export("get_env")
def elixir_get_env(name: Atom, key: Any, default: Any = None) -> Term:
    return readable(table().environment.get(name, key, default))


@elixir_application.export
def fetch_env(name: Atom, key: Any) -> Term:
    found = table().environment.get(name, key, _NOTHING)
    return _ERROR if found is _NOTHING else (_OK, readable(found))


@elixir_application.export
def put_env(name: Atom, key: Any, value: Any, options: Any = None) -> Term:
    table().environment.put(name, key, value, persistent=is_persistent(options))
    return _OK


@elixir_application.export
def put_all_env(config: Any, options: Any = None) -> Term:
    return _set_all(config, options)


elixir_application.export("delete_env")(unset_env)
elixir_application.export("get_all_env")(get_all_env)
