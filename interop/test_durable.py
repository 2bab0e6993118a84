"""State that outlives a crash, seen from every BEAM: stores, tables, and what both languages share."""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import Atom, GenServer, Supervisor, Table, on_call, on_cast, on_info

NODES = {"memory": "kate", "sqlite": "lisa", "postgresql": "mona"}


class Counter:
    """The durable Counter on a Python node, by what is typed at `iex`."""

    def __init__(self, alex: Any, name: str) -> None:
        self._alex = alex
        self._where = f'{{Counter, :"{name}"}}'
        self._node = f':"{name}"'

    def type(self, line: str) -> str:
        return self._alex.command(line.replace("COUNTER", self._where).replace("NODE", self._node))

    def get(self) -> str:
        return self.type("GenServer.call(COUNTER, :get)")

    def kill(self) -> None:
        """Kill the server from iex; the supervisor, asked after that, has another one."""
        children = "Supervisor.which_children({Counter.Supervisor, NODE})"
        assert self.type(f"[{{Counter, pid, :worker, [Counter]}}] = {children}; node(pid) == NODE") == "true"
        self.type("ref = Process.monitor(pid); Process.exit(pid, :kill)")
        assert self.type("receive do {:DOWN, ^ref, _, _, reason} -> reason end") == ":killed"
        assert self.type(f"[{{Counter, new, _, _}}] = {children}; is_pid(new) and new != pid") == "true"


def test_the_count_comes_back_after_a_kill_and_after_a_restart(
    iex, python_node, target, tmp_path, postgresql
) -> None:
    stores = {
        "memory": "memory",
        "sqlite": f"sqlite:///{tmp_path}/count.db",
        "postgresql": postgresql.create(),
    }

    def start(kind: str) -> Any:
        return python_node(
            NODES[kind], target("durable.py:app"), environment={"PYERLNODE_STORE": stores[kind]}
        )

    alex = iex("alex")
    # The release that hears last of a node's end warns of it in the middle of a line.
    alex.command("Logger.configure(level: :error)")
    for kind in stores:
        node = start(kind)
        counter = Counter(alex, node.name)
        assert counter.get() == "0"
        assert counter.type("GenServer.cast(COUNTER, :inc)") == ":ok"
        assert counter.type(":erpc.call(NODE, Counter, :increment, [])") == ":ok"
        assert counter.type(":erpc.call(NODE, Counter, :get_count, [])") == "2"
        for count in (2, 3):
            counter.kill()
            assert counter.get() == str(count)
            assert counter.type("GenServer.cast(COUNTER, :inc)") == ":ok"
            # A cast that is not handled yet dies with the server, as on a BEAM.
            assert counter.get() == str(count + 1)
        # The node ends without knowing it, and once in good order.
        for end in ("kill", "stop"):
            assert counter.type("Node.monitor(NODE, true)") == "true"
            getattr(node, end)()
            # Only then is the next call one of the node's next life.
            assert counter.type("receive do {:nodedown, n} -> n == NODE after 10_000 -> :none end") == "true"
            node = start(kind)
            # Liveness is not state: what is kept in memory is gone with the node.
            assert counter.get() == ("0" if kind == "memory" else "4")
        node.stop()


# The same Counter in Elixir, on the same row, with as much of PostgreSQL's protocol as it takes.
ELIXIR = r"""
defmodule Pg do
  def open(port, database) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    login = <<"user", 0, "tester", 0, "database", 0, database::binary, 0, 0>>
    :ok = :gen_tcp.send(socket, <<byte_size(login) + 8::32, 196_608::32, login::binary>>)
    [] = rows(socket)
    socket
  end
  def query(socket, sql) do
    :ok = :gen_tcp.send(socket, <<?Q, byte_size(sql) + 5::32, sql::binary, 0>>)
    rows(socket)
  end
  defp rows(socket, found \\ []) do
    {:ok, <<type, size::32>>} = :gen_tcp.recv(socket, 5)
    {:ok, body} = if size == 4, do: {:ok, ""}, else: :gen_tcp.recv(socket, size - 4)
    case {type, body} do
      {?Z, _} -> Enum.reverse(found)
      {?E, _} -> raise inspect(body)
      {?D, <<1::16, size::32, value::binary-size(size)>>} -> rows(socket, [value | found])
      _ -> rows(socket, found)
    end
  end
end
defmodule Shared.Counter do
  use GenServer
  @key "'\\x" <> Base.encode16(:erlang.term_to_binary(Counter, minor_version: 2)) <> "'"
  def init({port, database}), do: {:ok, Pg.open(port, database)}
  def handle_call(:get, _, db), do: {:reply, :erlang.binary_to_term(value(db)), db}
  def handle_cast(:inc, db) do
    inc(db)
    {:noreply, db}
  end
  defp inc(db) do
    old = value(db)
    new = bytea(:erlang.term_to_binary(:erlang.binary_to_term(old) + 1))
    where = "key = #{@key} AND value = #{bytea(old)}"
    case Pg.query(db, "UPDATE pyerlnode_store SET value = #{new} WHERE #{where} RETURNING 1") do
      ["1"] -> :ok
      [] -> inc(db)
    end
  end
  defp value(db) do
    ["\\x" <> hex] = Pg.query(db, "SELECT value FROM pyerlnode_store WHERE key = #{@key}")
    Base.decode16!(hex, case: :lower)
  end
  defp bytea(data), do: "'\\x" <> Base.encode16(data) <> "'"
end
"""


def test_both_languages_share_a_row(beam_node, python_node, target, postgresql) -> None:
    url = postgresql.create()
    kate = python_node("kate", target("durable.py:app"), environment={"PYERLNODE_STORE": url})
    alex = beam_node("alex")
    alex.eval_elixir(ELIXIR)
    python = f'{{Counter, :"{kate.name}"}}'
    database = url.rpartition("/")[2]

    def elixir(source: str) -> str:
        return alex.eval_elixir(source.replace("PYTHON", python)).text

    assert elixir("GenServer.cast(PYTHON, :inc); GenServer.call(PYTHON, :get)") == "1"
    elixir(f'{{:ok, _}} = GenServer.start(Shared.Counter, {{{postgresql.port}, "{database}"}}, name: Ours)')
    both = "{GenServer.call(Ours, :get), GenServer.call(PYTHON, :get)}"
    assert elixir(both) == "{1, 1}"
    assert elixir(f"GenServer.cast(Ours, :inc); GenServer.call(Ours, :get); {both}") == "{2, 2}"
    # None is lost when both count at once.
    assert (
        elixir(
            "for _ <- 1..40, do: (GenServer.cast(Ours, :inc); GenServer.cast(PYTHON, :inc));"
            f"GenServer.call(Ours, :get); GenServer.call(PYTHON, :get); {both}"
        )
        == "{82, 82}"
    )
    # Each takes up what the other has left, whichever is killed.
    elixir(f"GenServer.stop(Ours, :shutdown); Node.monitor(:'{kate.name}', true)")
    kate.kill()
    assert elixir("receive do {:nodedown, _} -> :gone after 10_000 -> :none end") == ":gone"
    kate = python_node("kate", target("durable.py:app"), environment={"PYERLNODE_STORE": url})
    assert elixir("GenServer.cast(PYTHON, :inc); GenServer.call(PYTHON, :get)") == "83"
    kate.stop()
    elixir(f'{{:ok, _}} = GenServer.start(Shared.Counter, {{{postgresql.port}, "{database}"}}, name: Ours)')
    assert elixir("GenServer.call(Ours, :get)") == "83"
    # The bytes of a key are the same in both, whatever the release writes by default.
    for key, term in ((Atom("Elixir.Counter"), "Counter"), ((b"user", 5), '{"user", 5}'), ([1, 2], "[1, 2]")):
        written = elixir(f"Base.encode16(:erlang.term_to_binary({term}, minor_version: 2))")
        assert written == f'"{erl.term.encode(key).hex().upper()}"'


def test_a_store_that_is_not_there_is_a_failed_start_that_elixir_prints(
    beam_node, python_node, target
) -> None:
    # Only its functions are asked for, so the node itself starts.
    kate = python_node(
        "kate", target("durable.py:idle"), environment={"PYERLNODE_STORE": "sqlite:////nowhere/x.db"}
    )
    alex = beam_node("alex")
    text = alex.eval_elixir(f"""
    Process.flag(:trap_exit, true)
    spec = %{{id: Counter, start: {{:rpc, :call, [:"{kate.name}", Counter, :start_link, [0]]}}}}
    {{:error, reason}} = Supervisor.start_link([spec], strategy: :one_for_one)
    Exception.format_exit(reason)
    """).text
    assert "failed to start child: Counter" in text
    assert "StoreError: sqlite:////nowhere/x.db: there is no directory /nowhere" in text


# --- tables ------------------------------------------------------------------------------------------


class Keeper(GenServer):
    """Has the table while its user is dead, and gives it to the next one."""

    def init(self) -> None:
        self.table: Table | None = None

    @on_call
    def claim(self, to: Any) -> bool:
        """Whether there is a table for `to`; it is told by another message."""
        if self.table is None:
            return False
        self.table.give_away(to, Atom("again"))
        self.table = None
        return True

    @on_info("ETS-TRANSFER")
    def inherited(self, tab: Any, owner: Any, data: Any) -> None:
        self.table = Table.whereis(tab)


class Tabled(GenServer, module="Elixir.Tabled"):
    """Counts in a table that its keeper inherits."""

    async def init(self) -> None:
        if await GenServer.call("keeper", (Atom("claim"), erl.self())):
            await erl.receive(lambda message: message[0] == "ETS-TRANSFER", 5)
            self.table = Table.whereis("counts")
        else:
            keeper = erl.whereis("keeper")
            assert keeper is not None
            self.table = Table.new("counts", named=True, heir=(keeper, Atom("left")))
            self.table.insert((Atom("count"), 0))

    @on_call
    def get(self) -> int:
        return self.table.lookup_element(Atom("count"))

    @on_cast
    def inc(self) -> None:
        self.table.update_counter(Atom("count"))


class Fresh(GenServer, module="Elixir.Fresh"):
    """Counts in itself: what is lost."""

    def init(self) -> None:
        self.count = 0

    @on_call
    def get(self) -> int:
        return self.count

    @on_cast
    def inc(self) -> None:
        self.count += 1


class Remote(GenServer, module="Elixir.Remote"):
    """Counts in the table of a server in Elixir."""

    def init(self, owner: Any) -> None:
        self.owner = owner

    @on_call
    async def get(self) -> Any:
        return await GenServer.call(self.owner, (Atom("lookup"), Atom("count")))

    @on_cast
    async def inc(self) -> None:
        await GenServer.call(self.owner, (Atom("add"), Atom("count"), 1))


OWNER = """
defmodule EtsOwner do
  use GenServer
  def init(_), do: {:ok, :ets.new(:counts, [:named_table])}
  def handle_call({:lookup, key}, _, t), do: {:reply, :ets.lookup_element(t, key, 2), t}
  def handle_call({:add, key, n}, _, t), do: {:reply, :ets.update_counter(t, key, n, {key, 0}), t}
end
{:ok, _} = GenServer.start(EtsOwner, [], name: EtsOwner)
"""


async def test_tables_of_either_language_keep_what_a_killed_server_knew(new_node, beam_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("kate") as kate:
        await alex.eval_elixir_async(OWNER)
        servers: list[tuple[Any, list[Any], str]] = [
            (Keeper, [], "keeper"),
            (Tabled, [], "Elixir.Tabled"),
            (Fresh, [], "Elixir.Fresh"),
            (Remote, [("Elixir.EtsOwner", alex.name)], "Elixir.Remote"),
        ]
        children = [
            {"id": name, "start": (cls.start_link, args, {"name": name})} for cls, args, name in servers
        ]
        await Supervisor.start_link(children, strategy="one_for_one", name="Elixir.Top")
        for name, left in (("Tabled", "3"), ("Remote", "3"), ("Fresh", "0")):
            text = (
                await alex.eval_elixir_async(f"""
                server = {{{name}, :"{kate.name}"}}
                for _ <- 1..3, do: GenServer.cast(server, :inc)
                3 = GenServer.call(server, :get)
                top = {{Top, :"{kate.name}"}}
                child = fn -> elem(List.keyfind(Supervisor.which_children(top), {name}, 0), 1) end
                pid = child.()
                ref = Process.monitor(pid)
                Process.exit(pid, :kill)
                receive do {{:DOWN, ^ref, _, _, :killed}} -> :ok end
                {{is_pid(child.()), child.() != pid, GenServer.call(server, :get)}}
                """)
            ).text
            # Alive again, all of them; what they knew is where it was kept.
            assert text == f"{{true, true, {left}}}"
        assert (await alex.eval_elixir_async(":ets.lookup(:counts, :count)")).text == "[count: 3]"
        assert await GenServer.call(("Elixir.EtsOwner", alex.name), (Atom("add"), Atom("count"), 4)) == 7
