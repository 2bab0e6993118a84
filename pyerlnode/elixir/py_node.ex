defmodule PyNode do
  @moduledoc """
  Python in an Elixir supervision tree: nodes, and processes that live on them.

      children = [
        {PyNode, name: :kate, target: "app.py:children"},
        PyNode.child({:kate, Counter, 0})
      ]

      Supervisor.start_link(children, strategy: :rest_for_one)

  The first child is an operating system process: `pyerlnode run app.py:children`, started by this
  node, connected to it, and ended with it. The second one is a process of that node: what
  `Counter.start_link(0)` gives there, where `Counter` is an exported Python class. It is linked
  to the supervisor, which starts it again, shuts it down and counts it as any other child.

  `rest_for_one` says that the processes of a node go down with it and come back after it.
  A node that runs anyway, started by something else, is named in full:
  `PyNode.child({:"kate@host", Counter, 0})`.

  ## Options of a node

    * `:name` - the name of the server, and the node's name before the `@` (an atom; required)
    * `:target` - what to run, as for `pyerlnode run` (required)
    * `:python` - the interpreter; a path or a program on the PATH (default `"python3"`)
    * `:args` - further options for `pyerlnode run` (default `[]`)
    * `:env` - environment variables, `[{"NAME", "value"}]`; `nil` or `false` removes one
    * `:cd` - the directory to start in
    * `:node` - the node's whole name (default: `:name` at the host of this node)
    * `:cookie` - default: the cookie of this node; it is in no command line
    * `:ready_timeout` - milliseconds until the node must be up (default 20000)
    * `:stop_timeout` - milliseconds from SIGTERM to SIGKILL (default 10000)
    * `:output` - where the program's output goes, line by line: `:logger` (default), `:io` (the
      group leader), or a function of one argument

  ## Why it ends

    * `{:not_up, why, lines}` - the start failed: the program ended (`{:exit_status, n}`) or was too
      slow (`:timeout`); `lines` are the last that it wrote
    * `{:not_connected, node}` - it is up, but this node may not connect to it
    * `{:exit_status, n, lines}` - the program ended by itself
    * `{:nodedown, node}` - the connection is lost; the program is ended

  The program ends when this node does, however that happens: it watches its standard input.

  Put this file among the sources of a Mix project: `cp $(pyerlnode elixir) lib/`. It needs Elixir 1.14.
  """

  use GenServer
  require Logger

  @ready ~r/^(\S+@\S+) up port=\d+ creation=\d+ epmd=\S+$/
  @kept_lines 20
  @poll 50

  defstruct [:port, :os_pid, :node, :options, lines: [], begun: ""]

  # --- the node ---------------------------------------------------------------------------

  @doc "The specification of a node under a supervisor; its id is `{PyNode, name}`."
  def child_spec(options) do
    %{
      id: {__MODULE__, Keyword.fetch!(options, :name)},
      start: {__MODULE__, :start_link, [options]},
      # terminate/2 keeps the time itself: killed, it would leave the program to its own end
      shutdown: :infinity
    }
  end

  @doc "Starts a node and waits until it is up and connected."
  def start_link(options) do
    options = Keyword.merge(defaults(), Keyword.validate!(options, allowed()))
    for key <- [:name, :target], do: Keyword.fetch!(options, key)
    GenServer.start_link(__MODULE__, options, name: options[:name])
  end

  @doc "The node's name."
  def node(server), do: GenServer.call(server, :node)

  @doc "The operating system's number of the node's process."
  def os_pid(server), do: GenServer.call(server, :os_pid)

  @doc "Calls an exported function on the node, as `:erpc.call/5`."
  def call(server, module, function, args, timeout \\ 5_000) do
    :erpc.call(PyNode.node(server), module, function, args, timeout)
  end

  @doc "Waits until the server runs and its node is up: `:ok`, or `{:error, :timeout}` after so many milliseconds."
  def await_up(server, timeout \\ 20_000) do
    case reachable(server, System.monotonic_time(:millisecond) + timeout) do
      {:ok, _} -> :ok
      {:error, _} -> {:error, :timeout}
    end
  end

  # --- processes on a node ------------------------------------------------------------------

  @doc """
  The specification of a child that lives on a Python node: `{where, module, arg}`.

  `where` is the name of a `PyNode` server or a node. The child is what `module.start_link(arg)`
  starts there, and what `which_children` shows is a process of this node that stands for it: messages
  and exit signals go through it in both directions, and it ends when the child does, with its reason.
  (OTP's supervisor may not have a child of another node itself: `count_children` would end it.)

  `:function` and `:args` say otherwise, `:args` being a list of arguments.
  `:await` is how many milliseconds a start waits for a node that is down; the supervisor does nothing
  else meanwhile (default 0). All other options are fields of the specification: `:id` (default
  `module`), `:restart`, `:shutdown`, `:type`, `:significant`, `:modules`.
  """
  def child({where, module, arg}, options \\ []) do
    {start, fields} = Keyword.split(options, [:function, :args, :await])
    args = Keyword.get(start, :args, [arg])
    call = [where, module, Keyword.get(start, :function, :start_link), args, Keyword.take(start, [:await])]
    Map.merge(%{id: module, start: {__MODULE__, :start_child, call}}, Map.new(fields))
  end

  @doc """
  Starts a process on a Python node with the caller, a supervisor, for its parent.

  Gives what the function there gives, with the pid of the process that stands for the child, or
  `{:error, {:nodedown, where}}`.
  """
  def start_child(where, module, function, args, options \\ []) do
    deadline = System.monotonic_time(:millisecond) + Keyword.get(options, :await, 0)

    with {:ok, node} <- reachable(where, deadline) do
      :proc_lib.start_link(__MODULE__, :stand_in, [self(), node, module, function, args])
    end
  end

  @doc "The pid of the process on the Python node behind one that `start_child` gave."
  def pid(stand_in) do
    ref = Process.monitor(stand_in)
    send(stand_in, {__MODULE__, self(), ref})

    receive do
      {^ref, pid} ->
        Process.demonitor(ref, [:flush])
        pid

      {:DOWN, ^ref, _, _, reason} ->
        exit({reason, {__MODULE__, :pid, [stand_in]}})
    end
  end

  @doc false
  def stand_in(parent, node, module, function, args) do
    Process.flag(:trap_exit, true)

    case started(node, module, function, args) do
      {:ok, child} -> begin_standing_in(parent, child, {:ok, self()})
      {:ok, child, info} -> begin_standing_in(parent, child, {:ok, self(), info})
      failed -> not_started(parent, failed)
    end
  end

  defp begin_standing_in(parent, child, result) do
    :proc_lib.init_ack(parent, result)
    stand_in_loop(child)
  end

  defp not_started(parent, result) do
    Process.unlink(parent)
    :proc_lib.init_ack(parent, result)
  end

  # The child's parent is this process, so that an exit signal of the supervisor reaches it as its parent's.
  # One that this process cannot forward, `kill`, the Python node sees.
  defp stand_in_loop(child) do
    receive do
      {:EXIT, ^child, reason} -> exit(reason)
      {:EXIT, _, reason} -> Process.exit(child, reason)
      {__MODULE__, from, ref} when is_pid(from) and is_reference(ref) -> send(from, {ref, child})
      message -> send(child, message)
    end

    stand_in_loop(child)
  end

  defp started(node, module, function, args) do
    :erpc.call(node, :pyerlnode, :start_child, [module, function, args])
  catch
    :error, {:erpc, :noconnection} -> {:error, {:nodedown, node}}
    :error, {:exception, reason, stack} -> {:error, {reason, stack}}
    :exit, {:exception, reason} -> {:error, reason}
    :exit, {:signal, reason} -> {:error, reason}
  end

  # The node behind `where`, if it can be reached before the deadline.
  defp reachable(where, deadline) do
    with {:ok, node} <- node_of(where),
         true <- Node.connect(node) do
      {:ok, node}
    else
      _ ->
        if System.monotonic_time(:millisecond) < deadline do
          Process.sleep(@poll)
          reachable(where, deadline)
        else
          {:error, {:nodedown, where}}
        end
    end
  end

  defp node_of(where) when is_atom(where) do
    if String.contains?(Atom.to_string(where), "@"), do: {:ok, where}, else: ask_node(where)
  end

  defp node_of(where), do: ask_node(where)

  defp ask_node(server) do
    {:ok, GenServer.call(server, :node, :infinity)}
  catch
    # It is about to end or not there: its supervisor has to know of that first.
    :exit, _ -> :error
  end

  # --- the server ---------------------------------------------------------------------------

  @impl true
  def init(options) do
    Process.flag(:trap_exit, true)

    with {:ok, name} <- node_name(options),
         {:ok, python} <- executable(options[:python]) do
      port = Port.open({:spawn_executable, python}, port_options(options, name))
      deadline = System.monotonic_time(:millisecond) + options[:ready_timeout]
      state = %PyNode{port: port, os_pid: os_pid_of(port), node: name, options: options}
      await_ready(state, deadline)
    else
      {:error, reason} -> {:stop, reason}
    end
  end

  @impl true
  def handle_call(:node, _from, state), do: {:reply, state.node, state}
  def handle_call(:os_pid, _from, state), do: {:reply, state.os_pid, state}

  @impl true
  def handle_info({port, {:data, data}}, %{port: port} = state), do: {:noreply, output(state, data)}

  def handle_info({port, {:exit_status, status}}, %{port: port} = state) do
    {:stop, {:exit_status, status, last_lines(state)}, %{state | port: nil}}
  end

  def handle_info({:nodedown, node}, %{node: node} = state) do
    # A program that ends loses its connections first.
    case await_exit(state, 1_000) do
      {:exited, status, state} -> {:stop, {:exit_status, status, last_lines(state)}, state}
      {:running, state} -> {:stop, {:nodedown, node}, state}
    end
  end

  # its port's own end, told beside the exit status
  def handle_info({:EXIT, port, _reason}, state) when is_port(port), do: {:noreply, state}
  def handle_info({:EXIT, _pid, reason}, state), do: {:stop, reason, state}

  def handle_info(message, state) do
    Logger.warning("PyNode #{state.node} got a message that nobody knows: #{inspect(message)}")
    {:noreply, state}
  end

  @impl true
  def terminate(_reason, state), do: stop_program(state)

  # --- starting it ----------------------------------------------------------------------------

  defp await_ready(%{port: port} = state, deadline) do
    left = max(deadline - System.monotonic_time(:millisecond), 0)

    receive do
      {^port, {:data, {:eol, line}}} ->
        if Regex.match?(@ready, state.begun <> line),
          do: connect(%{state | begun: ""}),
          else: state |> output({:eol, line}) |> await_ready(deadline)

      {^port, {:data, data}} ->
        state |> output(data) |> await_ready(deadline)

      {^port, {:exit_status, status}} ->
        {:stop, {:not_up, {:exit_status, status}, last_lines(state)}}

      {:EXIT, pid, reason} when is_pid(pid) ->
        stop_program(state)
        {:stop, reason}
    after
      left ->
        stop_program(state)
        {:stop, {:not_up, :timeout, last_lines(state)}}
    end
  end

  defp connect(state) do
    if Node.connect(state.node) do
      Node.monitor(state.node, true)
      {:ok, state}
    else
      stop_program(state)
      {:stop, {:not_connected, state.node}}
    end
  end

  defp node_name(options) do
    case {options[:node], String.split(Atom.to_string(Node.self()), "@")} do
      {_, ["nonode", "nohost"]} -> {:error, :not_distributed}
      {nil, [_, host]} -> {:ok, :"#{options[:name]}@#{host}"}
      {given, _} -> {:ok, :"#{given}"}
    end
  end

  defp executable(python) do
    case System.find_executable(python) do
      nil -> {:error, {:no_such_program, python}}
      path -> {:ok, path}
    end
  end

  defp port_options(options, name) do
    naming = if :net_kernel.longnames() == true, do: "--name", else: "--sname"
    run = ["-m", "pyerlnode", "run", naming, Atom.to_string(name), "--exit-on-eof"]
    arguments = run ++ options[:args] ++ [options[:target]]
    environment = [{"PYERLNODE_COOKIE", "#{options[:cookie] || Node.get_cookie()}"}, {"PYTHONUNBUFFERED", "1"}]
    directory = if options[:cd], do: [cd: options[:cd]], else: []
    plain = [:binary, :exit_status, :stderr_to_stdout, :hide, line: 4096]
    plain ++ directory ++ [args: arguments, env: variables(environment ++ options[:env])]
  end

  defp variables(environment) do
    for {name, value} <- environment do
      {String.to_charlist("#{name}"), if(value in [nil, false], do: false, else: String.to_charlist("#{value}"))}
    end
  end

  defp os_pid_of(port) do
    case Port.info(port, :os_pid) do
      {:os_pid, os_pid} -> os_pid
      nil -> nil
    end
  end

  defp defaults do
    [python: "python3", args: [], env: [], output: :logger, ready_timeout: 20_000, stop_timeout: 10_000]
  end

  defp allowed, do: [:name, :target, :node, :cookie, :cd] ++ Keyword.keys(defaults())

  # --- ending it --------------------------------------------------------------------------------

  defp stop_program(%{port: nil}), do: :ok

  defp stop_program(state) do
    Node.monitor(state.node, false)
    kill(state, "TERM")

    with {:running, state} <- await_exit(state, state.options[:stop_timeout]) do
      Logger.warning("PyNode #{state.node} did not end in time and is killed")
      kill(state, "KILL")
      await_exit(state, :infinity)
    end

    :ok
  end

  # The number is its own until the port has told the exit status, which only this server takes.
  defp kill(%{os_pid: nil}, _signal), do: :ok
  defp kill(%{os_pid: os_pid}, signal), do: System.cmd("sh", ["-c", "kill -#{signal} #{os_pid} 2>&1"])

  defp await_exit(state, :infinity), do: await_exit_until(state, :infinity)
  defp await_exit(state, timeout), do: await_exit_until(state, System.monotonic_time(:millisecond) + timeout)

  defp await_exit_until(%{port: port} = state, deadline) do
    receive do
      {^port, {:data, data}} -> state |> output(data) |> await_exit_until(deadline)
      {^port, {:exit_status, status}} -> {:exited, status, %{state | port: nil}}
    after
      left(deadline) -> {:running, state}
    end
  end

  defp left(:infinity), do: :infinity
  defp left(deadline), do: max(deadline - System.monotonic_time(:millisecond), 0)

  # --- what it writes -----------------------------------------------------------------------------

  # A long line comes in parts.
  defp output(state, {:noeol, part}), do: %{state | begun: state.begun <> part}

  defp output(state, {:eol, part}) do
    line = state.begun <> part
    write(state.options[:output], state.node, line)
    %{state | begun: "", lines: Enum.take([line | state.lines], @kept_lines)}
  end

  defp write(:logger, node, line), do: Logger.info("[#{node}] #{line}")
  defp write(:io, _node, line), do: IO.puts(line)
  defp write(function, _node, line) when is_function(function, 1), do: function.(line)

  defp last_lines(%{begun: "", lines: lines}), do: Enum.reverse(lines)
  defp last_lines(%{begun: begun, lines: lines}), do: Enum.reverse([begun | lines])
end
