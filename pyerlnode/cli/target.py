"""The TARGET of `pyerlnode run`: `file.py:attr` or `package.module:attr`.

Anything that is wrong with it is a ConfigError of one line that says where.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import BadArg, ConfigError
from pyerlnode.otp import Application, ChildSpec, child_spec
from pyerlnode.services.modules import Module

if TYPE_CHECKING:
    from types import ModuleType


def load(target: str) -> Application:
    """Import the target; what it names, as an Application."""
    where, colon, attribute = target.rpartition(":")
    if not colon or not where or not attribute:
        raise ConfigError(f"target {target!r}: file.py:attr or package.module:attr is wanted")
    module = _from_file(Path(where)) if where.endswith(".py") else _from_name(where)
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ConfigError(f"target {target!r}: {where} has no {attribute}") from None
    return as_application(
        found, target, Path(where).stem if where.endswith(".py") else where.rpartition(".")[2]
    )


def directory(target: str) -> Path:
    """Where the source of a target is: the directory of the file, or the one that packages are found in."""
    where = target.rpartition(":")[0]
    return Path(where).resolve().parent if where.endswith(".py") else Path.cwd()


def as_application(found: Any, target: str, name: str) -> Application:
    """An Application for what a target names.

    It is one, its class, a list of children, an async function, or a Module, whose application
    has no processes: the node answers for its functions.  One that has no name is called `name`.
    """
    if isinstance(found, type) and issubclass(found, Application):
        return found()
    if isinstance(found, Application):
        return found
    if inspect.iscoroutinefunction(found):
        if any(_is_required(parameter) for parameter in inspect.signature(found).parameters.values()):
            raise ConfigError(f"target {target!r}: the async function must take no arguments")
        return Application.from_function(found, name)
    if isinstance(found, list):
        return Application.from_children([_child(child, target) for child in found], name)
    if isinstance(found, Module):
        return Application.from_children([], name)
    what = f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
    raise ConfigError(
        f"target {target!r}: an Application, a list of children, an async function or a Module is wanted, "
        f"not {what}"
    )


def _child(child: Any, target: str) -> ChildSpec:
    try:
        return child_spec(child)
    except BadArg as error:
        raise ConfigError(f"target {target!r}: {error}") from None


def _is_required(parameter: inspect.Parameter) -> bool:
    variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variadic


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"target: there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"target: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # As `python file.py` does: its neighbours can be imported, and it by its name.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"target: {path} cannot be loaded: {_describe(error)}") from error
    return module


def _from_name(name: str) -> ModuleType:
    if name.startswith("."):
        raise ConfigError(f"target: {name} is a relative name: package.module:attr is wanted")
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"target: {name} cannot be imported: {_describe(error)}") from error


def _describe(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({error.filename}, line {error.lineno})"
    text = f"{type(error).__name__}: {error}"
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text
