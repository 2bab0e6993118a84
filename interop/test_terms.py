"""The codec against the BEAM: golden terms re-encoded, random terms there and back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

import pyerlnode as erl
from pyerlnode import Atom, Node
from pyerlnode.errors import TermDecodeError
from pyerlnode.term import decode, encode

VECTORS = Path(__file__).parent.parent / "tests" / "vectors"
RANDOM_TERMS = 20_000
BATCH = 100
PART = 100

# Random terms of every kind that a program can make without a native record, nested at most 3 deep.
GENERATOR = r"""
Pick = fun(L) -> lists:nth(rand:uniform(length(L)), L) end,
Int = fun() -> Bits = Pick([4, 8, 16, 31, 32, 33, 63, 64, 65, 200, 2100]),
    N = rand:uniform(1 bsl Bits) - 1, Pick([N, -N]) end,
Atom = fun() -> Pick([ok, true, false, nil, undefined, '', 'with space', 'Elixir.Foo', [], <<>>,
    list_to_atom([16#20AC, 16#1F600, $x]), list_to_atom(lists:duplicate(255, 255))]) end,
Bin = fun() -> rand:bytes(rand:uniform(70) - 1) end,
Float = fun() -> <<F:64/float>> = <<(rand:uniform(16#7FEFFFFFFFFFFFFF)):64>>,
    Pick([F, -F, 0.0, -0.0, 1.5]) end,
Leaf = fun() -> (Pick([Int, Int, Atom, Bin, Float, fun() -> self() end, fun() -> make_ref() end,
    fun() -> fun lists:map/2 end, fun() -> hd(erlang:ports()) end,
    fun() -> B = Bin(), S = rand:uniform(8) - 1, <<B/binary, 5:S>> end,
    fun() -> binary_to_list(Bin()) end,
    fun() -> list_to_pid("<0." ++ integer_to_list(rand:uniform(30000)) ++ ".0>") end,
    fun() -> X = Int(), fun(Y) -> {X, Y} end end]))() end,
Term = fun Term(0) -> Leaf();
    Term(D) -> Many = fun() -> [Term(D - 1) || _ <- lists:seq(1, rand:uniform(6) - 1)] end,
        (Pick([Leaf, Leaf, Many, fun() -> list_to_tuple(Many()) end,
            fun() -> Size = Pick([0, 1, 3, 40 div D]),
                maps:from_list([{Term(D - 1), Term(D - 1)} || _ <- lists:seq(1, Size)]) end,
            fun() -> Many() ++ Leaf() end,
            fun() -> {1, 1.0, #{1 => a, 1.0 => b, true => c}} end]))() end,
"""


def _different(beam_node, pairs: list[tuple[bytes, bytes]]) -> list[int]:
    """Which of the pairs the BEAM does not read as the same term."""
    # In parts: a BEAM scans source text as a list, sixteen bytes for a character.
    found: list[int] = []
    for first in range(0, len(pairs), PART):
        found += [first + i for i in _different_in(beam_node, pairs[first : first + PART])]
    return found


def _different_in(beam_node, pairs: list[tuple[bytes, bytes]]) -> list[int]:
    lines = b"".join(base64.b64encode(a) + b" " + base64.b64encode(b) + b"\n" for a, b in pairs)
    text = base64.b64encode(lines).decode()
    result = beam_node.eval_erlang(
        f"""
        (fun() ->
            Lines = binary:split(base64:decode(<<"{text}">>), <<"\\n">>, [global, trim]),
            Read = fun(B) -> binary_to_term(base64:decode(B)) end,
            [I || {{I, Line}} <- lists:zip(lists:seq(0, length(Lines) - 1), Lines),
                begin [A, B] = binary:split(Line, <<" ">>), Read(A) =/= Read(B) end]
        end)()
        """,
        timeout=120,
    )
    return list(result.term)  # type: ignore[call-overload]


def _golden(otp: int) -> list[bytes]:
    lines = [json.loads(line) for line in (VECTORS / "terms.jsonl").read_text().splitlines()]
    return [bytes.fromhex(line["hex"]) for line in lines if otp in line["otp"]]


def test_golden_terms_are_read_back_as_the_same_term(beam, beam_node) -> None:
    golden = _golden(beam.otp) or _golden(29)
    assert len(golden) > 300
    node = beam_node("terms", language="erlang")
    assert _different(node, [(data, encode(decode(data))) for data in golden]) == []


@pytest.mark.timeout(300)
async def test_random_terms_survive_decode_and_encode(beam_node, epmd_port, node_host) -> None:
    """The BEAM makes them, sends them over, and compares what comes back with `=:=`."""

    async def echo() -> None:
        while True:
            sender, value = await erl.receive()
            erl.send(sender, (Atom("back"), value))

    node = beam_node("random", language="erlang")
    async with Node(f"kate@{node_host}", cookie="secret", epmd_port=epmd_port) as kate:
        erl.register("echo", erl.spawn(echo))
        result = await node.eval_erlang_async(
            f"""
            rand:seed(exsss, {{1, 2, 3}}), {GENERATOR}
            Batch = fun() ->
                Terms = [Term(rand:uniform(3)) || _ <- lists:seq(1, {BATCH})],
                [{{echo, '{kate.name}'}} ! {{self(), T}} || T <- Terms],
                [receive {{back, B}} -> B =:= T after 30000 -> lost end || T <- Terms] end,
            Results = [R || _ <- lists:seq(1, {RANDOM_TERMS // BATCH}), R <- Batch()],
            {{length(Results), length([same || true <- Results])}}
            """,
            timeout=200,
        )
        assert result.term == (RANDOM_TERMS, RANDOM_TERMS)


def test_verdicts_on_invalid_input_are_those_of_this_beam(beam, beam_node) -> None:
    """The recorded verdicts are true, and ours is OTP 27's."""
    lines = [json.loads(line) for line in (VECTORS / "invalid.jsonl").read_text().splitlines()]
    node = beam_node("invalid", language="erlang")
    for line in lines:
        if line["name"] == "record_67_unknown_before_29":
            continue  # the bytes of the golden term record_empty, which OTP 29 made: they are read
        verdict = line.get("by_otp", {}).get("27", line["verdict"])
        data = bytes.fromhex(line["hex"])
        if verdict.startswith("accepted"):
            decode(data)
        else:
            with pytest.raises(TermDecodeError):
                decode(data)
        if beam.otp == 27 and "CRASH" not in verdict:
            read = node.eval_erlang(f'catch binary_to_term(binary:decode_hex(<<"{line["hex"]}">>))').text
            assert ("badarg" in read) == (not verdict.startswith("accepted")), line["name"]
