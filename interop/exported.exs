# The module of exported.py as an Elixir node has it: what a test says of one node holds for the other.
defmodule Kate do
  def say_name, do: IO.puts("Hi, my name is Kate")

  def count(n) do
    for i <- 0..(n - 1), do: IO.puts("#{i} ✓")
    IO.puts("done")
    IO.write("no newline")
  end

  def threaded do
    leader = Process.group_leader()

    Task.await(
      Task.async(fn ->
        ^leader = Process.group_leader()
        IO.puts("from a thread")
        IO.write("name? ")
        String.trim_trailing(IO.gets(""), "\n")
      end)
    )
  end

  def echo, do: IO.gets("line: ")

  def add(a, b) when is_integer(a) and is_integer(b), do: a + b

  def slow(ms, value) do
    Process.sleep(ms)
    value
  end

  def crash, do: raise("ValueError: on purpose")

  def fail(:throw, reason), do: throw(reason)
  def fail(:exit, reason), do: exit(reason)
  def fail(:error, reason), do: :erlang.error(reason)

  def tell(to, what), do: send(to, {what, self()})

  def wait do
    receive do
      message -> message
    end
  end

  # What is left behind shows in these.
  def sizes do
    for {table, count} <- [process_count: 1, port_count: 1], do: count * :erlang.system_info(table)
  end
end
