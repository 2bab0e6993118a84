"""How much goes through the MQTT bridge, and what a broker's restarts cost: run by hand.

    python interop/mqtt_load.py throughput [--seconds 60] [--rate 1000]
    python interop/mqtt_load.py restarts [--restarts 10]
    python interop/mqtt_load.py subscriptions [--count 10000]

A device publishes to a mosquitto of the script's own, the bridge is interop/mqtt.py in a process
of its own, and what receives is a process of an Elixir node of this machine.  Each prints
what it saw and exits with 1 if anything is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import re
import signal
import socket
import sys
import time
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import aiomqtt  # noqa: E402
import mosquitto_server  # noqa: E402

from pyerlnode.testing.beams import discover  # noqa: E402
from pyerlnode.testing.epmd import Epmd  # noqa: E402
from pyerlnode.testing.nodes import BeamNode  # noqa: E402
from pyerlnode.testing.peers import PythonNode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUEUE_LIMIT = 200
# The client library leaves the end of a connection unread that nobody iterates over.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)

# A process that collects the numbers that arrive, with the time from sending to arrival.
COLLECTOR = """
defmodule Collector do
  def loop(seen, copies, delays) do
    receive do
      {:mqtt, _topic, payload, _} ->
        [source, number, sent] = String.split(payload, " ")
        key = {source, String.to_integer(number)}
        delay = System.os_time(:microsecond) - String.to_integer(sent)
        loop(Map.put(seen, key, true), copies + 1, [delay | delays])
      {:report, from} ->
        send(from, {map_size(seen), copies, delays |> Enum.sort() |> List.to_tuple()})
        loop(seen, copies, delays)
      {:missing, from, keys} ->
        send(from, {:missing, Enum.reject(keys, &Map.has_key?(seen, &1))})
        loop(seen, copies, delays)
    end
  end

  def start(server, filter) do
    me = self()
    spawn(fn ->
      :ok = GenServer.call(server, {:subscribe, filter, [qos: 1]}, 30_000)
      send(me, :ready)
      loop(%{}, 0, [])
    end)
    |> Process.register(:collector)
    receive do :ready -> :ok end
  end

  # Publishes numbers until told to stop; those that the broker has acknowledged.
  def publish(server, number, acked) do
    receive do
      {:stop, from} -> send(from, {:acked, acked})
    after 5 ->
      payload = "elixir #{number} #{System.os_time(:microsecond)}"
      case GenServer.call(server, {:publish, "load/elixir", payload, [qos: 1]}, 60_000) do
        :ok -> publish(server, number + 1, [number | acked])
        _ -> publish(server, number + 1, acked)
      end
    end
  end
end
"""


class Stage:
    """Broker, bridge and Elixir node."""

    def __init__(self, stack: ExitStack, **options: Any) -> None:
        self.broker = mosquitto_server.Mosquitto(mosquitto_server.program() or "mosquitto", **options)
        stack.callback(self.broker.close)
        port = stack.enter_context(Epmd(loopback=True)).port
        self.bridge = PythonNode(
            "py@localhost", str(HERE / "mqtt_loaded.py:app"), cookie="secret", epmd_port=port,
            environment={"MQTT_URL": self.broker.url, "QUEUE_LIMIT": str(QUEUE_LIMIT)},
        )  # fmt: skip
        stack.callback(self.bridge.close)
        self.beam = BeamNode(discover("local")[0], "alex@localhost", cookie="secret", epmd_port=port)
        stack.callback(self.beam.close)
        self.server = "{MQTT, :py@localhost}"

    async def elixir(self, source: str, timeout: float = 120, process: str = "main") -> Any:
        return (await self.beam.eval_elixir_async(source, timeout=timeout, process=process)).term

    async def collect(self, filter: str) -> None:
        await self.elixir(f"{COLLECTOR}\n:ok")
        await self.elixir(f'Collector.start({self.server}, "{filter}")')

    async def report(self) -> tuple[int, int, tuple[int, ...]]:
        """Different messages, copies, and delays in microseconds, sorted."""
        count, copies, delays = await self.elixir(
            "send(:collector, {:report, self()})\nreceive do r -> r after 60_000 -> :nothing end"
        )
        return count, copies, delays

    async def missing(self, source: str, numbers: set[int]) -> list[Any]:
        """Of the numbers those that did not arrive; waits until all did, or nothing comes any more."""
        text = ", ".join(str(number) for number in sorted(numbers))
        ask = (
            f'keys = for n <- [{text}], do: {{"{source}", n}}\n'
            "send(:collector, {:missing, self(), keys})\n"
            "receive do {:missing, m} -> m after 60_000 -> :nothing end"
        )
        copies = -1
        while True:
            missing = await self.elixir(ask)
            _, now, _ = await self.report()
            if not missing or now == copies:
                return list(missing)
            copies = now
            await asyncio.sleep(3)


@asynccontextmanager
async def device(port: int, **options: Any) -> AsyncIterator[aiomqtt.Client]:
    nodelay = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
    client = aiomqtt.Client("127.0.0.1", port, socket_options=nodelay, **options)
    client.pending_calls_threshold = 1_000_000
    async with client:
        yield client


def payload(number: int) -> bytes:
    return b"device %d %d" % (number, time.time_ns() // 1000)


async def throughput(seconds: int, rate: int) -> bool:
    with ExitStack() as stack:
        stage = Stage(stack, lines=["max_queued_messages 0"])
        await stage.collect("load/#")
        total = seconds * rate
        begin = time.monotonic()
        async with device(stage.broker.port) as client:
            numbers = iter(range(total))

            async def publish() -> None:
                for number in numbers:
                    # In time, whatever the others wait for.
                    await asyncio.sleep(begin + number / rate - time.monotonic())
                    await client.publish("load/device", payload(number), qos=1)

            await asyncio.gather(*(publish() for _ in range(20)))
        sent = time.monotonic() - begin
        missing = await stage.missing("device", set(range(total)))
        count, copies, delays = await stage.report()
        print(f"{total} messages of QoS 1 in {sent:.1f} s: {count} arrived, {copies - count} twice")
        print(f"lost: {len(missing)}")
        marks = [(f"p{mark}", delays[len(delays) * mark // 100] / 1000) for mark in (50, 95, 99)]
        print("device to Elixir:", ", ".join(f"{name} {ms:.1f} ms" for name, ms in marks))
        return not missing and count == total


def unsaved(log: str, source: bytes, number: int) -> bool:
    """Whether the broker was killed between its acknowledgement of a message and its saving it."""
    if source != b"device":
        return False
    lines = iter(log.splitlines())
    received = next((line for line in lines if f"'load/device/{number}'" in line), None)
    if received is None:
        return False
    after = list(itertools.takewhile(lambda line: not re.search("starting$|Warning", line), lines))
    # It says so when it begins; what comes after it shows that it came to an end.
    return not any("Saving in-memory database" in line for line in after[:-1])


async def restarts(count: int) -> bool:
    with ExitStack() as stack:
        stage = Stage(stack, persistent=True)
        await stage.collect("load/#")
        acked: set[int] = set()
        stop = asyncio.Event()
        numbers = itertools.count()

        async def publish_all() -> None:
            number = next(numbers)
            while not stop.is_set():
                with suppress(aiomqtt.MqttError):
                    async with device(stage.broker.port, timeout=2) as client:
                        while not stop.is_set():
                            await client.publish(f"load/device/{number}", payload(number), qos=1)
                            acked.add(number)
                            number = next(numbers)
                            await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)

        publishing = asyncio.ensure_future(publish_all())
        await stage.elixir(
            f"spawn(fn -> Collector.publish({stage.server}, 0, []) end) |> Process.register(:publisher)\n:ok"
        )
        # A flood of casts while there is no broker fills the queue to its bound.
        flood = (
            f'for n <- 1..1000, do: GenServer.cast({stage.server}, {{:publish, "flood", "#{{n}}", []}})\n:ok'
        )
        for _ in range(count):
            await asyncio.sleep(2)
            stage.broker.kill()
            await asyncio.sleep(0.3)
            await stage.elixir(flood)
            await asyncio.sleep(0.7)
            await asyncio.to_thread(stage.broker.start)
        await asyncio.sleep(3)
        stop.set()
        await publishing
        _, mine = await stage.elixir(
            "send(:publisher, {:stop, self()})\n"
            "receive do {:acked, a} -> {:acked, a} after 60_000 -> {:none, []} end"
        )
        lost = [*await stage.missing("device", acked), *await stage.missing("elixir", set(mine))]
        seen, copies, _ = await stage.report()
        status = await stage.elixir(f"GenServer.call({stage.server}, :status)")
        most = dict(status)["queue_most"]
        print(f"{count} times killed; acknowledged: {len(acked)} of the device, {len(mine)} of Elixir")
        print(f"{seen} arrived, {copies - seen} twice; lost: {len(lost)} {lost[:5]}")
        lost = [number for number in lost if not unsaved(stage.broker.log, *number)]
        print(f"beside those that the broker had acknowledged and not yet saved: {len(lost)} {lost[:5]}")
        print(f"the queue held {most} at most, its bound is {QUEUE_LIMIT}")
        return not lost and most <= QUEUE_LIMIT and len(mine) > 0


async def subscriptions(count: int) -> bool:
    with ExitStack() as stage_stack:
        stage = Stage(stage_stack, lines=["max_queued_messages 0"])
        begin = time.monotonic()
        ask = f"""
        for n <- 1..{count} do
          :gen_server.send_request({stage.server}, {{:subscribe, "many/#{{n}}", [qos: 1]}})
        end
        |> Enum.map(&:gen_server.receive_response(&1, 60_000))
        |> Enum.frequencies()
        """
        answers = dict(await stage.elixir(ask))
        subscribed = time.monotonic() - begin
        print(f"{count} subscriptions in {subscribed:.1f} s: {answers}")

        async def all_arrive() -> int:
            async with device(stage.broker.port) as client:
                numbers = iter(range(1, count + 1))

                async def publish() -> None:
                    for number in numbers:
                        await client.publish(f"many/{number}", b"x", qos=1)

                await asyncio.gather(*(publish() for _ in range(20)))
            got: int = await stage.elixir(
                f'Enum.count(1..{count}, fn n -> t = "many/#{{n}}"\n'
                "receive do {:mqtt, ^t, _, _} -> true after 5_000 -> false end end)"
            )
            return got

        begin = time.monotonic()
        first = await all_arrive()
        print(f"a message on each: {first} arrived in {time.monotonic() - begin:.1f} s")
        stage.broker.stop(signal.SIGKILL)
        await asyncio.to_thread(stage.broker.start)
        begin = time.monotonic()
        up = f'fn -> GenServer.call({stage.server}, {{:publish, "up", "", [qos: 1]}}, 60_000) end'
        await stage.elixir(f"Stream.repeatedly({up}) |> Enum.find(&(&1 == :ok))")
        print(f"after the broker's restart all are there again in {time.monotonic() - begin:.1f} s")
        second = await all_arrive()
        print(f"a message on each: {second} arrived")
        return first == second == count


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    command = commands.add_parser("throughput")
    command.add_argument("--seconds", type=int, default=60)
    command.add_argument("--rate", type=int, default=1000)
    commands.add_parser("restarts").add_argument("--restarts", type=int, default=10)
    commands.add_parser("subscriptions").add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    if options.what == "throughput":
        good = asyncio.run(throughput(options.seconds, options.rate))
    elif options.what == "restarts":
        good = asyncio.run(restarts(options.restarts))
    else:
        good = asyncio.run(subscriptions(options.count))
    print("good" if good else "BAD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
