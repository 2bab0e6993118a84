"""The MQTT server with a real broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import until
from mqtt_tools import NAME, TIMEOUT, message, running, status

from pyerlnode import Atom, Pid, receive
from pyerlnode.bridge.mqtt import MQTT
from pyerlnode.errors import ErlangError
from pyerlnode.otp import GenServer
from pyerlnode.process import exit, is_alive, spawn, whereis
from pyerlnode.testing import free_port as another_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from mosquitto_server import Mosquitto


async def nothing_more() -> None:
    """Nothing has come but what was taken: a last message overtakes nothing."""
    await MQTT.subscribe(NAME, "the/end", qos=1)
    await MQTT.publish(NAME, "the/end", b"", qos=1)
    assert (await message())[0] == "the/end"
    await MQTT.unsubscribe(NAME, "the/end")


class Elsewhere:
    """Another process with subscriptions; `got` is what it got."""

    def __init__(self, *filters: str, **options: Any) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.ready = False
        self.pid = spawn(self._run, filters, options)

    async def _run(self, filters: tuple[str, ...], options: dict[str, Any]) -> None:
        for filter in filters:
            await MQTT.subscribe(NAME, filter, **options)
        self.ready = True
        while True:
            _, topic, payload, _ = await receive()
            self.got.append((topic, payload))


async def elsewhere(*filters: str, **options: Any) -> Elsewhere:
    made = Elsewhere(*filters, **options)
    await until(lambda: made.ready, TIMEOUT)
    return made


async def is_connected() -> bool:
    return bool(await status("connected"))


async def test_messages_of_every_quality_and_retained_ones(
    mosquitto: Callable[..., Mosquitto], free_port: int
) -> None:
    async with running(mosquitto().url, free_port):
        assert await MQTT.subscribe(NAME, "a/+", qos=2) == "ok"
        for qos in (0, 1, 2):
            assert await MQTT.publish(NAME, "a/b", b"%d" % qos, qos=qos) == "ok"
            assert await message() == ("a/b", b"%d" % qos, {"qos": qos, "retain": False})
        assert await MQTT.publish(NAME, "r/1", "kept", qos=1, retain=True) == "ok"
        assert await MQTT.subscribe(NAME, "r/#", qos=1) == "ok"
        assert await message() == ("r/1", b"kept", {"qos": 1, "retain": True})
        other = await elsewhere("r/#")
        await until(lambda: other.got == [("r/1", b"kept")], TIMEOUT)
        await MQTT.subscribe(NAME, "r/#", qos=1, retain_handling=2)
        await nothing_more()
        assert await MQTT.unsubscribe(NAME, "a/+") == "ok"
        await MQTT.publish(NAME, "a/b", b"unheard", qos=1)
        await nothing_more()


async def test_properties_both_ways(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    async with running(mosquitto().url, free_port):
        await MQTT.subscribe(NAME, "p", qos=1)
        properties = {
            "content_type": "text/plain",
            "response_topic": "answers",
            "correlation_data": b"\x00\xff",
            "payload_format_indicator": 1,
            "user_properties": [("a", "1"), ("a", "2")],
        }
        await MQTT.publish(NAME, "p", "x", qos=1, message_expiry_interval=60, **properties)
        _, _, found = await message()
        assert found.pop("message_expiry_interval") <= 60
        assert found == {"qos": 1, "retain": False, **properties}
        # What came can be sent on as it is.
        came = {Atom(key): value for key, value in properties.items()}
        await GenServer.call(NAME, (Atom("publish"), "p", b"y", {Atom("properties"): came}))
        assert (await message())[2] == {"qos": 0, "retain": False, **properties}


async def test_overlapping_filters_give_one_copy(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    async with running(mosquitto().url, free_port):
        other = await elsewhere("o/1", "o/#", qos=1)
        for filter, qos in (("o/+", 0), ("o/#", 1), ("#", 1)):
            await MQTT.subscribe(NAME, filter, qos=qos)
        for number in range(20):
            await MQTT.publish(NAME, "o/1", b"%d" % number, qos=1)
        for number in range(20):
            assert await message() == ("o/1", b"%d" % number, {"qos": 1, "retain": False})
        await MQTT.unsubscribe(NAME, "o/#")
        await MQTT.publish(NAME, "o/1", b"last", qos=1)
        assert (await message())[1] == b"last"
        await MQTT.unsubscribe(NAME, "#")
        await nothing_more()
        assert other.got == [("o/1", b"%d" % number) for number in range(20)] + [("o/1", b"last")]


async def test_shared_subscriptions(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    async with running(mosquitto().url, free_port):
        one, two = await elsewhere("$share/g/s"), await elsewhere("$share/g/s")
        for number in range(10):
            await MQTT.publish(NAME, "s", b"%d" % number, qos=1)
        await until(lambda: len(one.got) + len(two.got) == 10, TIMEOUT)
        assert len(one.got) == len(two.got) == 5


async def test_subscribers_that_end_are_forgotten(
    mosquitto: Callable[..., Mosquitto], free_port: int
) -> None:
    broker = mosquitto()
    async with running(broker.url, free_port):
        one, two = await elsewhere("e/1", "e/2"), await elsewhere("e/2")
        assert (await status("subscriptions"), await status("subscribers")) == (2, 2)
        exit(one.pid, Atom("kill"))
        await until(lambda: has(subscriptions=1), TIMEOUT)
        assert "UNSUBSCRIBE" in broker.log and "e/1" in broker.log
        await MQTT.publish(NAME, "e/2", b"x", qos=1)
        await until(lambda: two.got == [("e/2", b"x")], TIMEOUT)
        exit(two.pid, Atom("kill"))
        await until(lambda: has(subscriptions=0, subscribers=0), TIMEOUT)


async def has(**values: Any) -> bool:
    return all([await status(key) == value for key, value in values.items()])


async def test_codecs_of_topics_and_of_subscriptions(
    mosquitto: Callable[..., Mosquitto], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    codecs = {"j/#": "json", "t/#": "text", "e/#": "etf"}
    async with running(mosquitto().url, free_port, codecs=codecs):
        for filter in ("j/#", "t/#", "e/#"):
            await MQTT.subscribe(NAME, filter, qos=1)
        await MQTT.publish(NAME, "j/1", {"temp": 21.5, Atom("on"): [True, None]}, qos=1)
        assert (await message())[1] == {b"temp": 21.5, b"on": [True, None]}
        await MQTT.publish(NAME, "e/1", (Atom("a"), 1.0, [b"x"]), qos=1)
        assert (await message())[1] == (Atom("a"), 1.0, [b"x"])
        for topic in ("j/1", "t/1", "e/1"):
            await MQTT.publish(NAME, topic, b"\xff{", qos=1, codec="bytes")
        await nothing_more()
        lines = [record.getMessage() for record in caplog.records if record.name == "pyerlnode.mqtt"]
        assert [line.partition(":")[0] for line in lines] == ["j/1", "t/1", "e/1"]
        await MQTT.subscribe(NAME, "j/+", qos=1, codec="bytes")
        await MQTT.unsubscribe(NAME, "j/#")
        await MQTT.publish(NAME, "j/1", [1], qos=1)
        assert (await message())[1] == b"[1]"
        with pytest.raises(ErlangError, match="invalid_payload"):
            await MQTT.publish(NAME, "t/1", b"\xff", qos=1)


async def test_calls_over_mqtt(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    async with running(mosquitto().url, free_port, codecs={"rpc/#": "json"}):
        spawn(doubling)
        await until(lambda: whereis("doubling") is not None or has(subscriptions=1), TIMEOUT)
        await until(lambda: has(subscriptions=1), TIMEOUT)
        answers = await asyncio.gather(*(MQTT.call(NAME, "rpc/double", n, qos=1) for n in range(5)))
        assert [payload for payload, _ in answers] == [0, 2, 4, 6, 8]
        with pytest.raises(ErlangError, match="timeout"):
            await MQTT.call(NAME, "rpc/nobody", 1, timeout=0.2)


async def doubling() -> None:
    await MQTT.subscribe(NAME, "rpc/double", qos=1)
    while True:
        _, _, payload, properties = await receive()
        found = {str(key): value for key, value in properties.items()}
        await MQTT.publish(
            NAME,
            found["response_topic"],
            2 * payload,
            qos=1,
            codec="json",
            correlation_data=found["correlation_data"],
        )


async def test_what_is_refused(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    async with running(mosquitto().url, free_port):
        ask = Atom("subscribe"), Atom("publish"), Atom("unsubscribe")
        subscribe, publish, unsubscribe = ask
        cases: list[tuple[Any, Any]] = [
            ((subscribe, "a/#/b", []), "invalid_filter"),
            ((subscribe, "a+", []), "invalid_filter"),
            ((subscribe, "", []), "invalid_filter"),
            ((subscribe, "$share/g", []), "invalid_filter"),
            ((subscribe, b"\xff", []), "invalid_filter"),
            ((subscribe, 7, []), "invalid_filter"),
            ((subscribe, "x" * 70_000), "invalid_filter"),
            ((subscribe, "a", [(Atom("qos"), 3)]), "invalid_option"),
            ((subscribe, "a", [(Atom("codec"), Atom("xml"))]), "invalid_option"),
            ((subscribe, "a", 5), "invalid_options"),
            ((publish, "a/+", b"x"), "invalid_topic"),
            ((publish, "a", 5), "invalid_payload"),
            ((publish, "a", b"x", [(Atom("retain"), 1)]), "invalid_option"),
            ((publish, "a", b"x", [(Atom("response_topic"), "#")]), "invalid_option"),
            ((unsubscribe, "never"), "not_subscribed"),
            ((Atom("nonsense"),), "unknown_request"),
            (Atom("nonsense"), "unknown_request"),
        ]
        for request, wanted in cases:
            kind, reason = await GenServer.call(NAME, request)
            assert (kind, reason[0] if isinstance(reason, tuple) else reason) == ("error", wanted), request
        for request in ((publish, "a/+", b"x"), 5, (publish,), Atom("x")):
            GenServer.cast(NAME, request)
        server = whereis(NAME)
        await until(is_connected, TIMEOUT)
        assert whereis(NAME) == server


async def test_a_broker_that_refuses_the_password_or_a_topic(
    mosquitto: Callable[..., Mosquitto], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto(users={"kate": "swordfish"})
    where = f"127.0.0.1:{broker.port}"
    async with running(f"mqtt://kate:wrong@{where}", free_port, request_timeout=0.5):
        with pytest.raises(ErlangError, match="not_connected") as caught:
            await MQTT.subscribe(NAME, "a")
        assert "Not authorized" in str(caught.value)
        assert await MQTT.publish(NAME, "a", b"x") == ("ok", "queued")
    lines = [record.getMessage() for record in caplog.records if record.name == "pyerlnode.mqtt"]
    assert len(lines) == 1 and "wrong" not in lines[0] and f"mqtt://kate@{where}" in lines[0]


async def test_a_login_and_several_brokers(mosquitto: Callable[..., Mosquitto], free_port: int) -> None:
    broker = mosquitto(users={"kate": "sword:fish@"})
    # Nobody listens at the first, and the second is an EPMD, which waits for more.
    urls = [f"mqtt://127.0.0.1:{another_port()}", f"mqtt://127.0.0.1:{free_port}"]
    urls += [f"mqtt://kate:sword%3Afish%40@127.0.0.1:{broker.port}"]
    async with running(urls, free_port, timeout=0.5, request_timeout=TIMEOUT):
        assert await MQTT.subscribe(NAME, "a") == "ok"
        assert await status("broker") == f"mqtt://kate@127.0.0.1:{broker.port}"


async def test_a_restarted_broker_is_subscribed_to_again(
    mosquitto: Callable[..., Mosquitto], free_port: int
) -> None:
    broker = mosquitto()
    async with running(broker.url, free_port, queue_limit=3):
        other = await elsewhere("a/1", "a/+", "b")
        await MQTT.subscribe(NAME, "a/#", qos=1)
        for _ in range(2):
            await asyncio.to_thread(broker.kill)
            await until(lambda: has(connected=False), TIMEOUT)
            for number in range(5):
                assert await MQTT.publish(NAME, "a/1", b"%d" % number, qos=1) == ("ok", "queued")
            assert await has(queue=3, queue_most=3)
            await asyncio.to_thread(broker.start)
            assert [(await message())[1] for _ in range(3)] == [b"2", b"3", b"4"]
            await until(lambda: len(other.got) == 3, TIMEOUT)
            other.got.clear()
        assert await MQTT.publish(NAME, "b", b"x", qos=1) == "ok"
        await until(lambda: other.got == [("b", b"x")], TIMEOUT)


@pytest.mark.parametrize(("policy", "answer"), [("drop_new", "dropped"), ("error", "queue_full")])
async def test_a_full_queue(
    policy: str, answer: str, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"mqtt://127.0.0.1:{another_port()}"
    async with running(url, free_port, queue_limit=2, queue_policy=policy):
        for _ in range(2):
            assert await MQTT.publish(NAME, "a", b"x", qos=1) == ("ok", "queued")
        with pytest.raises(ErlangError, match=answer):
            await MQTT.publish(NAME, "a", b"x", qos=1)
        for _ in range(100):
            GenServer.cast(NAME, (Atom("publish"), "a", b"x"))
        assert await has(queue=2)
    lines = [record for record in caplog.records if "was dropped" in record.getMessage()]
    assert len(lines) == (0 if policy == "error" else 10)


async def test_either_process_comes_back_without_the_other(
    mosquitto: Callable[..., Mosquitto], free_port: int, quiet: Callable[[str], None]
) -> None:
    quiet("pyerlnode.otp")
    async with running(mosquitto().url, free_port):
        other = await elsewhere("a", qos=1)
        server = whereis(NAME)
        assert server is not None
        exit(server, Atom("kill"))
        await until(lambda: isinstance(whereis(NAME), Pid) and whereis(NAME) != server, TIMEOUT)
        assert await MQTT.publish(NAME, "a", b"1", qos=1) == "ok"
        await until(lambda: other.got == [("a", b"1")], TIMEOUT)
        exit(other.pid, Atom("kill"))
        await until(lambda: has(subscriptions=0), TIMEOUT)
        assert not is_alive(other.pid)
