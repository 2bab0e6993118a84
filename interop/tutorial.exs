# The chat and the counter of two first lessons, as a learner writes them; tutorial.py is the same.
defmodule Kate do
  def say_name do
    IO.puts("Hi, my name is Kate")
  end
end

defmodule Chat do
  def receive_message(message) do
    IO.puts(message)
  end

  def receive_message_for_moebi(message, from) do
    IO.puts(message)
    send_message(from, "chicken?")
  end

  def send_message(recipient, message) do
    if String.starts_with?(Atom.to_string(recipient), "moebi@") do
      spawn_task(__MODULE__, :receive_message_for_moebi, recipient, [message, Node.self()])
    else
      spawn_task(__MODULE__, :receive_message, recipient, [message])
    end
  end

  def spawn_task(module, fun, recipient, args) do
    {Chat.TaskSupervisor, recipient}
    |> Task.Supervisor.async(module, fun, args)
    |> Task.await()
  end
end

defmodule Counter do
  use GenServer

  def start_link(initial) do
    GenServer.start_link(__MODULE__, initial, name: __MODULE__)
  end

  def increment do
    GenServer.cast(__MODULE__, :inc)
  end

  def get_count do
    GenServer.call(__MODULE__, :get)
  end

  @impl true
  def init(initial) do
    {:ok, initial}
  end

  @impl true
  def handle_call(:get, _from, count) do
    {:reply, count, count}
  end

  @impl true
  def handle_cast(:inc, count) do
    {:noreply, count + 1}
  end
end

defmodule Counter.Supervisor do
  use Supervisor

  def start_link(initial) do
    Supervisor.start_link(__MODULE__, initial, name: __MODULE__)
  end

  @impl true
  def init(initial) do
    Supervisor.init([{Counter, initial}], strategy: :one_for_one)
  end
end

defmodule Chat.Application do
  use Application

  @impl true
  def start(_type, _args) do
    children = [
      {Task.Supervisor, name: Chat.TaskSupervisor},
      {Counter.Supervisor, 0}
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: Chat.Supervisor)
  end
end

# What mix would do: write chat.app, and start it.
:application.load(
  {:application, :chat,
   [vsn: ~c"0.1.0", mod: {Chat.Application, []}, applications: [:kernel, :stdlib, :elixir]]}
)

{:ok, _} = Application.ensure_all_started(:chat)
