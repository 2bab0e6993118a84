"""The file of `pyerlnode run --config FILE`: what applications are configured with.

    [chat]                              # the application chat
    greeting = "hello"                  # a binary
    supervisor = "Elixir.Chat.TaskSupervisor"
    mode = { atom = "local" }

    [env.dev.chat]                      # with --env dev this goes over it
    mode = { term = "{:remote, :kate@localhost}" }

A table per application, but for `cluster`, which says how the node finds others
(services/cluster/configuration.py); what stands under `env` is for one environment.  Values are terms:
text is a binary, an array a list, a table a map with atoms for keys, and what TOML has no
notation for stands in a table with the one key `atom`, `charlist` or `term` (in Elixir's
notation).

Source: config(4) of OTP's kernel, Config of Elixir: an environment's values are merged into
the others, tables key by key.
Proof: tests/cli/test_configuration.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeGuard

from pyerlnode.errors import ConfigError, PyerlnodeError, TermEncodeError
from pyerlnode.term import Atom, Term, charlist, encode, parse_elixir

__all__ = ["load"]

_ENV: Final = "env"
# Tables of one key that stand for what TOML cannot say.
_NOTATIONS: Final = {"atom": Atom, "charlist": charlist, "term": parse_elixir}


def load(file: str, env: str | None) -> dict[str, dict[str, Term]]:
    """The values of each application, in the environment `env` if one is given.

    ConfigError of one line for a file that cannot be read or understood, and for an
    environment that it does not have.
    """
    tables = _read(file)
    environments = tables.pop(_ENV, {})
    if not isinstance(environments, dict):
        raise ConfigError(f"config {file}: env is a table of environments, not {environments!r}")
    if env is not None:
        if not isinstance(environments.get(env), dict):
            known = ", ".join(sorted(environments)) or "none"
            raise ConfigError(f"config {file}: there is no environment {env!r}; known: {known}")
        tables = _merged(tables, environments[env])
    return {name: _values(file, name, table) for name, table in tables.items()}


def _read(file: str) -> dict[str, Any]:
    import tomllib  # only here: most nodes start without such a file

    try:
        return tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config {file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"config {file}: {error}") from None


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Both; where both have a table, these are merged, else `over` holds."""
    merged = dict(under)
    for key, value in over.items():
        mine = merged.get(key)
        merged[key] = _merged(mine, value) if _is_plain(mine) and _is_plain(value) else value
    return merged


def _is_plain(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it is a table that stands for a map, or for an application."""
    return isinstance(value, dict) and _notation(value) is None


def _values(file: str, name: str, table: Any) -> dict[str, Term]:
    if not isinstance(table, dict):
        raise ConfigError(f"config {file}: {name} is no table: a table per application is wanted")
    return {key: _checked(f"config {file}: {name}.{key}", value) for key, value in table.items()}


def _checked(where: str, value: Any) -> Term:
    """A value as a term that other nodes can read, too."""
    try:
        term = _term(value)
        encode(term)
    except TermEncodeError as error:
        raise ConfigError(f"{where}: {error}") from None
    except (PyerlnodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: {_one_line(error)}") from None
    return term


def _term(value: Any) -> Term:
    if isinstance(value, list):
        return [_term(element) for element in value]
    if not isinstance(value, dict):
        return value  # text, a number, a truth value, a time
    notation = _notation(value)
    if notation is not None:
        text = value[notation]
        return _NOTATIONS[notation](text)
    return {Atom(key): _term(element) for key, element in value.items()}


def _notation(table: dict[str, Any]) -> str | None:
    """Which notation a table is, if it is one."""
    if len(table) != 1:
        return None
    key, value = next(iter(table.items()))
    return key if key in _NOTATIONS and isinstance(value, str) else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
