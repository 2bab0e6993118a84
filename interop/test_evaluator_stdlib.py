"""The functions that closures call against those of the BEAM: random arguments, the same outcome.

Each call is made on both sides, `{ok, Value}` or `{Class, Reason}` compared as terms.  Funs are
external ones, which both sides can call.  What a release does not have, or answers in another
way than OTP 27, is left out for it (`OTHERWISE`).
"""

from __future__ import annotations

import base64
from typing import Any, Final

import pytest
from stdlib_arguments import Arguments
from stdlib_calls import outcome
from stdlib_functions import FUNCTIONS

from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom, Term, encode, equal, to_erlang

SEED: Final = 20261121
CALLS: Final = 2_000
STRANGE: Final = 0.06  # how often an argument is of any kind

# What is no text, no set and the like is found at another place, and said in another way.
TEXTS: Final = frozenset(
    {"string", "unicode", "orddict", "ordsets", "crypto", "base64", "calendar", "io_lib", "binary", "re"}
)
# M:F/A of one release: what it does in another way.
OTHERWISE: Final[dict[int, frozenset[str]]] = {
    25: frozenset({"binary:match/2", "binary:split/2", "binary:split/3", "erlang:term_to_binary/1"}),
    27: frozenset(),
    29: frozenset(),
}

EVALUATE = r"""
lists:map(fun({M, F, A}) -> try {ok, apply(M, F, A)} catch Class:Reason -> {Class, Reason} end end,
          binary_to_term(base64:decode(<<"%s">>)))
"""


def _calls(count: int, seed: int) -> list[tuple[Atom, Atom, list[Term]]]:
    arguments = Arguments(seed)
    every = [
        (module, *line.split(" ", 1))
        for module, lines in FUNCTIONS.items()
        for line in (each.strip() for part in lines.splitlines() for each in part.split(";"))
        if line
    ]
    calls = []
    for at in range(count):
        module, name, *kinds = every[at % len(every)]
        arguments.strange = 0 if module in TEXTS else STRANGE
        calls.append((Atom(module), Atom(name), arguments.of(kinds[0] if kinds else "")))
    return calls


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    registry.load()


def differences(theirs: list[Term], calls: list[Any], otp: int) -> list[str]:
    """The calls that came out in another way here, as text."""
    found = []
    for (module, name, args), there in zip(calls, theirs, strict=True):
        if there == (Atom("error"), Atom("undef")) or f"{module}:{name}/{len(args)}" in OTHERWISE[otp]:
            continue
        here = outcome(module, name, args)
        if not equal(here, there):
            found.append(
                f"{module}:{name}{tuple(map(to_erlang, args))}: {to_erlang(there)}, here {to_erlang(here)}"
            )
    return found


def test_the_functions_of_a_library_give_what_a_beam_gives(beam_node: Any) -> None:
    alex = beam_node("alex")
    otp = int(alex.eval_erlang("list_to_integer(erlang:system_info(otp_release))").text)
    calls = _calls(CALLS, SEED)
    theirs = alex.eval_erlang(EVALUATE % base64.b64encode(encode(calls)).decode(), timeout=60).term
    assert differences(theirs, calls, otp) == []
