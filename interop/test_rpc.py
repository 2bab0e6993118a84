"""rpc and erpc between Python and every BEAM, and what any node is asked."""

from __future__ import annotations

import pytest

from pyerlnode import Atom, CallTimeout, ErlangError, Exit, NodeDown, Throw, erpc, rpc

python_only = pytest.mark.parametrize("kate", ["python"], indirect=True)


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


CAUGHT = """
caught = fn call ->
  try do {:ok, call.()} catch
    :error, %{reason: reason} -> {:error, reason}
    kind, reason -> {kind, reason}
  end
end
erpc = fn f, a, t -> caught.(fn -> :erpc.call(:kate@localhost, Kate, f, a, t) end) end
rpc = fn f, a, t -> :rpc.call(:kate@localhost, Kate, f, a, t) end
:ok
"""
ANSWERS = [
    ("erpc.(:add, [1, 2], 5000)", "{:ok, 3}"),
    ("rpc.(:add, [1, 2], 5000)", "3"),
    ("erpc.(:slow, [1, :x], 5000)", "{:ok, :x}"),
    ("erpc.(:fail, [:throw, 5], 5000)", "{:throw, 5}"),
    ("rpc.(:fail, [:throw, 5], 5000)", "5"),
    ("erpc.(:fail, [:exit, 5], 5000)", "{:exit, {:exception, 5}}"),
    ("rpc.(:fail, [:exit, 5], 5000)", "{:badrpc, {:EXIT, 5}}"),
    ("rpc.(:nothing, [1], 5000)", "{:badrpc, {:EXIT, {:undef, [{Kate, :nothing, [1], []}]}}}"),
    ("erpc.(:slow, [60_000, :x], 50)", "{:error, {:erpc, :timeout}}"),
    ("rpc.(:slow, [60_000, :x], 50)", "{:badrpc, :timeout}"),
    (":rpc.block_call(:kate@localhost, Kate, :add, [1, 2])", "3"),
    (":rpc.yield(:rpc.async_call(:kate@localhost, Kate, :add, [1, 2]))", "3"),
    (":rpc.multicall([:kate@localhost, :no@localhost], Kate, :add, [1, 2])", "{[3], [:no@localhost]}"),
    (":erpc.multicall([:kate@localhost], Kate, :add, [1, 2])", "[ok: 3]"),
    ("GenServer.call({:rex, :kate@localhost}, {:call, Kate, :add, [1, 2], self()})", "3"),
    (":erpc.call(:kate@localhost, &Kate.say_name/0) ", ":ok"),
    (":rpc.call(:kate@localhost, :erlang, :node, [])", ":kate@localhost"),
    (":rpc.call(:kate@localhost, :erlang, :nodes, []) |> Enum.member?(node())", "true"),
    (":rpc.call(:kate@localhost, :erlang, :system_info, [:wordsize])", "8"),
    (":rpc.call(:kate@localhost, :erlang, :whereis, [:nobody])", ":undefined"),
    (":rpc.call(:kate@localhost, :erlang, :get_cookie, [])", ":secret"),
    (":rpc.call(:kate@localhost, :code, :ensure_loaded, [Kate])", "{:module, Kate}"),
    (":rpc.call(:kate@localhost, :code, :ensure_loaded, [Nobody])", "{:error, :nofile}"),
    (":rpc.call(:kate@localhost, :erlang, :function_exported, [Kate, :add, 2])", "true"),
    (":rpc.call(:kate@localhost, Kate, :__info__, [:functions])[:add]", "2"),
    (
        "pid = :rpc.call(:kate@localhost, :erlang, :whereis, [:rex]); "
        ":rpc.call(:kate@localhost, Process, :info, [pid, [:registered_name, :trap_exit]])",
        "[registered_name: :rex, trap_exit: true]",
    ),
]
# What a Python node says of itself.
OF_PYTHON = [
    (":rpc.call(:kate@localhost, :erlang, :system_info, [:otp_release])", "27"),
    (
        "for {a, _, _} <- :rpc.call(:kate@localhost, :application, :which_applications, []), do: a",
        "[:exported, :stdlib, :kernel]",
    ),
    ("elem(:rpc.call(:kate@localhost, :os, :cmd, [~c'id']), 1) |> elem(1) |> elem(0)", ":undef"),
]


def different(alex, here, answers: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Which expressions do not give what is expected of them, and what they give."""
    alex.eval_elixir(here(CAUGHT))
    seen = [(asked, expected, alex.eval_elixir(here(asked)).text) for asked, expected in answers]
    return [row for row in seen if row[2].strip("'~c\"") != here(row[1])]


def test_what_elixir_gets(alex, here) -> None:
    assert different(alex, here, ANSWERS) == []


@python_only
def test_what_a_python_node_says_of_itself(alex, here) -> None:
    assert different(alex, here, OF_PYTHON) == []


@python_only
def test_failures_show_python_with_file_and_line(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        {:badrpc, {:EXIT, {error, stack}}} = :rpc.call(:kate@localhost, Kate, :crash, [])
        Exception.format(:error, error, stack)
        """)
    ).term
    assert b"ValueError: on purpose" in text
    assert b"exported.py:" in text
    assert b"Kate.crash/0" in text


@python_only
def test_a_result_that_is_no_term_is_told(alex, here) -> None:
    odd = "{:badrpc, {:EXIT, {%{message: m}, _}}} = :rpc.call(:kate@localhost, Kate, :odd, []); m"
    assert b"no term" in alex.eval_elixir(here(odd)).term


def test_a_call_that_timed_out_leaves_no_message(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        {:badrpc, :timeout} = :rpc.call(:kate@localhost, Kate, :slow, [100, :x], 10)
        # Both answers would be here before that to the last one.
        :x = :rpc.call(:kate@localhost, Kate, :slow, [200, :x])
        receive do m -> m after 0 -> :nothing end
        """)
    ).text
    assert text == ":nothing"


async def test_python_calls_a_beam(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    there, absent = alex.name, here("absent@localhost")
    async with new_node("bob"):
        assert await rpc.call(there, "lists", "sum", [[1, 2, 3]]) == 6
        assert await rpc.block_call(there, "lists", "sum", [[1, 2, 3]]) == 6
        assert await erpc.call(there, "Elixir.String", "upcase", [b"abc"]) == b"ABC"
        with pytest.raises(Throw):
            await erpc.call(there, "erlang", "throw", [1])
        with pytest.raises(Exit) as exited:
            await erpc.call(there, "erlang", "exit", [1])
        assert exited.value.reason == ("exception", 1)
        with pytest.raises(ErlangError) as failed:
            await erpc.call(there, "erlang", "error", [1])
        assert failed.value.reason[:2] == ("exception", 1)
        with pytest.raises(ErlangError) as undefined:
            await rpc.call(there, "nobody", "there", [1])
        assert undefined.value.reason == "undef"
        with pytest.raises(CallTimeout):
            await rpc.call(there, "timer", "sleep", [60_000], timeout=0.05)
        with pytest.raises(NodeDown):
            await rpc.call(absent, "erlang", "node")
        nodes = [there, absent]
        assert await rpc.multicall(nodes, "erlang", "node") == ([there], [absent])
        sent = erpc.send_request(there, "timer", "sleep", [60_000])
        assert await rpc.call(there, "erlang", "node") == Atom(there)
        alex.kill()
        with pytest.raises(ErlangError) as lost:
            await erpc.receive_response(sent, 20)
        assert lost.value.reason == ("erpc", "noconnection")
