"""How the tests of the lessons read: what is typed at `iex`, and below it what the screen shows then.

    > GenServer.call({Counter, :kate@localhost}, :get)
    0

`...` stands for anything, and so does nothing; the host is that of the run.  A lesson is the
same whether kate is a node of Elixir or of Python.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

# What makes a line of a lesson short enough to be read.
TOOLS = """
defmodule Tools do
  def told do
    receive do m -> m after 10_000 -> :none end
  end
  def told(n), do: for(_ <- 1..n, do: told())
  def trail(n), do: for({what, id, _} <- told(n), do: {what, id})
  def down(ref) do
    receive do {:DOWN, ^ref, _, _, why} -> brief(why) after 10_000 -> :none end
  end
  # What becomes of a server: why it ends.
  def kill(pid, reason \\\\ :kill) do
    ref = Process.monitor(pid)
    Process.exit(pid, reason)
    down(ref)
  end
  def ended_by(server, request) do
    ref = Process.monitor(server)
    GenServer.cast(server, request)
    down(ref)
  end
  # A process that links itself to a server and waits.
  def linked(pid) do
    me = self()
    spawn(fn -> Process.link(pid); send(me, :linked); Process.sleep(:infinity) end)
    |> tap(fn _ -> :linked = told() end)
  end
  def exit_of(f) do
    f.()
  catch
    :exit, {why, {GenServer, :call, [_ | _]}} -> brief(why)
  end
  # Without arguments and the places in the files, which are different in each language.
  def brief({why, [{m, f, _, _} | _]}), do: {brief(why), {:in, m, f}}
  def brief(why), do: why
  def child(sup, id) do
    {_, pid, _, _} = List.keyfind(Supervisor.which_children(sup), id, 0)
    pid
  end
  # sys of OTP 25 shows what later releases send around the state.
  def state(server) do
    with {:ok, state} <- :sys.get_state(server), do: state
  end
  # Asks until it is told to stop; every kind of answer.
  def asking(server) do
    me = self()
    caller = spawn(fn ->
      answers = Stream.repeatedly(fn -> answer(server) end)
      send(me, {:first, self(), hd(Enum.take(answers, 1))})
      ended = fn _ -> receive do :stop -> false after 0 -> true end end
      send(me, {:all, self(), answers |> Stream.take_while(ended) |> Enum.uniq()})
    end)
    receive do {:first, ^caller, first} when is_integer(first) -> caller after 10_000 -> :none end
  end
  def asked(caller) do
    send(caller, :stop)
    receive do {:all, ^caller, answers} -> answers after 10_000 -> [:none] end
  end
  defp answer(server) do
    case exit_of(fn -> GenServer.call(server, :get) end) do
      n when is_integer(n) -> n
      why -> why
    end
  end
end
"""


def source(*names: str) -> str:
    """What stands in these files of Elixir."""
    return "\n".join((_HERE / name).read_text() for name in names)


def host(request: Any, target: Any, program: str, *sources: str) -> Any:
    """The node kate: of Python with a program, or of Elixir with these files, as the fixture says."""
    if request.param == "python":
        return request.getfixturevalue("python_node")("kate", target(program))
    node = request.getfixturevalue("beam_node")("kate")
    node.eval_elixir(source(*sources))
    return node


class Pupil:
    """Somebody at `iex` who types what a lesson says and compares."""

    def __init__(self, shell: Any, names: Any) -> None:
        """`names` gives a text with this run's host."""
        self.shell, self._names = shell, names

    def load(self) -> None:
        """Make known what the shell's variable LESSON holds."""
        assert self.shell.command('Code.eval_string(System.fetch_env!("LESSON")); :ok') == ":ok"
        assert self.shell.command("import Tools") == "Tools"
        # What crashes on purpose is not to stand between a line and its answer.
        assert self.shell.command("Logger.configure(level: :none)") == ":ok"

    def walk(self, lesson: str) -> None:
        """Type the lines of a lesson, each when the screen has shown what the one before gives."""
        for typed, wanted in steps(self._names(lesson)):
            shown = self.shell.command(typed, 30)
            pattern = ".*" if wanted == "" else ".*".join(map(re.escape, wanted.split("...")))
            assert re.fullmatch(pattern, shown, re.DOTALL), f"{typed}\n{shown}\nin the place of\n{wanted}"


def steps(lesson: str) -> list[tuple[str, str]]:
    """Each typed line, and what is to be seen after it."""
    blocks = re.split(r"^> ", lesson, flags=re.MULTILINE)[1:]
    found = []
    for block in blocks:
        typed, _, shown = block.partition("\n")
        lines = (line for line in shown.splitlines() if not line.startswith("#"))
        found.append((typed, "\n".join(lines).strip("\n")))
    return found
