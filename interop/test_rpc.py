"""rpc and erpc between Python and every BEAM, and what any node is asked."""

from __future__ import annotations

import pytest

from pyerlnode import Atom, CallTimeout, ErlangError, Exit, Node, NodeDown, Throw, erpc, rpc


@pytest.fixture
def alex(beam_node, python_node, target):
    python_node("kate", target("exported.py:app"))
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
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
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
        (":rpc.call(:kate@localhost, :erlang, :system_info, [:otp_release])", "27"),
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
        (
            "for {a, _, _} <- :rpc.call(:kate@localhost, :application, :which_applications, []), do: a",
            "[:stdlib, :kernel]",
        ),
        ("elem(:rpc.call(:kate@localhost, :os, :cmd, [~c'id']), 1) |> elem(1) |> elem(0)", ":undef"),
    ],
)
def test_what_elixir_gets(alex, expression: str, expected: str) -> None:
    text = alex.eval_elixir(f"{CAUGHT}\n{expression}").text
    assert text.strip("'~c\"") == expected


def test_failures_show_python_with_file_and_line(alex) -> None:
    text = alex.eval_elixir(
        """
        {:badrpc, {:EXIT, {error, stack}}} = :rpc.call(:kate@localhost, Kate, :crash, [])
        Exception.format(:error, error, stack)
        """
    ).term
    assert b"ValueError: on purpose" in text
    assert b"exported.py:" in text
    assert b"Kate.crash/0" in text


def test_a_result_that_is_no_term_is_told(alex) -> None:
    assert (
        b"no term"
        in alex.eval_elixir(
            "{:badrpc, {:EXIT, {%{message: m}, _}}} = :rpc.call(:kate@localhost, Kate, :odd, []); m"
        ).term
    )


def test_a_call_that_timed_out_leaves_no_message(alex) -> None:
    assert (
        alex.eval_elixir(
            """
        {:badrpc, :timeout} = :rpc.call(:kate@localhost, Kate, :slow, [100, :x], 10)
        receive do m -> m after 300 -> :nothing end
        """
        ).text
        == ":nothing"
    )


async def test_python_calls_a_beam(beam_node, epmd_port) -> None:
    alex = beam_node("alex")
    there = "alex@localhost"
    async with Node("bob@localhost", cookie="secret", epmd_port=epmd_port):
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
            await rpc.call("absent@localhost", "erlang", "node")
        nodes = [there, "absent@localhost"]
        assert await rpc.multicall(nodes, "erlang", "node") == ([there], ["absent@localhost"])
        sent = erpc.send_request(there, "timer", "sleep", [60_000])
        assert await rpc.call(there, "erlang", "node") == Atom(there)
        alex.kill()
        with pytest.raises(ErlangError) as lost:
            await erpc.receive_response(sent, 20)
        assert lost.value.reason == ("erpc", "noconnection")
