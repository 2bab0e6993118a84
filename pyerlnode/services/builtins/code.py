"""`code` and Elixir's `Code`: which modules there are.  There is no path and no file of any.

Source: code(3) of OTP's kernel; Code of Elixir.
Proof: tests/services/test_builtins.py.
"""

from __future__ import annotations

from pyerlnode.services import modules
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Term

code, elixir_code, kernel = BuiltinModule(":code"), BuiltinModule("Code"), BuiltinModule("Kernel")

_NON_EXISTING, _PRELOADED = Atom("non_existing"), Atom("preloaded")


@code.export
@elixir_code.export
def ensure_loaded(module: Atom) -> Term:
    """`{module, Module}`, or `{error, nofile}`."""
    if modules.is_loaded(module):
        return (Atom("module"), module)
    return (Atom("error"), Atom("nofile"))


@elixir_code.export("ensure_loaded?")
@elixir_code.export("loaded?")
@code.export
def module_loaded(module: Atom) -> bool:
    return modules.is_loaded(module)


@code.export
def is_loaded(module: Atom) -> Term:
    return (Atom("file"), _PRELOADED) if modules.is_loaded(module) else False


@code.export
def which(module: Atom) -> Atom:
    return _PRELOADED if modules.is_loaded(module) else _NON_EXISTING


@code.export
def all_loaded() -> Term:
    return [(module, _PRELOADED) for module in modules.loaded()]


@kernel.export("function_exported?")
def function_exported(module: Atom, function: Atom, arity: int) -> bool:
    return modules.function_exported(module, function, arity)
