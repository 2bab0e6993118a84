"""Output and input between Python and every BEAM: group leaders, format strings, print()."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys

import pytest

from pyerlnode import Atom, ErlangError, erpc, io, spawn_monitor
from pyerlnode.process import receive
from pyerlnode.services import io_lib
from pyerlnode.term import to_elixir

python_only = pytest.mark.parametrize("kate", ["python"], indirect=True)

CAPTURE = """
capture = fn input, call ->
  {:ok, device} = StringIO.open(input)
  leader = Process.group_leader()
  Process.group_leader(self(), device)
  result = call.()
  Process.group_leader(self(), leader)
  {result, StringIO.contents(device) |> elem(1)}
end
"""


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


def captured(alex, kate, function: str, args: str = "[]", *, input: str = "") -> object:
    call = f":rpc.call(:'{kate.name}', Kate, {function}, {args}, 5000)"
    return alex.eval_elixir(f"{CAPTURE}\ncapture.({to_elixir(input)}, fn -> {call} end)").term


def test_functions_print_and_ask_where_the_caller_is(alex, kate) -> None:
    assert captured(alex, kate, ":say_name") == ("ok", b"Hi, my name is Kate\n")
    result, text = captured(alex, kate, ":count", "[3]")
    assert (result, text.decode()) == ("ok", "0 ✓\n1 ✓\n2 ✓\ndone\nno newline")
    assert captured(alex, kate, ":threaded", input="typed\n") == (b"typed", b"from a thread\nname? ")
    assert captured(alex, kate, ":echo", input="héllo\n") == ("héllo\n".encode(), b"")
    assert captured(alex, kate, ":echo") == ("eof", b"")


@python_only
def test_input_in_async_code_is_refused(alex, kate) -> None:
    ((badrpc, (_, (reason, _))), text) = captured(alex, kate, ":asks")
    assert badrpc == "badrpc"
    assert b"io.gets" in reason["message"]
    assert text == b"name? "


def test_a_spawned_function_prints_there(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        {:ok, device} = StringIO.open("")
        Process.group_leader(self(), device)
        {_, ref} = Node.spawn_monitor(:kate@localhost, Kate, :say_name, [])
        receive do {:DOWN, ^ref, _, _, :normal} -> StringIO.contents(device) after 12_000 -> :none end
        """)
    ).text
    assert text == r'{"", "Hi, my name is Kate\n"}'


def test_a_group_leader_that_is_gone_is_terminated(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        {:ok, device} = StringIO.open("")
        Process.group_leader(self(), device)
        GenServer.stop(device)
        {:badrpc, {:EXIT, {reason, _}}} = :rpc.call(:kate@localhost, Kate, :say_name, [])
        reason
        """)
    ).text
    assert text == ":terminated"


def test_the_console_of_a_node_serves_the_others(alex, kate) -> None:
    leader = f"Process.group_leader(self(), :rpc.call(:'{kate.name}', :erlang, :whereis, [:user]))"
    alex.eval_elixir(
        f"""
        {leader}
        IO.puts("from elixir ✓")
        :io.format("~s is ~.2f and ~tp~n", ["pi", 3.14159, [1, "x"]])
        IO.inspect(%{{a: 1}})
        """
    )
    kate.wait_for_output('from elixir ✓\npi is 3.14 and [1,<<"x">>]\n%{a: 1}\n', 5)
    assert alex.eval_elixir("{:ok, opts} = :io.getopts() |> then(&{:ok, &1}); is_list(opts)").text == "true"
    refused = alex.eval_elixir(
        "{:error, reason} = :io.request(Process.group_leader(), :nonsense); reason"
    ).text
    assert refused in (":request", "{:request, :nonsense}")  # the latter before OTP 26
    assert alex.eval_elixir('IO.gets("? ")').text == ":eof"


def test_what_is_printed_at_the_start_comes_after_the_first_line(python_node, target) -> None:
    kate = python_node("kate", target("exported.py:app"))
    assert kate.wait_for_output(re.compile(rf"\A{kate.name} up .*\nimported\nstarted\n"), 5)


async def test_a_python_process_prints_on_a_beam(beam_node, new_node) -> None:
    alex = beam_node("alex")
    alex.eval_elixir('{:ok, d} = StringIO.open("typed\\n"); Process.register(d, :device)')
    async with new_node("bob"):
        device = await erpc.call(alex.name, "erlang", "whereis", [Atom("device")])
        assert await io.puts("wide ✓", device) == "ok"
        assert await io.gets("? ", device) == "typed\n"
        assert await io.gets("? ", device) is None
        assert await io.columns(device) is None
        with pytest.raises(ErlangError):
            await io.request(Atom("nonsense"), device)
        contents = alex.eval_elixir("StringIO.contents(Process.whereis(:device))")
        assert contents.text == r'{"", "wide ✓\n"}'
        alex.kill()
        with pytest.raises(ErlangError) as lost:
            await io.puts("x", device)
        assert lost.value.reason == "terminated"


async def test_a_beam_process_prints_on_the_python_node(beam_node, new_node, capfd) -> None:
    alex = beam_node("alex")
    async with new_node("bob"):
        await erpc.call(alex.name, "io", "format", [b"~s~n", [b"called"]])
        _, ref = await spawn_monitor(alex.name, "Elixir.IO", "puts", [b"spawned"])
        await receive(lambda message: message[1] == ref, timeout=20)
    assert capfd.readouterr().out.splitlines()[-2:] == ["called", "spawned"]


FORMATS = """
[
  {"~s|~10s|~-10s|~.3s|~10.3s|~-10.3s|~3s", ["abc", "abc", "abc", "abcdef", "abcdef", "abcdef", "abcdef"]},
  {"~10.10.0s|", ["abc"]}, {"~10..*s|~10..xs|", [?-, "abc", "d"]}, {"~5.3s|", [:abcdefg]},
  {"~3.5s|", ["abc"]},
  {"~w ~p ~w ~p", [~c"abc", ~c"abc", "abc", "abc"]}, {"~p", [%{1 => 1, 2 => [1, 2.5, {:x}]}]},
  {"~ts ~s ~tp ~tw", ["é✓", [233], ~c"é", :"é✓"]}, {"~p ~tp", [:"é✓", :"é✓"]},
  {"~c~c~tc|~5c|~3.2c|~.3c|~-5c|", [97, 233, 0x2713, ?x, ?x, ?x, ?x]},
  {"~f ~.2f ~10.3f|~-10.2f|", [1.5, 2.345, 3.14159, 2.5]}, {"~f", [1]}, {"~.0f", [1.5]},
  {"~e ~.3e ~12.4e|", [1.5, 12345.678, 0.00012]}, {"~e", [2]}, {"~.1e", [1.5]},
  {"~g ~g ~g ~.3g ~g", [1.5, 123456.0, 0.0001, 3.14159, 0.0]}, {"~.1g ~.2g ~g", [1.5, 0.05, -1234.5]},
  {"~b ~.16b ~.2B ~B ~.16B ~.36b", [10, 255, 5, -3, 255, 12345]}, {"~.37b", [1]}, {"~b", [1.5]},
  {"~.16# ~.16+ ~10.16#|~#", [255, 255, 255, 7]}, {"~.16x ~.16X", [255, ~c"0x", -255, ~c"0x"]},
  {"~x", [10, "p"]}, {"~3b|~5b|~-5b|~8..0b", [12345, 42, 42, 42]},
  {"~i~s~~~n", [1, "x"]}, {"~3n", []}, {"~*s|", [5, "a"]}, {"~*s|", [-5, "a"]}, {"~.*f", [2, 1.239]},
  {"~W ~W", [[1, 2, 3, 4, 5], 3, {1, 2, 3, 4}, 2]},
  {"~P ~P", [[1, 2, 3, 4, 5], 3, %{1 => 1, 2 => 2, 3 => 3}, 2]},
  {"~W", [[1, [2, [3, [4]]]], 4]}, {"~P", [{:a, {:b, {:c, {:d}}}}, 3]}, {"~W", [1, 0]}, {"~W", [[1 | 2], 2]},
  {"~W", ["binary data", 3]}, {"~W", [%{1 => 1, 2 => 2, 3 => 3}, 3]}, {"~W", [~c"abcdef", 3]},
  {"~P", [~c"abcdef", 5]},
  {"~s", [:atom]}, {"~s", [[~c"a", "b", [99 | "d"]]]}, {"~s", [5]}, {"~s", [[8364]]}, {"~ts", [<<255>>]},
  {"~s", [<<255>>]}, {"~s ~s", [nil, true]}, {"~s", [1.5]}, {"é ~s", ["x"]},
  {"~p", []}, {"~p", [1, 2]}, {"~", []}, {"~q", [1]}, {"~5", [1]}, {"abc", []}, {"", []}, {"~p", :notalist},
  {"~5p|~10p", [:abc, 1]}, {"~-5p", [:abc]}, {"~5w|~-5w|~2w|", [:abc, :abc, :abc]}, {"~10.5p|", [:abc]},
  {"~p ~p ~p ~w", [1.0, 1.0e100, -0.0, 1.0e-7]}, {"~p ~p ~p ~w", [<<1, 2, 3>>, <<1::3>>, [], <<1, 2, 3>>]},
  {"~p ~p ~p ~p", ["", {}, %{}, ~c"a\\nb\\"c"]}, {"~p ~p ~p", [:"A b", :"it's", [{1, "a"} | :b]]},
  {"~lp ~lw", [~c"abc", "a"]}, {:"atom~s", ["x"]}
]
|> Enum.map(fn {format, args} ->
  text = try do {:ok, :unicode.characters_to_binary(:io_lib.format(format, args))} rescue _ -> :error end
  {format, args, text}
end)
"""


def test_format_strings_give_what_io_lib_gives(beam_node) -> None:
    different = []
    for template, args, expected in beam_node("alex").eval_elixir(FORMATS).term:
        try:
            text: object = ("ok", io_lib.format(template, args).encode())
        except ErlangError:
            text = "error"
        if text != expected:
            different.append((template, expected, text))
    assert different == []


async def test_source_text_is_evaluated_there(beam_node, new_node) -> None:
    there = beam_node("alex").name
    async with new_node("bob"):
        async with asyncio.timeout(20):
            assert await erpc.eval_elixir(there, "Enum.map(1..3, & &1 * n)", {"n": 2}) == [2, 4, 6]
            assert await erpc.eval_erlang(there, "X = N + 1, {X, node()}", {"N": 1}) == (2, there)
            with pytest.raises(ErlangError) as failed:
                await erpc.eval_elixir(there, "raise ~s(no)")
            assert failed.value.reason[1]["message"] == b"no"
            with pytest.raises(ErlangError):
                await erpc.eval_erlang(there, "X = = 1")


FULL_LINE = """
{:io_request, self(), make_ref(), {:put_chars, :unicode, String.duplicate("x", 10_000)}}
"""


def start_unread(name: str, program: str, port: int) -> subprocess.Popen[bytes]:
    """A node as `pyerlnode run` starts it, that is up, and whose further output nobody reads."""
    command = [sys.executable, "-m", "pyerlnode", "run", "--sname", name, "--cookie", "secret"]
    environment = {**os.environ, "ERL_EPMD_PORT": str(port)}
    node = subprocess.Popen(
        [*command, program], bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert node.stdout is not None
    assert node.stdout.readline().startswith(f"{name} up ".encode())
    return node


def test_a_node_whose_output_nobody_reads_goes_on_and_loses_nothing(
    beam_node, epmd_port, target, node_host
) -> None:
    far = f"far@{node_host}"
    node = start_unread(far, target("exported.py:app"), epmd_port)
    try:
        alex = beam_node("alex")
        # 40 writers of 10 kB each, of processes there and here; a full pipe has room for six of them.
        alex.eval_elixir(
            f"""
            far = :"{far}"
            user = :rpc.call(far, :erlang, :whereis, [:user])
            Process.group_leader(self(), user)
            for n <- 1..40 do
              text = String.duplicate(<<rem(n, 26) + ?a>>, 10_000)
              spawn(fn -> :ok = IO.puts(user, text) end)
            end
            Node.spawn(far, Kate, :count, [3])
            """
        )
        answered = alex.eval_elixir(
            f"""
            far = :"{far}"
            for _ <- 1..5, do: {{Node.ping(far), :rpc.call(far, Kate, :add, [1, 2], 9000)}}
            """
        )
        assert answered.term == [("pong", 3)] * 5
        output = b""
        while output.count(b"\n") < 46 or b"no newline" not in output:
            output += os.read(node.stdout.fileno(), 65536)
        lines = output.decode().split("\n")
        assert sorted(line[0] for line in lines if len(line) == 10_000) == sorted(
            chr(n % 26 + ord("a")) for n in range(1, 41)
        )
        assert [line for line in lines if len(line) < 100] == [
            "imported",
            "started",
            "0 ✓",
            "1 ✓",
            "2 ✓",
            "done",
            "no newline",
        ]
        # Full again, and told to end.
        flood = f'for _ <- 1..40, do: send({{:user, :"{far}"}}, {FULL_LINE})'
        assert alex.eval_elixir(f'{flood}\nNode.ping(:"{far}")').text == ":pong"
        node.terminate()
        assert node.wait(10) == 0
    finally:
        node.kill()
        node.wait()
        node.stdout.close()
