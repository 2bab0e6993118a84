# Calls: what is answered, by whom, to which tag, and what is left when nothing is.

defmodule Area.Calls do
  use Suite

  check "the pid, the name and the name with its node are answered" do
    name = unique(:calls)
    pid = named_server(name)
    assert GenServer.call(pid, :ping) == :pong
    assert GenServer.call(at(name), :self) == pid
    assert GenServer.call(at(:conf_server), :ping) == :pong
  end
end
