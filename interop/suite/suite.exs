# What the areas are written with: `check`, the peer they drive, and the run of an area's checks.
#
# An area is a module Area.NAME in NAME.exs.  Its checks run side by side, each in a process of its own that
# is linked to nobody; those with `alone: true` (they cut the connection, count processes, ...) run one by
# one when the others are done.  So a check makes its own servers and names, and waits for what happens:
# no time that it says is one that a loaded machine could miss, and a limit is there for what never comes.
# `use Suite, at_once: 3, patience: 120_000` is for an area of which a few checks keep the peer busy.

defmodule Suite do
  @at_once 16
  @patience 60_000
  # Milliseconds for one thing to come.
  @limit 30_000

  defmacro __using__(options) do
    quote do
      import ExUnit.Assertions
      import Suite
      def at_once, do: unquote(options[:at_once] || @at_once)
      def patience, do: unquote(options[:patience] || @patience)
      Module.register_attribute(__MODULE__, :checks, accumulate: true)
      @before_compile Suite
    end
  end

  defmacro __before_compile__(env) do
    checks = env.module |> Module.get_attribute(:checks) |> Enum.reverse()
    quote do: (def checks, do: unquote(Macro.escape(checks)))
  end

  defmacro check(name, options \\ [], do: block) do
    function = String.to_atom(name)

    quote do
      @checks {unquote(name), unquote(options)}
      def unquote(function)(), do: unquote(block)
    end
  end

  # The peer.

  def peer, do: Application.fetch_env!(:suite, :peer)
  def at(name), do: {name, peer()}
  def otp, do: String.to_integer(System.otp_release())

  # Calls a function of Conf.Fun on the peer, or of any module.
  def fun(name, args \\ []), do: remote(Conf.Fun, name, args)
  def remote(m, f, args), do: :rpc.call(peer(), m, f, args, @limit)

  # A function of the peer's as a term: here there is no such module.
  def capture(name, arity), do: :erlang.make_fun(Conf.Fun, name, arity)

  def server(arg \\ {:state, :fresh}), do: theirs(fun(:start_server, [arg]))
  def named_server(name, arg \\ {:state, :fresh}), do: theirs(fun(:start_server, [arg, name]))
  def supervisor(flags, specs), do: theirs(fun(:start_supervisor, [flags, specs]))
  def spec(id, arg, more \\ %{}), do: Map.merge(%{id: id, start: {Conf.Server, :start_link, [arg]}}, more)

  defp theirs({:ok, pid}) when node(pid) != node(), do: pid

  def unique(prefix), do: :"#{prefix}_#{System.unique_integer([:positive])}"

  # As sys has it: OTP 25 takes the answer of newer releases for the state.
  def state(server) do
    case :sys.get_state(server) do
      {:ok, state} -> state
      state -> state
    end
  end

  # A puppet is a process of the peer that does what `tell` says; everything else it gets comes here.
  def puppet, do: fun(:puppet, [self()])

  def tell(puppet, command, timeout \\ @limit) do
    ref = order(puppet, command)

    receive do
      {^ref, answer} -> answer
    after
      timeout -> raise "no answer to #{inspect(command)}"
    end
  end

  # For a command that is not answered, or later; `answered` waits for it.
  def order(puppet, command) do
    ref = make_ref()
    send(puppet, {:cmd, self(), ref, command})
    ref
  end

  def answered(ref, timeout \\ @limit) do
    receive do
      {^ref, answer} -> answer
    after
      timeout -> raise "no answer"
    end
  end

  # What a puppet has got.
  def forwarded(puppet, timeout \\ @limit) do
    receive do
      {:fwd, ^puppet, message} -> message
    after
      timeout -> raise "nothing was forwarded"
    end
  end

  def caught(function) do
    {:ok, function.()}
  catch
    class, reason -> {class, reason}
  end

  # The reason in the DOWN of a monitor.
  def down(ref, timeout \\ @limit) do
    receive do
      {:DOWN, ^ref, _, _, reason} -> reason
    after
      timeout -> raise "no DOWN"
    end
  end

  # The exit reason of a process after `function` has run.
  def ended(pid, function) do
    ref = Process.monitor(pid)
    function.()
    down(ref)
  end

  # Everything that comes until nothing does for `ms`.
  def mailbox(ms \\ 100) do
    receive do
      message -> [message | mailbox(ms)]
    after
      ms -> []
    end
  end

  def eventually(function, tries \\ div(@limit, 20)) do
    case function.() do
      nope when nope in [nil, false] and tries > 0 ->
        Process.sleep(20)
        eventually(function, tries - 1)

      nope when nope in [nil, false] ->
        raise "it never came true"

      true_at_last ->
        true_at_last
    end
  end

  # Waits until a process of the peer has `n` messages that it has not taken.
  def queued(pid, n) do
    eventually(fn -> remote(:erlang, :process_info, [pid, :message_queue_len]) == {:message_queue_len, n} end)
  end

  # Waits until `watcher` has its monitor of a process of the peer, as a caller has before it calls.
  def watched(pid, watcher) do
    eventually(fn ->
      {:monitored_by, watchers} = remote(:erlang, :process_info, [pid, :monitored_by])
      watcher in watchers
    end)
  end

  # What is the same twice: what the checks before have left is gone by then.
  def settled(function, last \\ nil) do
    case function.() do
      ^last ->
        last

      other ->
        Process.sleep(50)
        settled(function, other)
    end
  end

  # Runs an area's checks against a peer: how many, and `{name, why}` of those that failed.

  def run(area, peer) do
    Application.put_env(:suite, :peer, peer)
    true = Node.connect(peer)
    :ok = :global.sync()
    {last, first} = Enum.split_with(area.checks(), fn {_, options} -> options[:alone] end)
    failures = run_checks(area, first, area.at_once()) ++ run_checks(area, last, 1)
    {length(first) + length(last), failures}
  end

  defp run_checks(area, checks, at_once) do
    checks
    |> Task.async_stream(&outcome(area, &1), max_concurrency: at_once, timeout: :infinity)
    |> Enum.flat_map(fn {:ok, failure} -> failure end)
  end

  defp outcome(area, {name, options}) do
    timeout = Keyword.get(options, :timeout, area.patience())
    {pid, ref} = spawn_monitor(fn -> exit({:done, attempt(area, name)}) end)

    receive do
      {:DOWN, ^ref, _, _, {:done, :passed}} -> []
      {:DOWN, ^ref, _, _, {:done, why}} -> [{name, why}]
      {:DOWN, ^ref, _, _, reason} -> [{name, "ended by " <> inspect(reason)}]
    after
      timeout ->
        {_, stack} = Process.info(pid, :current_stacktrace) || {nil, []}
        Process.exit(pid, :kill)
        [{name, "not done after #{timeout} ms, in #{Exception.format_stacktrace(stack)}"}]
    end
  end

  defp attempt(area, name) do
    apply(area, String.to_atom(name), [])
    :passed
  catch
    class, reason -> Exception.format(class, reason, __STACKTRACE__)
  end
end
