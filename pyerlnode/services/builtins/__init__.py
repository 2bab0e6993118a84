"""What any node answers when it is called from elsewhere: parts of OTP's and Elixir's own modules.

Each module here adds functions to a `BuiltinModule` of OTP's name.  A function answers
truthfully, or is not there: then the caller gets `undef`, as for any other.

Proof: tests/services/test_builtins.py, interop/test_rpc.py.
"""

from __future__ import annotations

import importlib

__all__ = ["load"]

_MODULES = (
    "agent",
    "application",
    "closures",
    "code",
    "elixir",
    "erlang",
    "erpc",
    "net_kernel",
    "operators",
    "partition_supervisor",
    "pyerlnode",
    "registries",
    "registry",
    "shell",
    "task",
)


def load() -> None:
    """Make the modules known; harmless when they are."""
    for name in _MODULES:
        importlib.import_module(f"{__name__}.{name}")
