"""PyNode: Python nodes as operating system processes under an Elixir supervisor.

A BEAM in a root file system starts that root's own Python, which imports a copy of the package.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

import pyerlnode

HERE = Path(__file__).parent
PACKAGE = Path(pyerlnode.__file__).parent
PY_NODE = PACKAGE / "elixir" / "py_node.ex"

TOOLS = """
defmodule Run do
  def options(more \\\\ []) do
    env = [{"PYTHONPATH", "ROOT"}, {"PYTHONDONTWRITEBYTECODE", "1"}]
    [name: :kate, python: "PYTHON", target: "border.py:app", cd: "HERE", env: env] |> Keyword.merge(more)
  end
  def start(more \\\\ []) do
    Process.flag(:trap_exit, true)
    result = PyNode.start_link(options(more))
    with {:ok, pid} <- result, do: Process.unlink(pid)
    result
  end
  def kill(signal, os_pid), do: shell("kill -#{signal} #{os_pid}")
  def runs(os_pid), do: shell("kill -0 #{os_pid}") == 0
  defp shell(line), do: System.cmd("sh", ["-c", line], stderr_to_stdout: true) |> elem(1)
  # nothing tells of the end of a process that is not ours any more
  def gone(os_pid, tries \\\\ 500)
  def gone(_, 0), do: false
  def gone(os_pid, tries) do
    if runs(os_pid) do
      Process.sleep(20)
      gone(os_pid, tries - 1)
    else
      true
    end
  end
  def ended(pid) do
    ref = Process.monitor(pid)
    receive do {:DOWN, ^ref, _, _, reason} -> reason after 20_000 -> :runs_on end
  end
end
"""


def compiled(node, source: str, name: str) -> None:
    node.eval_elixir(f"Code.compile_string(~S'''\n{source}\n''', \"{name}\")")


@pytest.fixture
def compiling(beam_node):
    node = beam_node("alex")
    compiled(node, PY_NODE.read_text(), "py_node.ex")
    return node


@pytest.fixture(scope="module")
def copies():
    """`copies(root)`: where, seen from inside, a BEAM's root has a copy of what its Python is to run."""
    made = {}

    def copy(root: Path) -> Path:
        if root not in made:
            made[root] = Path(tempfile.mkdtemp(prefix="pyerlnode-source-", dir=root / "tmp"))
            without_bytecode = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PACKAGE, made[root] / "pyerlnode", ignore=without_bytecode)
            (made[root] / "interop").mkdir()
            shutil.copy(HERE / "border.py", made[root] / "interop")
        return Path("/") / made[root].relative_to(root)

    yield copy
    for directory in made.values():
        shutil.rmtree(directory)


@pytest.fixture
def alex(compiling, beam, copies):
    python, source = sys.executable, PACKAGE.parent
    if beam.root is not None:
        assert os.path.lexists(beam.root / "usr/bin/python3"), (
            f"{beam.root} has no Python: scripts/test adds it"
        )
        python, source = "/usr/bin/python3", copies(beam.root)
    tools = TOOLS
    for place, path in {"PYTHON": python, "ROOT": source, "HERE": source / "interop"}.items():
        tools = tools.replace(f'"{place}"', f'"{path}"')
    compiling.eval_elixir(tools)
    compiling.eval_elixir("Logger.configure(level: :none)")
    return compiling


def test_it_compiles_and_says_what_is_wrong(compiling) -> None:
    text = compiling.eval_elixir("""
    Process.flag(:trap_exit, true)
    caught = fn f -> try do f.() rescue error -> error.__struct__ end end
    {PyNode.child_spec(name: :kate, target: "x") |> Enum.sort(),
     caught.(fn -> PyNode.start_link(name: :kate, target: "x", wrong: 1) end),
     caught.(fn -> PyNode.start_link(name: :kate) end),
     PyNode.start_link(name: :kate, target: "x", python: "no-such-python"),
     PyNode.start_child(:kate, Counter, :start_link, [0]),
     PyNode.await_up(:kate, 100)}
    """).text
    assert text == (
        "{[id: {PyNode, :kate}, shutdown: :infinity, "
        'start: {PyNode, :start_link, [[name: :kate, target: "x"]]}], '
        'ArgumentError, KeyError, {:error, {:no_such_program, "no-such-python"}}, '
        "{:error, {:nodedown, :kate}}, {:error, :timeout}}"
    )


def test_it_starts_calls_and_stops_a_program(alex) -> None:
    os_pid = int(
        alex.eval_elixir(
            """
    env = Run.options()[:env] ++ [{"PYERLNODE_LOG", "DEBUG"}]
    {:ok, _} = Agent.start(fn -> [] end, name: :lines)
    {:ok, _} = Run.start(output: fn line -> Agent.update(:lines, &[line | &1]) end, env: env)
    PyNode.os_pid(:kate)
    """,
            timeout=40,
        ).text
    )
    command = Path(f"/proc/{os_pid}/cmdline").read_bytes()
    assert b"pyerlnode" in command
    assert b"secret" not in command
    text = alex.eval_elixir(
        f"""
    called = PyNode.call(:kate, Border, :give, [[1, "two"]])
    facts = {{PyNode.node(:kate), PyNode.await_up(:kate), called, Run.runs({os_pid})}}
    :ok = GenServer.stop(:kate)
    lines = Agent.get(:lines, & &1)
    true = lines != [] and Enum.all?(lines, &is_binary/1)
    {{facts, Run.runs({os_pid}), :kate@localhost in Node.list()}}
    """,
        timeout=40,
    ).text
    assert text == '{{:kate@localhost, :ok, [1, "two"], true}, false, false}'


def test_why_it_ends(alex) -> None:
    text = alex.eval_elixir(
        """
    {:error, {:not_up, {:exit_status, status}, [line]}} = Run.start(target: "border.py:nothing")
    {:error, {:not_up, :timeout, _}} = Run.start(ready_timeout: 1)
    {:error, {:not_up, {:exit_status, 2}, _}} = Run.start(args: ["--no-such-option"])

    {:ok, pid} = Run.start()
    {:error, {:already_started, ^pid}} = Run.start()
    os_pid = PyNode.os_pid(pid)
    Run.kill("KILL", os_pid)
    {:exit_status, killed, _} = Run.ended(pid)

    # a program that does not end when it is told to
    {:ok, pid} = Run.start(stop_timeout: 300)
    stopped = PyNode.os_pid(pid)
    Run.kill("STOP", stopped)
    :ok = GenServer.stop(pid)

    # the connection is lost, the program runs on
    {:ok, pid} = Run.start()
    lost = PyNode.os_pid(pid)
    Node.disconnect(:kate@localhost)
    nodedown = Run.ended(pid)

    # killed itself, its port closes
    {:ok, pid} = Run.start()
    left = PyNode.os_pid(pid)
    Process.exit(pid, :kill)
    {status, line, killed, nodedown, Enum.map([stopped, lost], &Run.runs/1), Run.gone(left)}
    """,
        timeout=58,
    ).text
    assert text == (
        """{2, "pyerlnode run: target 'border.py:nothing': border.py has no nothing", """
        "137, {:nodedown, :kate@localhost}, [false, false], true}"
    )


def test_a_tree_of_both_languages_comes_back_after_the_program_was_killed(alex) -> None:
    text = alex.eval_elixir(
        """
    me = self()
    told = fn -> receive do {:started, :a, pid} -> pid after 20_000 -> raise("it did not start") end end
    children = [{PyNode, Run.options()}, PyNode.child({:kate, Border.Child, nil}, args: [me, :a])]
    {:ok, sup} = Supervisor.start_link(children, strategy: :rest_for_one, max_restarts: 5)
    a = told.()
    before = PyNode.os_pid(:kate)
    Run.kill("KILL", before)
    a2 = told.()
    back = PyNode.os_pid(:kate)
    counts = Supervisor.count_children(sup)
    Supervisor.stop(sup)
    last = receive do {:terminated, :a, reason} -> reason after 0 -> :none end
    {a != a2 and before != back, counts.active, last, Run.runs(back)}
    """,
        timeout=40,
    ).text
    assert text == "{true, 2, :shutdown, false}"


def test_no_program_is_left_behind_by_a_beam_that_is_killed(alex) -> None:
    os_pid = int(alex.eval_elixir("{:ok, pid} = Run.start(); PyNode.os_pid(pid)", timeout=30).text)
    beam = int(alex.eval_elixir(":os.getpid() |> List.to_string() |> String.to_integer()").text)
    os.kill(beam, signal.SIGKILL)
    deadline = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(os_pid, 0)
            time.sleep(0.02)  # nothing tells of the end of a process that is not ours
    assert not Path(f"/proc/{os_pid}").exists()
