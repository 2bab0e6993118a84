# A learner's tests: one of them needs the node kate, and is left out where this node is not distributed.
exclude = if Node.alive?(), do: [], else: [distributed: true]
ExUnit.start(exclude: exclude, colors: [enabled: false])

defmodule ChatTest do
  use ExUnit.Case, async: true

  test "a message is text" do
    assert is_binary("hi")
  end

  @tag :distributed
  test "a message is sent to kate" do
    kate = String.to_atom(System.fetch_env!("KATE"))
    task = Task.Supervisor.async({Chat.TaskSupervisor, kate}, Chat, :receive_message, ["hi from a test"])
    assert Task.await(task) == :ok
  end
end
