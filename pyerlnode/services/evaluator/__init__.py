"""Closures typed in iex and erl, run here.

A fun that a shell sends carries its code as data: abstract forms, and the values of its
variables.  `service` lets it run at the runtime's apply hook, within limits and with a
library of functions that touch nothing but terms, processes and the group leader.

    forms --compiler--> nodes --machine--> values
            expressions, patterns, bits, clauses, control, comprehensions, funs

Proof: tests/services/evaluator, interop/test_closures.py.
"""

from __future__ import annotations

# Each fills the tables of the compiler.
from pyerlnode.services.evaluator import bits, comprehensions, control, expressions, patterns  # noqa: F401
from pyerlnode.services.evaluator.limits import Limits, set_limits
from pyerlnode.services.evaluator.service import (
    Running,
    Settings,
    apply,
    call,
    configure,
    hook,
    kill,
    running,
    service,
)

__all__ = [
    "Limits",
    "Running",
    "Settings",
    "apply",
    "call",
    "configure",
    "hook",
    "kill",
    "running",
    "service",
    "set_limits",
]
