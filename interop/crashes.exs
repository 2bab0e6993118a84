defmodule Faulty do
  use GenServer
  def init(:stop), do: {:stop, :nope}
  def init(how), do: {:ok, %{how: how}}
  def handle_call(:stop, _from, state), do: {:stop, :odd, state}
  def handle_call(:exit, _from, _state), do: exit(:ouch)
  def handle_call(:ping, _from, state), do: {:reply, :pong, state}
  def handle_call(_request, _from, _state), do: raise("boom")
  def handle_cast(_request, _state), do: raise("boom")
end

defmodule Plain do
  use GenServer
  def init(state), do: {:ok, state}
end

defmodule Crashes do
  def boom, do: raise("boom")

  def call(how, request) do
    try do
      {:ok, pid} = GenServer.start(Faulty, how)
      GenServer.call(pid, request)
    catch
      :exit, _ -> :ok
      :error, {:badmatch, _} -> :ok
    end

    :ok
  end

  def cast do
    {:ok, pid} = GenServer.start(Faulty, 1)
    ref = Process.monitor(pid)
    GenServer.cast(pid, :x)
    receive do: ({:DOWN, ^ref, _, _, _} -> :ok)
  end

  def stray do
    {:ok, pid} = GenServer.start(Plain, %{})
    send(pid, :what)
    :sys.get_state(pid)
    :ok
  end
end
