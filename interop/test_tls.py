"""TLS under the distribution, with `-proto_dist inet_tls` nodes of every release, in both directions."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from pathlib import Path

import pytest
from clusters import has_ipv6, until
from tls_files import certificate, write_options

from pyerlnode import rpc
from pyerlnode.errors import HandshakeError, TlsError
from pyerlnode.services import net_adm

LARGE = 10_000_000


class TlsBeam:
    """A BEAM with TLS and the files that it has it from."""

    def __init__(self, beam, beam_node) -> None:
        self.home, self._inside = beam.make_home()
        self._beam_node = beam_node

    def start(self, name: str, protocol: str = "inet_tls", epmd_port: int | None = None, **options):
        file = write_options(self.home / "tls", seen_as=f"{self._inside}/tls", **options)
        flags = ("-proto_dist", protocol, "-ssl_dist_optfile", file)
        return self._beam_node(name, epmd_port=epmd_port, flags=flags)

    def change_certificate(self, node, kind: str) -> None:
        """From now on the server shows another one."""
        for name, data in zip(("certfile", "keyfile"), certificate(kind), strict=True):
            (self.home / "tls" / f"server_{name}.pem").write_bytes(data)
        clear = "gen_server:call(ssl_pem_cache_dist, {unconditionally_clear_pem_cache, self()}, infinity)"
        node.eval_erlang(clear)


@pytest.fixture
def tls_beam(beam, beam_node):
    made = TlsBeam(beam, beam_node)
    yield made
    shutil.rmtree(made.home, ignore_errors=True)


@pytest.fixture
def own(tmp_path):
    """`own(client="expired")`: the options of a Python node."""
    return lambda **options: write_options(Path(tmp_path) / "-".join(map(str, options.values())), **options)


def warned(caplog, pattern: str) -> bool:
    """Whether a line of the log says so; it is forgotten then."""
    found = [record for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    return any(re.search(pattern, record.getMessage()) for record in found)


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
async def test_calls_and_large_messages_in_both_directions(
    tls_beam, new_node, own, python_node, target, version
) -> None:
    alex = await asyncio.to_thread(tls_beam.start, "alex", versions=(version,))
    async with new_node("kate", tls=own()) as kate:
        assert await net_adm.ping(alex.name) == "pong"
        assert kate.nodes() == [alex.name]
        info = await alex.eval_elixir_async(
            f"{{:ok, info}} = :net_kernel.node_info(:'{kate.name}'); elem(info[:address], 3)"
        )
        assert info.text == ":tls"
        (link,) = kate.links()
        assert link._transport.get_extra_info("cipher")[1] == version.replace("tlsv", "TLSv")
        copied = await rpc.call(alex.name, "binary", "copy", [b"x", LARGE])
        assert len(copied) == LARGE
        assert await rpc.call(alex.name, "erlang", "byte_size", [copied]) == LARGE
        kate.disconnect(alex.name)
    echo = await asyncio.to_thread(python_node, "echo", target("echo.py:app"), options=("--tls", own()))
    asked = f"GenServer.call({{:echo, :'{echo.name}'}}, {{:echo, :binary.copy(<<1>>, {LARGE})}}, 30_000)"
    assert (await alex.eval_elixir_async(f"Node.ping(:'{echo.name}')")).text == ":pong"
    assert (await alex.eval_elixir_async(f"byte_size({asked})", timeout=40)).text == str(LARGE)
    again = f"for _ <- 1..3, do: {{Node.disconnect(:'{echo.name}'), Node.ping(:'{echo.name}')}}"
    assert (await alex.eval_elixir_async(again)).text == "[true: :pong, true: :pong, true: :pong]"


@pytest.mark.parametrize(
    ("host", "protocol", "own_protocol"),
    [("127.0.0.1", "inet_tls", "inet_tcp"), ("::1", "inet6_tls", "inet6_tcp")],
)
async def test_a_host_may_be_an_address(
    tls_beam, new_node, own, free_port, host, protocol, own_protocol
) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no ::1")
    settings = {"epmd_port": free_port, "tls": own(), "proto_dist": own_protocol}
    async with new_node(f"kate@{host}", **settings) as kate:
        alex = await asyncio.to_thread(tls_beam.start, f"alex@{host}", protocol, free_port)
        assert await net_adm.ping(alex.name) == "pong"
        kate.disconnect(alex.name)
        async with new_node(f"zoe@{host}", **settings) as zoe:
            assert (await alex.eval_elixir_async(f'Node.ping(:"{zoe.name}")')).text == ":pong"


async def test_each_wrong_certificate_is_named(tls_beam, new_node, own, caplog) -> None:
    alex = await asyncio.to_thread(tls_beam.start, "alex")
    # Python dials with a wrong certificate, or none: what the BEAM says of it.
    for kind, said in [
        ("expired", "certificate has expired"),
        ("unknown_ca", "does not know the CA of our certificate"),
        (None, "wants a client certificate"),
    ]:
        async with new_node("kate", tls=own(client=kind)) as kate:
            with pytest.raises(HandshakeError, match=said):
                await kate.dial(alex.name)
            assert warned(caplog, said)
    # A BEAM dials a server with a wrong certificate: what Python hears of it.
    for kind, said in [
        ("expired", "says that our certificate has expired"),
        ("unknown_ca", "does not know the CA of our certificate"),
        ("other_host", "refused the TLS handshake|does not accept our certificate"),
    ]:
        async with new_node("zoe", tls=own(server=kind)) as zoe:
            assert (await alex.eval_elixir_async(f'Node.ping(:"{zoe.name}")')).text == ":pang"
            await until(lambda said=said: warned(caplog, said), timeout=30)
    # A server of the BEAM with a wrong certificate.
    async with new_node("kate", tls=own()) as kate:
        for kind, said in [
            ("expired", "its certificate has expired"),
            ("unknown_ca", "its certificate is of an unknown CA"),
            ("other_host", "its certificate is for another host"),
        ]:
            await asyncio.to_thread(tls_beam.change_certificate, alex, kind)
            with pytest.raises(TlsError, match=said):
                await kate.dial(alex.name)
            assert warned(caplog, said)
        await asyncio.to_thread(tls_beam.change_certificate, alex, "good")
        await kate.dial(alex.name)


async def test_who_speaks_without_tls_is_named(tls_beam, beam_node, new_node, own, caplog) -> None:
    alex = await asyncio.to_thread(tls_beam.start, "alex")
    bert = await asyncio.to_thread(beam_node, "bert")
    async with new_node("kate", tls=own(), net_setuptime=2.0) as kate:
        with pytest.raises(TlsError, match=r"no TLS handshake within 1\.8 s: perhaps it speaks without TLS"):
            await kate.dial(bert.name)
        assert (await bert.eval_elixir_async(f'Node.ping(:"{kate.name}")')).text == ":pang"
        assert warned(caplog, "does not speak TLS")
    async with new_node("zoe") as zoe:
        with pytest.raises(HandshakeError):
            await zoe.dial(alex.name)
        assert (await alex.eval_elixir_async(f'Node.ping(:"{zoe.name}")')).text == ":pang"
        assert warned(caplog, "it speaks TLS, and this node does not")


@pytest.mark.parametrize(
    ("version", "limit"), [("tlsv1.2", "{renegotiate_at, 50}"), ("tlsv1.3", "{key_update_at, 500000}")]
)
async def test_a_connection_outlives_new_keys(tls_beam, new_node, own, version, limit) -> None:
    """A BEAM wants new keys after so many records or bytes: with TLS 1.2 by another handshake."""
    alex = await asyncio.to_thread(tls_beam.start, "alex", versions=(version,), more=limit)
    async with new_node("kate", tls=own()) as kate:
        for dial in (f'Node.connect(:"{kate.name}")', "true"):
            assert (await alex.eval_elixir_async(dial)).text == "true"
            (link,) = kate.links()
            for _ in range(200):
                assert await rpc.call(alex.name, "erlang", "byte_size", [b"x" * 10_000]) == 10_000
            assert kate.links() == [link]
            kate.disconnect(alex.name)
            await kate.dial(alex.name)
