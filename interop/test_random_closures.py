"""Random expressions, as closures, in the BEAM that made them and on a Python node: the same outcome.

The outcome is the value, or the class and the reason; order of maps, the identity of funs and stack traces
do not count.  `PYERLNODE_CLOSURES` says how many expressions the BEAMs try together (default 5,000), and
`PYERLNODE_CLOSURES_SEED` which.  From the command line: `pytest interop/test_random_closures.py`.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Final

import pytest
from random_closures import Closure, Expressions

from pyerlnode.term import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyerlnode.testing import BeamNode

SEED: Final = int(os.environ.get("PYERLNODE_CLOSURES_SEED", "20261121"))
COUNT: Final = int(os.environ.get("PYERLNODE_CLOSURES", "5000")) // 3
BATCH: Final = 200
SHOWN: Final = int(os.environ.get("PYERLNODE_CLOSURES_SHOWN", "5"))

COMPARE: Final = r"""
kate = :kate@localhost
made = fn
  {"erlang", text} ->
    {:ok, tokens, _} = :erl_scan.string(String.to_charlist(text))
    {:ok, forms} = :erl_parse.parse_exprs(tokens)
    {:value, fun, _} = :erl_eval.exprs(forms, [])
    fun
  {"elixir", text} ->
    elem(Code.eval_string(text), 0)
end
# What a release cannot compile, such as a literal that cannot be an operand, is no expression of it.
compiled = fn closure ->
  try do {:ok, made.(closure)} catch _, _ -> :not_compiled end
end
run = fn funs ->
  :lists.map(fn fun -> try do {:ok, fun.()} catch kind, reason -> {kind, reason} end end, funs)
end
plain = fn
  fun, _ when is_function(fun) -> {:"a fun", :erlang.fun_info(fun, :arity)}
  {:EXIT, {reason, [{_, _, _, _} | _]}}, plain -> {:EXIT, plain.(reason, plain)}
  [head | tail], plain -> [plain.(head, plain) | plain.(tail, plain)]
  tuple, plain when is_tuple(tuple) -> tuple |> Tuple.to_list() |> plain.(plain) |> List.to_tuple()
  map, plain when is_map(map) -> map |> :maps.to_list() |> plain.(plain) |> :maps.from_list()
  other, _ -> other
end
there = fn funs ->
  try do :erpc.call(kate, fn -> run.(funs) end, 30_000) catch _, _ ->
    Enum.map(funs, fn fun ->
      try do
        hd(:erpc.call(kate, fn -> run.([fun]) end, 30_000))
      catch kind, reason ->
        {:"not run", {kind, reason}}
      end
    end)
  end
end
closures = :erlang.binary_to_term(Base.decode64!("%s"))
# The compiler's warnings (variables that are not used, types that never match) are of no interest.
{:ok, _} = Application.ensure_all_started(:ex_unit)
me = self()
ExUnit.CaptureIO.capture_io(:stderr, fn ->
  send(me, {:funs, for(closure <- closures, {:ok, fun} <- [compiled.(closure)], do: {closure, fun})})
end)
funs = receive do {:funs, funs} -> funs end
only = Enum.map(funs, &elem(&1, 1))
both = :lists.zip3(funs, run.(only), there.(only))
different =
  for {{{_, text}, _}, a, b} <- both, a !== b, plain.(a, plain) !== plain.(b, plain) do
    {text, inspect(a, limit: 60), inspect(b, limit: 60)}
  end
{length(funs), different}
"""


@pytest.mark.timeout(60 + COUNT // 20)
def test_the_same_outcome_of_random_expressions(
    beam_node: Callable[[str], BeamNode],
    python_node: Callable[[str, str], object],
    target: Callable[[str], str],
    here: Callable[[str], str],
) -> None:
    python_node("kate", target("exported.py:app"))
    alex = beam_node("alex")
    tried, different = 0, []
    signed = has_signed_zeros(alex)
    made = [each for each in closures(SEED, COUNT, signed) if signed or "-0.0" not in each.text]
    for at in range(0, len(made), BATCH):
        sent = base64.b64encode(
            encode([(each.language.encode(), each.text.encode()) for each in made[at : at + BATCH]])
        )
        count, found = alex.eval_elixir(here(COMPARE % sent.decode()), timeout=120).term
        tried += count
        different += found
    different.sort(key=lambda each: len(each[0]))
    assert different == [], told(different)
    assert tried > len(made) * 0.85, (
        f"{len(made) - tried} of {len(made)} expressions of the seed {SEED} are none"
    )


def has_signed_zeros(beam: BeamNode) -> bool:
    """Whether 0.0 and -0.0 are two terms, as they are from OTP 27 on."""
    return beam.eval_erlang("0.0 =/= -0.0").text == "true"


def told(different: list[tuple[bytes, bytes, bytes]]) -> str:
    """The smallest expressions whose outcomes differ."""
    lines = [f"{len(different)} of {COUNT} expressions of the seed {SEED} differ, the smallest of them:"]
    for parts in different[:SHOWN]:
        text, beam, python = (part.decode() for part in parts)
        lines.append(f"{text}\n    the BEAM: {beam}\n    Python:   {python}")
    return "\n".join(lines)


def closures(seed: int, count: int, signed: bool) -> Iterator[Closure]:
    """As many of Erlang as of Elixir."""
    languages = [Expressions(language, seed, signed_zeros=signed) for language in ("erlang", "elixir")]
    for index in range(count):
        yield languages[index % 2].closure()
