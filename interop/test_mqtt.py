"""MQTT's topics for processes of BEAM nodes, and at iex."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyerlnode import Atom

OK, QUEUED = Atom("ok"), Atom("queued")


@pytest.fixture
def bridge(python_node, target):
    """Start the bridge to a broker."""

    def start(broker, url: str | None = None, **environment: str):
        variables = {"MQTT_URL": url or broker.url, **environment}
        return python_node("py", target("mqtt.py:app"), environment=variables)

    return start


def test_processes_of_a_beam_subscribe_and_publish(mosquitto, bridge, beam_node) -> None:
    broker = mosquitto(users={"kate": "sword:fish"})
    py = bridge(broker, f"mqtt://kate:sword%3Afish@127.0.0.1:{broker.port}")
    alex = beam_node("alex")
    got = alex.eval_elixir(
        f"""
        server = {{MQTT, :'{py.name}'}}
        take = fn -> (receive do m -> m after 30_000 -> :nothing end) end
        call = fn request -> GenServer.call(server, request, 30_000) end
        first = [call.({{:subscribe, "a/+", [qos: 1]}}), call.({{:publish, "a/1", "x", [qos: 1]}}), take.()]
        properties = %{{content_type: "t", response_topic: "r", correlation_data: <<0, 255>>,
                        user_properties: [{{"k", "v"}}]}}
        rich = [call.({{:publish, "a/2", <<0, 255>>, [qos: 2, properties: properties]}}), take.()]
        kept = [call.({{:publish, "kept", "y", %{{qos: 1, retain: true}}}}),
                call.({{:subscribe, "kept", %{{}}}}), take.()]
        json = [call.({{:subscribe, "j", [codec: :json]}}),
                call.({{:publish, "j", %{{t: [1.5, nil]}}, [codec: :json]}}), take.()]
        etf = [call.({{:subscribe, "e", [codec: :etf]}}),
               call.({{:publish, "e", {{:a, self(), 'x'}}, [codec: :etf]}}), take.() |> elem(2) |> elem(0)]
        overlapping = [call.({{:subscribe, "#", [qos: 1]}}), call.({{:unsubscribe, "a/+"}}),
                       call.({{:publish, "a/3", "z", []}}), take.()]
        wrong = [{{:subscribe, "a/#/b", []}}, {{:subscribe, "a", [qos: 7]}}, {{:publish, "+", "", []}},
                 {{:publish, "a", %{{}}, []}}, {{:unsubscribe, "no"}}, :what]
        errors = for r <- wrong, do: call.(r)
        cast = [GenServer.cast(server, {{:publish, "a/4", "c", []}}), take.()]
        {{first, rich, kept, json, etf, overlapping, errors, cast}}
        """.replace("'x'", "[120]"),
        timeout=60,
    ).term

    def mqtt(topic: bytes, payload: object, qos: int, retain: bool = False, **more: object) -> tuple:
        return (Atom("mqtt"), topic, payload, {"qos": qos, "retain": retain, **more})

    first, rich, kept, json, etf, overlapping, errors, cast = got
    assert first == [OK, OK, mqtt(b"a/1", b"x", 1)]
    more = {
        "content_type": b"t",
        "response_topic": b"r",
        "correlation_data": b"\0\xff",
        "user_properties": [(b"k", b"v")],
    }
    assert rich == [OK, mqtt(b"a/2", b"\0\xff", 1, **more)]
    assert kept == [OK, OK, mqtt(b"kept", b"y", 0, retain=True)]
    assert json == [OK, OK, mqtt(b"j", {b"t": [1.5, None]}, 0)]
    assert etf == [OK, OK, Atom("a")]
    # What is retained comes with every new subscription that matches it.
    assert overlapping[:3] == [OK, OK, OK] and overlapping[3] == mqtt(b"kept", b"y", 1, retain=True)
    assert [reason if isinstance(reason, Atom) else reason[0] for _, reason in errors] == [
        "invalid_filter", "invalid_option", "invalid_topic", "invalid_payload", "not_subscribed",
        "unknown_request",
    ]  # fmt: skip
    assert cast == [OK, mqtt(b"a/3", b"z", 0)]
    assert "terminat" not in py.output


def test_subscribers_of_a_beam_that_end_are_forgotten(mosquitto, bridge, beam_node) -> None:
    py = bridge(mosquitto())
    alex, zoe = beam_node("alex"), beam_node("zoe")
    server = f"{{MQTT, :'{py.name}'}}"
    subscribe = f"""
    me = self()
    spawn(fn ->
      send(me, GenServer.call({server}, {{:subscribe, "a/#{{node()}}", [qos: 1]}}))
      receive do :stop -> :ok end
    end)
    receive do m -> m after 30_000 -> :nothing end
    """
    for node in (alex, zoe):
        assert node.eval_elixir(subscribe, timeout=40).text == ":ok"
    zoe.close()
    count = f"""
    count = fn count, tries ->
      n = GenServer.call({server}, :status).subscriptions
      if n == 1 or tries == 0, do: n, else: (Process.sleep(20); count.(count, tries - 1))
    end
    count.(count, 1000)
    """
    assert alex.eval_elixir(count, timeout=40).text == "1"


def test_calls_from_both_sides(mosquitto, bridge, beam_node) -> None:
    py = bridge(mosquitto())
    alex = beam_node("alex")
    answer = alex.eval_elixir(
        f"""
        server = {{MQTT, :'{py.name}'}}
        me = self()
        spawn(fn ->
          :ok = GenServer.call(server, {{:subscribe, "double", [qos: 1, codec: :json]}}, 30_000)
          send(me, :ready)
          {{:mqtt, _, n, p}} = receive do m -> m end
          options = [qos: 1, codec: :json, correlation_data: p.correlation_data]
          :ok = GenServer.call(server, {{:publish, p.response_topic, 2 * n, options}})
        end)
        receive do :ready -> :ok after 30_000 -> :nothing end
        {{:ok, n, _}} = GenServer.call(server, {{:call, "double", 21, [codec: :json, qos: 1]}}, 30_000)
        {{n, GenServer.call(server, {{:call, "nobody", "x", [timeout: 100]}})}}
        """,
        timeout=60,
    )
    assert answer.text == "{42, {:error, :timeout}}"


def test_somebody_at_iex_while_the_broker_restarts(mosquitto, bridge, iex) -> None:
    broker = mosquitto()
    py = bridge(broker)
    shell = iex("alex")
    shell.wait_for_prompt()
    shell.command(f"server = {{MQTT, :'{py.name}'}}")
    assert shell.command('GenServer.call(server, {:subscribe, "sensors/+/temp", [qos: 1]})', 30) == ":ok"
    assert shell.command('GenServer.call(server, {:publish, "sensors/1/temp", "21.5", [qos: 1]})') == ":ok"
    assert received(shell) == '{:mqtt, "sensors/1/temp", "21.5", %{qos: 1, retain: false}}'
    broker.kill()
    py.wait_for_output(re.compile("not connected to"), timeout=30)
    offline = 'GenServer.call(server, {:publish, "sensors/2/temp", "20", [qos: 1]})'
    assert shell.command(offline) == "{:ok, :queued}"
    wrong = 'GenServer.call(server, {:subscribe, "other", []})'
    assert re.sub(r"\s+", " ", shell.command(wrong, 30)).startswith("{:error, {:not_connected,")
    broker.start()
    # Nobody subscribes again, and what was published meanwhile arrives.
    assert received(shell) == '{:mqtt, "sensors/2/temp", "20", %{qos: 1, retain: false}}'
    assert shell.command('GenServer.call(server, {:unsubscribe, "sensors/+/temp"})', 30) == ":ok"
    assert shell.command("GenServer.call(server, :status).subscriptions") == "0"


def received(shell) -> str:
    return shell.command("receive do m -> m after 30_000 -> :nothing end", 40)


def test_somebody_watches_a_fleet_from_iex(mosquitto, python_node, target, iex, here) -> None:
    """What the page says, with its own code."""
    page = (Path(__file__).parent.parent / "docs" / "mqtt.md").read_text()
    example = re.findall(r"```elixir\n(.*?)```", page, re.DOTALL)[-1]
    watcher, _, steps = example.partition("\n\nserver = ")
    broker = mosquitto()
    environment = {"MQTT_URL": broker.url, "DEVICES": "5"}
    fleet = python_node("fleet", target("../examples/fleet.py:Fleet"), environment=environment)
    shell = iex("alex", environment={"WATCHER": watcher})
    shell.wait_for_prompt()
    shell.command('Code.compile_string(System.get_env("WATCHER")); :ok', 30)
    server, start, temps, warmer = here(f"server = {steps}").strip().splitlines()
    shell.command(server)
    assert shell.command(start, 30).startswith("{:ok, #PID<")
    wait = "wait = fn w, fact -> if fact.(), do: :ok, else: (Process.sleep(50); w.(w, fact)) end"
    shell.command(wait)
    assert shell.command(f"wait.(wait, fn -> map_size({temps}) == 5 end)", 40) == ":ok"
    assert shell.command(warmer, 30) == ":ok"
    assert shell.command(f"wait.(wait, fn -> {temps}[3] > 21 end)", 40) == ":ok"
    broker.kill()
    fleet.wait_for_output(re.compile("not connected to"), timeout=30)
    broker.start()
    # Nobody does anything: the target comes back to each device, and the readings to the watcher.
    assert shell.command(warmer.replace("25", "50"), 30) in (":ok", "{:ok, :queued}")
    assert shell.command(f"wait.(wait, fn -> {temps}[3] > 30 end)", 40) == ":ok"


def test_routes_to_processes_of_a_beam_and_back(mosquitto, python_node, target, beam_node) -> None:
    alex = beam_node("alex")
    environment = {"MQTT_URL": mosquitto().url, "ROUTES_TO": alex.name}
    py = python_node("py", target("mqtt_routes.py:app"), environment=environment)
    source = (Path(__file__).parent / "pubsub.exs").read_text()
    alex.eval_elixir(f'Code.compile_string(~S"""\n{source}\n""")\n:ok', timeout=60)
    got = alex.eval_elixir(
        f"""
        server = {{MQTT, :'{py.name}'}}
        call = fn request -> GenServer.call(server, request, 30_000) end
        take = fn -> (receive do {{:mqtt, t, p, _}} -> {{t, p}}; m -> m after 30_000 -> :nothing end) end
        {{:ok, _}} = :pg.start(:pg)
        {{:ok, _}} = :pg.start(Phoenix.PubSub)
        {{:ok, _}} = Phoenix.PubSub.start_link(name: Demo.PubSub)
        true = Process.register(self(), Sensors)
        :ok = :pg.join(:sensors, self())
        :ok = Phoenix.PubSub.subscribe(Demo.PubSub, "in")
        until = fn until, fact -> fact.() || (Process.sleep(20); until.(until, fact)) end
        spawn(fn ->
          Process.register(self(), Rpc)
          receive do {{:"$gen_call", from, {{:mqtt, _, n, _}}}} -> GenServer.reply(from, 2 * n) end
        end)
        true = Node.connect(:'{py.name}')
        until.(until, fn -> length(:pg.get_members(Phoenix.PubSub, Demo.PubSub.Adapter)) == 2 end)
        until.(until, fn -> :pg.get_members(:out) != [] end)
        in_ = for {{t, p}} <- [{{"name/1", ~s([1])}}, {{"group/1", "2"}}, {{"pubsub/1", "3"}}] do
          {{call.({{:publish, t, p, [qos: 1]}}), take.()}}
        end
        :ok = call.({{:subscribe, "back/#", [qos: 1]}})
        send({{:out, :'{py.name}'}}, %{{a: 1}})
        name = take.()
        for pid <- :pg.get_members(:out), do: send(pid, "x")
        group = take.()
        :ok = Phoenix.PubSub.broadcast(Demo.PubSub, "out", {{:alarm, 1}})
        {{topic, payload}} = take.()
        {{:ok, n, _}} = call.({{:call, "rpc/double", 21, [codec: :json]}})
        {{in_, name, group, topic, :erlang.binary_to_term(payload), n}}
        """,
        timeout=90,
    ).term
    arrived, name, group, topic, alarm, doubled = got
    assert arrived == [
        (OK, (b"name/1", [1])),
        (OK, (b"group/1", b"2")),
        (OK, (b"pubsub/1", b"3")),
    ]
    assert (name, group) == ((b"back/name", b'{"a": 1}'), (b"back/group", b"x"))
    assert (topic, alarm, doubled) == (b"back/pubsub", (Atom("alarm"), 1), 42)
    assert "lost" not in py.output
