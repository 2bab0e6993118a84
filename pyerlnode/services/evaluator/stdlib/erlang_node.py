"""`erlang`: the functions about the node and its processes that any node answers by rpc, too.

They are those of `services/builtins/erlang.py`; here they can be called without a module's name
and taken as `fun register/2`, and what does not fit is `badarg`, as of a BIF.

Source: module `erlang` of the ERTS reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang_processes.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.errors import ErlangError
from pyerlnode.services import modules
from pyerlnode.services.evaluator.stdlib.arguments import FUNCTION_CLAUSE, badarg
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.term import Term

erlang = Library("erlang", group="process")

_FUNCTIONS: Final = {
    "nodes": (0, 1),
    "is_alive": (0,),
    "monitor_node": (2,),
    "disconnect_node": (1,),
    "system_info": (1,),
    "whereis": (1,),
    "registered": (0,),
    "register": (2,),
    "unregister": (1,),
    "processes": (0,),
    "is_process_alive": (1,),
    "process_info": (1, 2),
    "group_leader": (0, 2),
    "link": (1,),
    "process_flag": (2,),
    "send": (3,),
    "send_nosuspend": (2, 3),
    "unlink": (1,),
    "monitor": (2,),
    "demonitor": (1, 2),
    "function_exported": (3,),
    "module_loaded": (1,),
}


def _as_answered(name: str, arity: int) -> Callable[..., Term]:
    function = Export("erlang", name, arity)

    def call(*args: Term) -> Term:
        try:
            return modules.apply(function, list(args))
        except ErlangError as error:
            raise badarg() if error.reason in ("badarg", FUNCTION_CLAUSE) else error from None

    return call


for _name, _arities in _FUNCTIONS.items():
    for _arity in _arities:
        erlang.function(_name, _arity)(_as_answered(_name, _arity))
