"""What other nodes call in the module `global` as part of its protocol.

A node that has found a conflict of names asks the one where the process lives that it
knows, by `rpc:call(Node, global, resolve_it, [Method, Name, Pid, Pid2])`.

Source: global.erl of OTP's kernel (exchange_names).
Proof: tests/services/test_global_names.py.
"""

from __future__ import annotations

from typing import Any, Final

from pyerlnode.services.global_ import resolve
from pyerlnode.services.modules import Module

__all__ = ["GLOBAL_MODULE"]

GLOBAL_MODULE: Final = Module(":global")


@GLOBAL_MODULE.export
async def resolve_it(method: Any, name: Any, pid: Any, pid2: Any) -> Any:
    """What the resolve function of the process says that has the name here."""
    return await resolve.resolve_it(method, name, pid, pid2)


GLOBAL_MODULE.export(resolve.random_exit_name)
GLOBAL_MODULE.export(resolve.random_notify_name)
GLOBAL_MODULE.export(resolve.notify_all_name)
