"""Closures that real shells of OTP 25 to 29 made, with what came of them there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from closure_tools import Screen, rows, run, started, term

from pyerlnode.errors import TermError
from pyerlnode.services import builtins, io, local
from pyerlnode.services.modules import Module
from pyerlnode.term import Atom, Fun, ImproperList, Map, Pid, Reference, encode, equal

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

_ORDER = "the order of a map's keys is that of atoms in the BEAM's table"
_IMPORT = "a compiled pattern is imported by `re:import/1`, which is not here"
# What differs, and why; everything else is as it was there.
KNOWN: dict[tuple[str, str], str] = {
    ("e_fun_ref_bif", "25"): "OTP 25's shell has no fun of a function without a module",
    ("inspect_misc", "25"): "Elixir 1.14 shows charlists in single quotes",
    ("inspect_nested", "27"): _ORDER,
    ("inspect_nested", "29"): _ORDER,
    ("io_inspect", "27"): _ORDER,
    ("sigil_r_match", "29"): _IMPORT,
    ("sigil_r_op", "29"): _IMPORT,
}
kate = Module("Kate")


@pytest.fixture(autouse=True)
def exported() -> None:
    builtins.load()

    async def say_name() -> Atom:
        return await io.puts("My name is Kate")

    def add(a: int, b: int) -> int:
        return a + b

    for function in (say_name, add):
        if kate.find(function.__name__, function.__code__.co_argcount) is None:
            kate.export(function)


def comparable(value: Any) -> Any:
    """The value without what is different in every node: identities of funs, pids and references."""
    if isinstance(value, Fun):
        return (Atom("fun"), value.arity)
    if isinstance(value, Pid | Reference):
        return Atom(type(value).__name__)
    if type(value) in (list, tuple):
        return type(value)(map(comparable, value))
    if type(value) is ImproperList:
        return ImproperList([comparable(each) for each in value.elements], comparable(value.tail))
    if type(value) in (dict, Map):
        return Map([(comparable(key), comparable(each)) for key, each in value.items()])
    return value


async def agrees(runtime: Runtime, row: dict[str, Any]) -> bool:
    screen = Screen(runtime)
    args, inbox = term(row["args_hex"]), term(row["inbox_hex"])
    try:
        outcome, value = await run(runtime, term(row["fun_hex"]), args, inbox, screen.process.pid)
        same = equal(comparable(value), comparable(term(row["expected_hex"])))
    except TermError:
        return False
    finally:
        screen.process.die(Atom("kill"))
    return outcome == row["outcome"] and same and screen.text == row["output"]


@pytest.mark.parametrize("otp", ["25", "27", "28", "29"])
@pytest.mark.parametrize("lang", ["elixir", "erlang"])
async def test_the_corpus(lang: str, otp: str) -> None:
    mine = [row for row in rows() if (row["lang"], row["otp"]) == (lang, otp)]
    if not mine:
        assert (lang, otp) == ("elixir", "28")
        return
    runtime = started()
    local.remember(SimpleNamespace(runtime=runtime, is_alive=False, nodes=lambda kind="visible": []))
    different = {row["name"] for row in mine if not await agrees(runtime, row)}
    await runtime.stop(Atom("shutdown"))
    assert different <= {name for name, release in KNOWN if release == otp}


async def test_a_closure_goes_back_byte_for_byte() -> None:
    for row in rows():
        data = bytes.fromhex(row["fun_hex"])
        if data[1] == 112:  # NEW_FUN_EXT
            assert encode(term(row["fun_hex"])) == data
