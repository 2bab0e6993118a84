"""Calls of functions of the evaluator's library without a machine, for tests.

External funs are called; what would wait cannot be.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom, Export, Term


def outcome(module: str, name: str, args: list[Term]) -> tuple[Term, Term]:
    """`{ok, Value}` or `{Class, Reason}`."""
    try:
        return (Atom("ok"), run(Remote(module, name, args)))
    except ErlangError as error:
        return (Atom("error"), Atom(error.reason) if type(error.reason) is str else error.reason)
    except Exit as error:
        return (Atom("exit"), error.reason)
    except Throw as error:
        return (Atom("throw"), error.value)


def run(asked: Any) -> Term:
    """Make a call and those that it asks for; its value."""
    if isinstance(asked, Call):
        if not isinstance(asked.fun, Export):
            raise ErlangError((Atom("badfun"), asked.fun))
        if asked.fun.arity != len(asked.args):
            raise ErlangError((Atom("badarity"), (asked.fun, list(asked.args))))
        asked = Remote(asked.fun.module, asked.fun.function, asked.args)
    found = registry.find(str(asked.module), str(asked.name), len(asked.args))
    if found is None:
        raise ErlangError(Atom("undef"))
    made = found.call(*asked.args)
    return _finish(made) if found.suspends else made


def _finish(steps: Any) -> Term:
    sent: Term = None
    raised: Exception | None = None
    while True:
        try:
            asked = steps.throw(raised) if raised else steps.send(sent)
        except StopIteration as done:
            return done.value
        try:
            sent, raised = run(asked), None
        except (ErlangError, Exit, Throw) as error:
            raised = error
