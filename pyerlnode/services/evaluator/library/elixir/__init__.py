"""Elixir's modules: a file for each, or for a part of one.

Proof: tests/services/evaluator/test_library_elixir.py, interop/test_evaluator_elixir.py.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
