"""Phoenix.PubSub among Python and BEAM nodes.

What plays it on the BEAM is pubsub.exs, and, where PHOENIX_PUBSUB_SRC names a checkout of
phoenix_pubsub, the library itself.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
CHECKOUT = os.environ.get("PHOENIX_PUBSUB_SRC")
FILES = ("adapter", "pg2", "supervisor", "application")
ADAPTER = "Elixir.Demo.PubSub.Adapter"

HELPERS = """
defmodule Demo do
  # Wait for a fact; what it gave at last.
  def eventually(fact, wanted, tries \\\\ 1500) do
    seen = fact.()
    if seen == wanted or tries == 0, do: seen, else: (Process.sleep(20); eventually(fact, wanted, tries - 1))
  end

  def members(group), do: length(:pg.get_members(Phoenix.PubSub, group))

  def take(count), do: for(_ <- 1..count, do: (receive do m -> m after 30_000 -> :nothing end))
end
"""


def sources(library: str) -> list[str]:
    if library == "stand-in":
        return [(HERE / "pubsub.exs").read_text()]
    lib = Path(CHECKOUT or "") / "lib" / "phoenix"
    return [*((lib / "pubsub" / f"{name}.ex").read_text() for name in FILES), (lib / "pubsub.ex").read_text()]


@pytest.fixture(params=["stand-in", "real"] if CHECKOUT else ["stand-in"])
def boot(request: pytest.FixtureRequest, beam_node: Any) -> Callable[..., Any]:
    """Start a BEAM with the PubSub."""

    def start(name: str, pool_size: int = 1, **options: Any) -> Any:
        node = beam_node(name, **options)
        for source in [*sources(request.param), HELPERS]:
            encoded = base64.b64encode(source.encode()).decode()
            node.eval_elixir(f'Code.compile_string(Base.decode64!("{encoded}"))\n:ok', timeout=60)
        start = "Phoenix.PubSub.Supervisor" if request.param == "real" else "Phoenix.PubSub"
        node.eval_elixir(
            "{:ok, _} = :pg.start(Phoenix.PubSub)\n"
            f"{{:ok, _}} = {start}.start_link(name: Demo.PubSub, pool_size: {pool_size})\n:ok"
        )
        return node

    return start


def join(alex: Any, kate: Any, *groups: str, members: int = 2) -> None:
    assert alex.eval_elixir(f"Node.connect(:'{kate.name}')").text == "true"
    for group in groups or (ADAPTER,):
        fact = f"Demo.eventually(fn -> Demo.members(:'{group}') end, {members})"
        assert alex.eval_elixir(fact, timeout=40).text == str(members)


def test_what_arrives_on_in_goes_out(boot, python_node, target) -> None:
    kate = python_node("kate", target("pubsub.py:app"))
    alex = boot("alex")
    join(alex, kate)
    got = alex.eval_elixir(
        f"""
        alias Phoenix.PubSub
        kate = :'{kate.name}'
        :ok = PubSub.subscribe(Demo.PubSub, "out")
        terms = [1, "text", :atom, {{:a, [1.5 | :b]}}, %{{self() => make_ref()}}, &is_atom/1, <<1::3>>]
        for t <- terms, do: :ok = PubSub.broadcast(Demo.PubSub, "in", t)
        same = Demo.take(7) == terms
        :ok = PubSub.broadcast_from(Demo.PubSub, self(), "in", :from)
        :ok = PubSub.direct_broadcast(kate, Demo.PubSub, "in", :direct)
        :ok = PubSub.local_broadcast(Demo.PubSub, "in", :not_there)
        event = %{{__struct__: Phoenix.Socket.Broadcast, topic: "in", event: "e", payload: %{{"a" => 1}}}}
        send({{Demo.PubSub.Adapter, kate}}, {{:forward_to_local, "in", event, Phoenix.Channel.Server}})
        rest = Demo.take(3)
        :ok = PubSub.unsubscribe(Demo.PubSub, "out")
        :ok = PubSub.broadcast(Demo.PubSub, "in", :nobody_hears)
        {{same, rest == [:from, :direct, event]}}
        """,
        timeout=40,
    )
    assert got.text == "{true, true}"


def test_processes_of_python_subscribe_and_broadcast(boot, python_node, target) -> None:
    kate = python_node("kate", target("pubsub_member.py:app"))
    alex = boot("alex", pool_size=2)
    join(alex, kate, ADAPTER, f"{ADAPTER}_2")
    got = alex.eval_elixir(
        f"""
        alias Phoenix.PubSub
        member = {{:member, :'{kate.name}'}}
        :ok = PubSub.subscribe(Demo.PubSub, "a")
        subscribed = GenServer.call(member, {{:subscribe, "a"}})
        for n <- 1..20 do
          Task.await(Task.async(fn -> PubSub.broadcast(Demo.PubSub, "a", {{:elixir, n}}) end))
        end
        heard = GenServer.call(member, {{:heard, 20}}, 30_000)
        mine = Demo.take(20)
        ok = for how <- [:broadcast, :broadcast_from, :local_broadcast],
               do: GenServer.call(member, {{how, "a", {{:python, how}}}})
        direct = GenServer.call(member, {{:direct_broadcast, node(), "a", :direct}})
        here = Demo.take(3)
        there = GenServer.call(member, {{:heard, 2}}, 30_000)
        gone = GenServer.call(member, {{:unsubscribe, "a"}})
        :ok = PubSub.broadcast(Demo.PubSub, "a", :unheard)
        wanted = for n <- 1..20, do: {{:elixir, n}}
        {{subscribed, Enum.sort(heard) == wanted, mine == wanted, ok, direct, here, there, gone,
         GenServer.call(member, {{:heard, 0}})}}
        """,
        timeout=60,
    )
    ok = Atom("ok")
    python = [(Atom("python"), Atom(how)) for how in ("broadcast", "broadcast_from", "local_broadcast")]
    assert got.term == (
        ok, True, True, [ok] * 3, ok, [*python[:2], Atom("direct")], [python[0], python[2]], ok, [],
    )  # fmt: skip


def test_a_lost_node_and_its_return(boot, python_node, target) -> None:
    kate = python_node("kate", target("pubsub.py:app"))
    alex = boot("alex")
    for _ in range(2):
        join(alex, kate)
        alex.eval_elixir(f"true = Node.disconnect(:'{kate.name}')")
        gone = "Demo.eventually(fn -> Demo.members(Demo.PubSub.Adapter) end, 1)"
        assert alex.eval_elixir(gone, timeout=40).text == "1"
    join(alex, kate)
    heard = alex.eval_elixir(
        'Phoenix.PubSub.subscribe(Demo.PubSub, "out")\n'
        'Phoenix.PubSub.broadcast(Demo.PubSub, "in", :again)\nDemo.take(1)',
        timeout=40,
    )
    assert heard.text == "[:again]"
    # Workers of both sides are those of the start: nothing that was said has ended one.
    assert "terminat" not in alex.output + kate.output
