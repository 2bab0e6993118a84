"""A small MQTT broker in this very process, for a first try: no persistence, no passwords, MQTT 3.1.1.

    Supervisor.start_link([EmbeddedBroker(port=1883), MQTT.child(..., protocol="3.1.1")], ...)

It is amqtt's.  Whatever counts wants a broker of its own, such as mosquitto.

Proof: tests/bridge/mqtt/test_broker.py.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pyerlnode.errors import ConfigError, Exit, UsageError
from pyerlnode.otp import ChildSpec, GenServer
from pyerlnode.process import process_flag
from pyerlnode.term import Atom, Term

__all__ = ["EmbeddedBroker"]

_CLIENTS_ARE_ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
# What it tells of each client and packet.
for _name in ("amqtt", "transitions"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class EmbeddedBroker:
    """The broker as a child of a supervisor; `url` is where it listens."""

    def __init__(self, port: int = 1883, address: str = "127.0.0.1") -> None:
        """ConfigError for a port or an address that is none."""
        if type(port) is not int or not 0 < port < 65536:
            raise ConfigError(f"broker: port is 1 to 65535, not {port!r}")
        if not isinstance(address, str) or not address:
            raise ConfigError(f"broker: address is text, not {address!r}")
        self.port, self.address = port, address
        self.url = f"mqtt://{address}:{port}"

    def child_spec(self) -> ChildSpec:
        """Its specification."""
        return ChildSpec("broker", (BrokerServer.start_link, [self.address, self.port]))


class BrokerServer(GenServer, module="Elixir.MQTT.Broker"):
    """The broker lives as long as this process."""

    async def init(self, address: str, port: int) -> None:
        # In a thread: it takes a while, and the node goes on.
        broker = await asyncio.to_thread(_imported)
        process_flag("trap_exit", True)
        listeners = {"default": {"type": "tcp", "bind": f"{address}:{port}"}}
        config: Any = {"listeners": listeners, "plugins": _CLIENTS_ARE_ANONYMOUS}
        self._broker = broker(config, loop=asyncio.get_running_loop())
        self._address = f"{address}:{port}"
        try:
            await self._broker.start()
        except Exception as error:
            raise Exit((Atom("broker"), f"{self._address}: {error.__cause__ or error}")) from None

    def __state__(self) -> Term:
        return self._address

    async def terminate(self, reason: Term) -> None:
        await self._broker.shutdown()


def _imported() -> Any:
    try:
        from amqtt.broker import Broker  # type: ignore[import-untyped]
    except ImportError:
        raise UsageError("the broker needs the package amqtt: pip install 'pyerlnode[mqtt]'") from None
    return Broker
