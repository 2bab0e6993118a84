"""Elixir's `Agent`: `{Agent, :start_link, [...]}` in a child specification starts an agent here.

Source: Agent of Elixir.
Proof: tests/services/test_builtins_registry.py, interop/test_agents.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import ErlangError
from pyerlnode.otp.agent import start_agent
from pyerlnode.services.builtins.start_options import start_options
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Export, Fun, Term

agent = BuiltinModule("Agent")

_AGENT, _FUNCTION_CLAUSE = Atom("Elixir.Agent"), Atom("function_clause")


@agent.export
async def start_link(*given: Any) -> Term:
    return await _start("start_link", given, link=True)


@agent.export
async def start(*given: Any) -> Term:
    return await _start("start", given, link=False)


@agent.export
def child_spec(arg: Any) -> Term:
    return {Atom("id"): _AGENT, Atom("start"): (_AGENT, Atom("start_link"), [arg])}


async def _start(function: str, given: tuple[Any, ...], *, link: bool) -> Term:
    """A fun, or module, function and arguments; then the options, if there are any."""
    match given:
        case ((Export() | Fun()), *options) if len(options) <= 1:
            initial = given[:1]
        case (Atom(), Atom(), list(), *options) if len(options) <= 1:
            initial = given[:3]
        case _:
            raise ErlangError(_FUNCTION_CLAUSE, [(_AGENT, Atom(function), list(given), [])])
    return await start_agent(initial, link=link, **start_options(*options))
