"""The harness itself against every BEAM: if this fails, no other interop result means anything."""

from __future__ import annotations

import re
import signal

import pytest

from pyerlnode.testing import BeamError, HarnessError

pytestmark = pytest.mark.distributed


def test_the_release_is_the_one_that_was_asked_for(beam, beam_node):
    node = beam_node("alex")
    assert node.eval_erlang("erlang:system_info(otp_release)").text == f'"{beam.otp}"'
    assert node.eval_elixir("System.version()").text == f'"{beam.elixir}"'


@pytest.mark.parametrize("language", ["elixir", "erlang"])
def test_a_node_has_the_name_cookie_and_epmd_it_was_given(beam_node, epmd_port, node_host, language):
    node = beam_node("alex", cookie="monster", language=language)
    assert node.name == f"alex@{node_host}"
    assert node.eval_erlang("{node(), erlang:get_cookie()}").text.endswith(",monster}")
    assert node.eval_erlang("{ok, Names} = erl_epmd:names(), [N || {N, _} <- Names]").text == '["alex"]'
    assert node.pid == node.os_pid


def test_variables_aliases_and_mailbox_last_from_one_evaluation_to_the_next(beam_node):
    node = beam_node("alex")
    node.eval_elixir("alias Map, as: M; x = M.new(a: 1)")
    assert node.eval_elixir("M.get(x, :a)").text == "1"
    assert node.eval_erlang("Y = 2").text == node.eval_erlang("Y").text == "2"
    node.eval_elixir("send(self(), {:hello, x})")
    assert node.eval_elixir("receive do {:hello, m} -> m end").text == "%{a: 1}"


def test_a_result_comes_as_bytes_and_as_text(beam_node):
    result = beam_node("alex").eval_elixir('{"ok", 1}')
    assert (result.etf, result.text) == (b"\x83h\x02m\x00\x00\x00\x02oka\x01", '{"ok", 1}')


def test_a_large_result_is_whole_and_its_text_short(beam_node):
    result = beam_node("alex").eval_elixir(':binary.copy("x", 3_000_000)')
    assert result.etf == b"\x83m" + (3_000_000).to_bytes(4, "big") + b"x" * 3_000_000
    assert len(result.text) < 10_000


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ('raise "boom"', "error", "(RuntimeError) boom"),
        ("exit(:gone)", "exit", ":gone"),
        ("throw(:ball)", "throw", ":ball"),
        ("Process.exit(self(), :kill)", "down", "killed"),
        ("1 +", "error", "TokenMissingError"),
        ("Enum.nope()", "error", "Enum.nope/0"),
    ],
    ids=["raise", "exit", "throw", "kill", "syntax", "undefined"],
)
def test_what_a_beam_raises_is_an_error_with_its_words(beam_node, source, kind, text):
    node = beam_node("alex")
    with pytest.raises(BeamError) as caught:
        node.eval_elixir(source)
    assert caught.value.kind == kind
    assert text in str(caught.value) and source in str(caught.value)
    assert node.eval_elixir("1 + 1").text == "2"


def test_an_evaluation_that_hangs_times_out_and_the_node_goes_on(beam_node):
    node = beam_node("alex")
    with pytest.raises(BeamError, match=r"no answer after 0\.2 s to: Process\.sleep") as caught:
        node.eval_elixir("Process.sleep(:infinity)", timeout=0.2)
    assert caught.value.kind == "timeout"
    assert node.eval_elixir("1 + 1").text == "2"


def test_processes_wait_independently(beam_node):
    node = beam_node("alex")
    node.eval_elixir("Process.register(self(), :waiting)", process="other")
    node.eval_elixir("send(:waiting, {:from, self()})")
    assert node.eval_elixir("receive do {:from, _} -> :heard end", process="other").text == ":heard"


async def test_an_evaluation_leaves_the_event_loop_free(beam_node):
    assert (await beam_node("alex").eval_elixir_async("1 + 1")).text == "2"
    assert (await beam_node("kate").eval_erlang_async("1 + 1.")).text == "2"


def test_output_is_captured_in_unicode(beam_node):
    node = beam_node("alex")
    node.eval_elixir('IO.puts("Grüße ☺")')
    assert node.wait_for_output("Grüße ☺")
    node.eval_elixir('IO.puts(:stderr, "an error")')
    node.wait_for_output("an error")
    assert "an error" in node.errors and "Grüße" not in node.errors
    with pytest.raises(HarnessError, match="did not write 'never'"):
        node.wait_for_output("never", timeout=0.05)


def test_standard_input_and_output_of_the_node_are_not_the_harness_channel(beam_node):
    node = beam_node("alex")
    assert node.eval_elixir('IO.gets("name? ")').text == ":eof"
    node.wait_for_output("name? ")


@pytest.mark.parametrize("language", ["elixir", "erlang"])
def test_a_node_ends_as_it_is_told(beam_node, language):
    politely, hard = beam_node("alex", language=language), beam_node("kate", language=language)
    assert politely.stop() == 0
    assert hard.kill() == -signal.SIGKILL
    with pytest.raises(HarnessError, match="has ended"):
        hard.eval_erlang("1 + 1")


def test_a_suspended_node_is_silent_and_goes_on_when_resumed(beam_node):
    node = beam_node("alex")
    node.suspend()
    with pytest.raises(BeamError, match="no answer"):
        node.eval_elixir("1 + 1", timeout=0.2)
    node.resume()
    assert node.eval_elixir("1 + 1").text == "2"


def test_nodes_of_two_releases_see_each_other(other_beam, beam_node):
    alex, kate = beam_node("alex"), beam_node("kate", beam=other_beam)
    assert alex.eval_elixir(f'Node.ping(:"{kate.name}")').text == ":pong"
    assert kate.eval_elixir("Node.list() |> Enum.map(&to_string/1)").text == f'["{alex.name}"]'


def test_a_hidden_node_is_in_no_list(beam_node):
    alex, shy = beam_node("alex"), beam_node("shy", hidden=True)
    assert alex.eval_elixir(f'Node.ping(:"{shy.name}")').text == ":pong"
    assert alex.eval_elixir("{Node.list(), length(Node.list(:hidden))}").text == "{[], 1}"


def test_emulator_flags_reach_the_node(beam_node):
    node = beam_node("alex", flags=("-kernel", "net_ticktime", "8"), environment={"A_WORD": "of it's own"})
    assert node.eval_erlang("net_kernel:get_net_ticktime()").text == "8"
    assert node.eval_erlang('os:getenv("A_WORD")').text == '"of it\'s own"'


def test_two_nodes_of_one_name_cannot_be(beam_node):
    beam_node("alex")
    with pytest.raises(HarnessError, match="did not start: it has ended"):
        beam_node("alex")


def test_iex_is_read_as_a_person_reads_it(iex, node_host):
    shell = iex("alex")
    assert shell.wait_for_prompt() == f"iex(alex@{node_host})1>"
    assert shell.command("1+1") == "2"
    assert shell.command('IO.puts("Grüße ☺")') == "Grüße ☺\n:ok"
    assert shell.command('raise "boom"').startswith("** (RuntimeError) boom")
    assert shell.command("x = fn ->") == ""
    assert shell.command('"a\\nb" end; x.()') == '"a\\nb"'
    assert shell.command('String.duplicate("long ", 300)') == '"' + "long " * 300 + '"'


def test_what_others_print_stands_above_what_is_being_typed(iex):
    shell = iex("alex")
    shell.command('p = spawn(fn -> receive do :go -> IO.puts("from elsewhere") end end)')
    assert shell.command("is_reference(Process.send_after(p, :go, 200))") == "true"
    shell.press("1 + ")
    shell.expect(re.compile("^from elsewhere$", re.MULTILINE))
    shell.type("1")
    shell.expect(re.compile("^2$", re.MULTILINE))
    assert shell.command("2 + 2") == "4"


def test_iex_in_a_narrow_window_and_its_end(iex):
    shell = iex("alex", columns=80)
    assert shell.command("Enum.to_list(1..30)").splitlines()[0].endswith(" 22,")
    shell.type("System.halt(3)")
    assert shell.wait_for_end() == 3
    with pytest.raises(HarnessError, match="has ended"):
        shell.command("1+1")


def test_the_erlang_shell_is_read_as_a_person_reads_it(erl, node_host):
    shell = erl("alex")
    assert shell.wait_for_prompt() == f"(alex@{node_host})1>"
    assert shell.command("1+1.") == "2"
    assert shell.command("erlang:error(boom).").startswith("** exception error: boom")
    assert shell.command('io:format("hello~n").') == "hello\nok"
