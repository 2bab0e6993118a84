"""A plain program that asks a node: its calls wait, in any thread, and its errors are those of the node."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, until

from pyerlnode import Node, connect
from pyerlnode.errors import CallTimeout, ErlangError, Exit, HandshakeError, NoProc, UsageError
from pyerlnode.otp import GenServer, NoReply, Reply
from pyerlnode.otp.gen_server import spawn_server
from pyerlnode.services import DEFAULT_SERVICES
from pyerlnode.services.client import Client, client_config
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Counter(GenServer, module="Elixir.Counter"):
    def init(self, *_: Any) -> None:
        self.count = 0

    def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case "get":
                return Reply(self.count)
            case "never":
                return NoReply()
        return Reply((Atom("echo"), request))

    def handle_cast(self, request: Any) -> Any:
        self.count += 1
        return NoReply()

    def handle_info(self, message: Any) -> Any:
        self.count += 10
        return NoReply()


@pytest.fixture
async def kate() -> AsyncIterator[Node]:
    async with Cluster(services=DEFAULT_SERVICES) as cluster:
        node = await cluster.start("kate")
        spawn_server(node.runtime, Counter, name="Elixir.Counter")
        yield node


async def in_thread(node: Node, script: Callable[[Client], Any], cookie: str = "secret") -> Any:
    """What a script does that knows no asyncio."""

    def run() -> Any:
        with connect(node.name, cookie, epmd_port=node.config.epmd_port) as client:
            return script(client)

    return await asyncio.to_thread(run)


async def test_it_calls_casts_and_sends(kate: Node) -> None:
    def script(client: Client) -> Any:
        client.cast("Elixir.Counter", Atom("inc"))
        client.send("Elixir.Counter", Atom("ten"))
        pid = client.rpc("erlang", "whereis", [Atom("Elixir.Counter")])
        return client.call("Elixir.Counter", Atom("get")), client.call(pid, [1, 2.5])

    assert await in_thread(kate, script) == (11, (Atom("echo"), [1, 2.5]))
    await until(lambda: kate.nodes("connected") == [])


async def test_it_calls_functions(kate: Node) -> None:
    def script(client: Client) -> Any:
        assert kate.nodes() == [] and len(kate.nodes("hidden")) == 1
        return client.rpc("lists", "sum", [[1, 2, 3]]), client.rpc("erlang", "node")

    assert await in_thread(kate, script) == (6, kate.name)


async def test_errors_are_those_of_the_node(kate: Node) -> None:
    def script(client: Client) -> None:
        with pytest.raises(ErlangError) as undefined:
            client.rpc("nowhere", "nothing")
        assert undefined.value.reason == "undef"
        with pytest.raises(NoProc):
            client.call("nobody", 1)
        with pytest.raises(CallTimeout):
            client.call("Elixir.Counter", Atom("never"), timeout=0.01)
        assert client.call("Elixir.Counter", Atom("get")) == 0

    await in_thread(kate, script)


async def test_many_threads_ask_at_once(kate: Node) -> None:
    def script(client: Client) -> Any:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda number: client.call("Elixir.Counter", number), range(100)))

    assert await in_thread(kate, script) == [(Atom("echo"), number) for number in range(100)]


async def test_what_prevents_a_connection_is_raised_and_leaves_no_thread(kate: Node) -> None:
    before = threading.active_count()
    with pytest.raises(HandshakeError, match="cookies differ"):
        await in_thread(kate, repr, cookie="wrong")
    await kate.stop()
    with pytest.raises(Exception, match="EPMD"):
        await in_thread(kate, repr)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("connection to")], (before, names)


async def test_nothing_is_asked_of_a_closed_one(kate: Node) -> None:
    client = await in_thread(kate, lambda client: client)
    client.close()
    with pytest.raises(UsageError, match="nothing can be asked any more"):
        client.call("Elixir.Counter", Atom("get"))
    assert repr(client) == "<Client of kate@localhost closed>"


async def test_who_waits_when_it_is_closed_hears_of_it(kate: Node) -> None:
    def script(client: Client) -> Any:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.call, "Elixir.Counter", Atom("never"), None)
            client.call("Elixir.Counter", Atom("get"))  # behind the other one
            client.close()
            return waiting.exception(30)

    assert isinstance(await in_thread(kate, script), (Exit, UsageError))


@pytest.mark.parametrize(
    ("peer", "own"),
    [("kate@localhost", "@localhost"), ("kate@127.0.0.2", "@127.0.0.2"), ("kate@::1", "@::1")],
)
def test_its_own_name_is_at_a_host_that_the_peer_can_reach(peer: str, own: str) -> None:
    config = client_config(peer, "secret", {})
    assert config.name.endswith(own) and config.hidden


def test_without_a_domain_its_host_is_an_address() -> None:
    config = client_config("kate@192.0.2.1", "secret", {})
    assert config.longnames and "." in config.host
