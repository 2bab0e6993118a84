"""Classes of servers as modules: other nodes start them, and get what they get from Elixir's modules."""

from __future__ import annotations

import pytest

ELIXIR = """
defmodule Chat.Room do
  use GenServer
  def start_link(topic), do: GenServer.start_link(__MODULE__, topic)
  def start(topic), do: GenServer.start(__MODULE__, topic)
  def init(topic), do: {:ok, topic}
  def handle_call(:topic, _, topic), do: {:reply, topic, topic}
end
defmodule Chat.Rooms do
  use DynamicSupervisor
  def start_link(arg), do: DynamicSupervisor.start_link(__MODULE__, arg)
  def init(_), do: DynamicSupervisor.init(max_children: 1)
end
defmodule Chat.Basket do
  use Agent
  def start_link(things), do: Agent.start_link(fn -> things end)
end
defmodule Chat do
  use Supervisor
  def start_link(topic), do: Supervisor.start_link(__MODULE__, topic)
  def init(topic), do: Supervisor.init([{Chat.Room, topic}], strategy: :one_for_one)
end
defmodule Chat.Lonely do
  use Supervisor
  def start_link, do: Supervisor.start_link(__MODULE__, [], name: __MODULE__)
  def init([]), do: Supervisor.init([], strategy: :one_for_one)
end
{:ok, top} = Supervisor.start_link([], strategy: :one_for_one, name: Top)
:ok
"""


@pytest.fixture(params=["python", "elixir"])
def kate(request, beam_node, python_node, target):
    if request.param == "python":
        return python_node("kate", target("exported_classes.py:app"))
    node = beam_node("kate")
    # In a process that lives on: the supervisor is linked to it.
    node.eval_elixir(ELIXIR)
    return node


def test_classes_are_started_as_modules(beam_node, kate) -> None:
    alex = beam_node("alex")
    alex.eval_elixir(
        f"""
        kate = :'{kate.name}'
        top = {{Top, kate}}
        start = fn module, args ->
          Supervisor.start_child(top, %{{id: {{module, args}}, start: {{module, :start_link, args}}}})
        end
        gone = fn pid ->
          ref = Process.monitor(pid)
          receive do {{:DOWN, ^ref, _, _, reason}} -> reason after 10_000 -> :none end
        end
        :ok
        """
    )

    def text(source: str) -> str:
        return alex.eval_elixir(source).text

    # What `use` gives.
    specs = "for m <- [Chat, Chat.Rooms, Chat.Room, Chat.Basket], do: :rpc.call(kate, m, :child_spec, [5])"
    assert text(specs) == (
        "[%{id: Chat, start: {Chat, :start_link, [5]}, type: :supervisor}, "
        "%{id: Chat.Rooms, start: {Chat.Rooms, :start_link, [5]}, type: :supervisor}, "
        "%{id: Chat.Room, start: {Chat.Room, :start_link, [5]}}, "
        "%{id: Chat.Basket, start: {Chat.Basket, :start_link, [5]}}]"
    )
    # Under a supervisor there, with the specification from there and with one that is written here.
    assert (
        text("{:ok, chat} = Supervisor.start_child(top, :rpc.call(kate, Chat, :child_spec, [:tea])); :ok")
        == ":ok"
    )
    children = "[{Chat.Room, room, :worker, [Chat.Room]}] = Supervisor.which_children(chat)"
    assert text(f"{children}; {{node(room) == kate, GenServer.call(room, :topic)}}") == "{true, :tea}"
    assert text("{:ok, lonely} = start.(Chat.Lonely, []); GenServer.whereis({Chat.Lonely, kate})") == (
        f"{{Chat.Lonely, :{kate.name}}}"
    )
    again = "Supervisor.start_child(top, %{id: 2, start: {Chat.Lonely, :start_link, []}})"
    # Only later releases leave the specification out.
    assert text(
        f"{{:error, why}} = {again}; why in [{{:already_started, lonely}}] or elem(elem(why, 0), 0)"
    ) in (
        "true",
        ":already_started",
    )
    assert text("{:ok, rooms} = start.(Chat.Rooms, [0]); :ok") == ":ok"
    room = "DynamicSupervisor.start_child(rooms, %{id: 1, start: {Chat.Room, :start_link, [1]}})"
    assert text(f"{{:ok, pid}} = {room}; {room}") == "{:error, :max_children}"
    # sys of OTP 25 shows what later ones send around the state.
    state = text("{:ok, basket} = start.(Chat.Basket, [[1, 2]]); :sys.get_state(basket)")
    assert state in ("[1, 2]", "{:ok, [1, 2]}")
    undef = "{:error, {{:EXIT, {:undef, [frame | _]}}, _}} = start.(Chat.Room, [])"
    assert text(f"{undef}; Tuple.delete_at(frame, 3)") == "{Chat.Room, :start_link, []}"
    # Under a supervisor here, by erpc.
    local = "{:ok, local} = Supervisor.start_link([], strategy: :one_for_one)"
    by_erpc = "%{id: 1, start: {:erpc, :call, [kate, Chat.Room, :start, [:milk]]}}"
    started = f"{local}; {{:ok, far}} = Supervisor.start_child(local, {by_erpc}); node(far) == kate"
    assert text(started) == "true"
    assert text("GenServer.call(far, :topic)") == ":milk"
    # Who is linked ends with the process that erpc made for the call, and may have done so already.
    ended = "case gone.(pid) do :noproc -> true; {_, :return, {:ok, ^pid}} -> true; other -> other end"
    assert text(f"{{:ok, pid}} = :erpc.call(kate, Chat, :start_link, [:tea]); {ended}") == "true"
