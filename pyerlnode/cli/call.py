"""`pyerlnode call NODE MODULE FUNCTION [ARG...]`: a function call on another node.

Arguments are Elixir or Erlang terms; the result is printed as one Elixir term.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyerlnode.cli import options as common
from pyerlnode.errors import ConfigError, TermSyntaxError
from pyerlnode.services import rpc
from pyerlnode.services.node import Node
from pyerlnode.term import Atom, Term, parse_elixir, parse_erlang, to_elixir

if TYPE_CHECKING:
    import argparse

    from pyerlnode.node import NodeConfig


def configure(parser: argparse.ArgumentParser) -> None:
    common.add_client(parser)
    parser.add_argument(
        "--timeout", type=common.seconds, default=60.0, metavar="S", help="seconds (default 60)"
    )
    parser.add_argument("node", metavar="NODE")
    parser.add_argument("module", metavar="MODULE", help="Enum, :lists or lists")
    parser.add_argument("function", metavar="FUNCTION")
    parser.add_argument("args", metavar="ARG", nargs="*", help="an Elixir or Erlang term")


def run(options: argparse.Namespace) -> int:
    module, function = module_name(options.module), Atom(options.function.removeprefix(":"))
    args = [term(text) for text in options.args]
    config = common.client_config(options, options.node)
    print(to_elixir(asyncio.run(_call(config, options.node, module, function, args, options.timeout))))
    return 0


async def _call(
    config: NodeConfig, peer: str, module: Atom, function: Atom, args: list[Term], timeout: float
) -> Term:
    async with Node(config) as node:
        await common.reach(node, peer)
        return await rpc.call(peer, module, function, args, timeout=timeout)


def module_name(text: str) -> Atom:
    """`Enum` is Elixir's module, `:lists` and `lists` are Erlang's; `Elixir.Enum` may be written out."""
    if text[:1].isupper() and not text.startswith("Elixir."):
        return Atom(f"Elixir.{text}")
    return Atom(text.removeprefix(":").strip("'"))


def term(text: str) -> Term:
    """One argument: an Elixir term, or else an Erlang one; ConfigError says what is wrong with it."""
    try:
        return parse_elixir(text)
    except TermSyntaxError as elixir:
        try:
            return parse_erlang(text)
        except TermSyntaxError:
            raise ConfigError(f"argument {text!r} is no term: {elixir}") from None
