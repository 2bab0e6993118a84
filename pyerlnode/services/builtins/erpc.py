"""`erpc:execute_call/4` and `execute_cast/3`: what rpc and erpc of another node spawn here.

The process answers by what it exits with, which its caller's monitor reports:

    {Ref, return, Value}    {Ref, throw, Value}    {Ref, exit, Reason}    {Ref, error, Reason, Stack}

Source: erpc.erl of OTP's kernel.
Proof: tests/services/test_erpc.py, interop/test_rpc.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.process import error_reason, exit_reason, stacktrace, this_process
from pyerlnode.process.spawning import apply_export
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Export, Reference, Term

_BADARG = Atom("badarg")
_RETURN, _THROW, _EXIT, _ERROR = Atom("return"), Atom("throw"), Atom("exit"), Atom("error")
_MAX_ARITY = 255
_SYSTEM_LIMIT = Atom("system_limit")

erpc = BuiltinModule(":erpc")


class Outcome(tuple[Any, ...]):
    """The exit reason of a process that has a result: a tuple that says what stands in for it.

    `instead` is sent where the result cannot be: a Python object is no term.
    """

    @property
    def instead(self) -> Term:
        ref, kind, value = self
        text = f"the function's result is no term: {kind} {value!r}"[:1000]
        reason = error_reason(TypeError(text))
        return (ref, _ERROR, reason, [])


async def run(module: Atom, function: Atom, args: list[Term]) -> Any:
    """Call a function and wait for what it returns."""
    if len(args) > _MAX_ARITY:
        raise ErlangError(_SYSTEM_LIMIT, [(module, function, args, [])])
    return await apply_export(this_process().runtime, Export(module, function, len(args)), args)


@erpc.export
async def execute_call(ref: Reference, module: Atom, function: Atom, args: list[Term]) -> None:
    """Call, and exit with what came of it."""
    try:
        outcome = Outcome((ref, _RETURN, await run(module, function, args)))
    except Throw as thrown:
        outcome = Outcome((ref, _THROW, thrown.value))
    except Exit as exited:
        outcome = Outcome((ref, _EXIT, exit_reason(exited)))
    except Exception as error:
        raise Exit((ref, _ERROR, error_reason(error), stacktrace(error))) from None
    raise Exit(outcome)


@erpc.export
async def execute_cast(module: Atom, function: Atom, args: list[Term]) -> None:
    """Call; what it returns is of no interest."""
    await run(module, function, args)
