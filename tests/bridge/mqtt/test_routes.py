"""Routes between topics and processes, with a real broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import until
from mqtt_tools import NAME, TIMEOUT, message, running

from pyerlnode import Atom, receive, self
from pyerlnode.bridge.mqtt import MQTT, Back, Call, Group, Name, Route, Topic, routes
from pyerlnode.bridge.pubsub import PubSub
from pyerlnode.errors import BadArg, ConfigError
from pyerlnode.otp import GenServer, NoReply, Reply
from pyerlnode.process import exit, register, send, whereis
from pyerlnode.services import pg

if TYPE_CHECKING:
    from collections.abc import Callable

    from mosquitto_server import Mosquitto

PUBSUB = "Elixir.Demo.PubSub"


async def test_topics_go_to_names_groups_pubsub_and_functions(
    mosquitto: Callable[..., Mosquitto], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    def broken(topic: str, payload: Any, properties: Any) -> None:
        seen.append(topic)
        raise ValueError("broken")

    wanted = [
        Route("n/#", Name("sensors"), codec="json"),
        Route("g/#", Group("sensors")),
        Route("p/#", Topic(PUBSUB, "in")),
        Route("f/#", lambda *arguments: seen.append(arguments)),
        Route("broken", broken),
        Route("nobody", Name("nobody")),
    ]
    async with running(mosquitto().url, free_port, routes=wanted):
        pg.start("pg")
        register("sensors", self())
        pg.join(Atom("sensors"), self())
        await PubSub.start_link(PUBSUB)
        PubSub.subscribe(PUBSUB, "in")
        for topic, payload, came in (
            ("n/1", b'{"a": 1}', {b"a": 1}),
            ("g/1", b"2", b"2"),
            ("p/1", b"3", b"3"),
        ):
            await MQTT.publish(NAME, topic, payload, qos=1)
            assert await message() == (topic, came, {"qos": 1, "retain": False})
        for topic in ("broken", "nobody", "f/1"):
            await MQTT.publish(NAME, topic, b"4", qos=1)
        await until(lambda: len(seen) == 2, TIMEOUT)
        assert seen[0] == "broken" and seen[1][:2] == ("f/1", b"4")
    lines = [record.getMessage() for record in caplog.records if "was lost" in record.getMessage()]
    assert [line.split(": ")[0] for line in lines[:2]] == ["broken", "nobody"]


async def test_what_processes_send_goes_to_topics(
    mosquitto: Callable[..., Mosquitto], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = [
        Back("out/name", Name("out"), codec="json"),
        Back("out/group", Group("out"), retain=True),
        Back("out/pubsub", Topic(PUBSUB, "out"), codec="etf"),
        Route("loop", Topic(PUBSUB, "out")),
    ]

    async def demo() -> None:
        await PubSub.start_link(PUBSUB)

    async with running(mosquitto().url, free_port, before=demo, routes=wanted):
        await MQTT.subscribe(NAME, "out/#", qos=1)
        send("out", {Atom("on"): True})
        assert await message() == ("out/name", b'{"on": true}', {"qos": 1, "retain": False})
        for pid in pg.get_members(Atom("out")):
            send(pid, b"x")
        assert (await message())[:2] == ("out/group", b"x")
        PubSub.subscribe(PUBSUB, "out")
        # What comes from MQTT does not go back.
        await MQTT.publish(NAME, "loop", b"round", qos=1)
        assert (await message())[:2] == ("loop", b"round")
        PubSub.broadcast_from(PUBSUB, self(), "out", (Atom("alarm"), 1))
        assert (await message())[0] == "out/pubsub"
        send("out", (1, 2))
        GenServer.cast("out", [1])
        assert (await message())[1] == b"[1]"
    assert any("out/name" in record.getMessage() for record in caplog.records)


class Rpc(GenServer):
    """Answers as soon as it has been asked often enough."""

    def init(self, refusals: int) -> None:
        self.refusals = refusals

    def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case ("mqtt", "rpc/double", int() as number, _) if self.refusals == 0:
                return Reply(2 * number)
        self.refusals -= 1
        return NoReply()


async def test_calls_are_answered_on_their_response_topics(
    mosquitto: Callable[..., Mosquitto],
    free_port: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "PAUSE", 0.01)

    async def triple(topic: str, payload: Any, properties: Any) -> Any:
        await asyncio.sleep(0)
        return 3 * payload

    async def broken(topic: str, payload: Any, properties: Any) -> Any:
        raise ValueError("broken")

    wanted = [
        Route("rpc/double", Call("rpc", timeout=0.2), codec="json"),
        Route("rpc/triple", triple, codec="json"),
        Route("rpc/quadruple", lambda topic, payload, properties: 4 * payload, codec="json"),
        Route("rpc/broken", broken),
    ]
    async with running(mosquitto().url, free_port, routes=wanted):
        await Rpc.start_link(2, name="rpc")
        for function, result in (("double", 14), ("triple", 21), ("quadruple", 28)):
            answer, properties = await MQTT.call(NAME, f"rpc/{function}", 7, codec="json", timeout=TIMEOUT)
            assert answer == result and "correlation_data" in properties
        await MQTT.publish(NAME, "rpc/broken", b"x", qos=1)
        await until(lambda: [r for r in caplog.records if "after 4 attempts" in r.getMessage()], TIMEOUT)


async def test_a_route_keeps_what_its_process_was_killed_at(
    mosquitto: Callable[..., Mosquitto], free_port: int
) -> None:
    seen: list[bytes] = []
    pids: list[Any] = []

    async def handler(topic: str, payload: Any, properties: Any) -> None:
        pids.append(self())
        if len(pids) == 1:
            await receive()  # for ever: it will be killed
        seen.append(payload)

    async with running(mosquitto().url, free_port, routes=[Route("k", handler)]):
        for payload in (b"1", b"2"):
            await MQTT.publish(NAME, "k", payload, qos=1)
        await until(lambda: pids, TIMEOUT)
        exit(pids[0], Atom("kill"))
        await until(lambda: seen == [b"1", b"2"], TIMEOUT)
        assert whereis(NAME) is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Route("a/#/b", Name("x")),
        lambda: Route(5, Name("x")),  # type: ignore[arg-type]
        lambda: Route("a", "x"),  # type: ignore[arg-type]
        lambda: Route("a", Name("x"), qos=3),
        lambda: Route("a", Name("x"), codec="xml"),
        lambda: Back("a/+", Name("x")),
        lambda: Back("a", Name("x", "alex@host")),
        lambda: Back("a", print),  # type: ignore[arg-type]
        lambda: MQTT.child("mqtt://host", routes=[5]),
        lambda: MQTT.child("mqtt://host", color="red"),
        lambda: MQTT.child("http://host"),
    ],
)
def test_what_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises((ConfigError, BadArg)):
        make()
