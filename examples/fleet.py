"""A fleet of simulated devices that talk MQTT, each a process under a supervisor.

    pyerlnode run --sname fleet@localhost --cookie secret examples/fleet.py:Fleet

Each device publishes its temperature on `fleet/N/temp` (JSON) and listens to `fleet/N/target`.
From iex on the same broker's bridge, the server `Elixir.MQTT` of this node:

    server = {MQTT, :fleet@localhost}
    GenServer.call(server, {:subscribe, "fleet/+/temp", [qos: 1]})
    GenServer.call(server, {:publish, "fleet/3/target", 25, [codec: :json, qos: 1]})

MQTT_URL names the broker; without it there is a small one in this very process.
"""

import os
import random
from typing import Any

from pyerlnode import Application, Atom, GenServer, NoReply, Pid, Supervisor, send_after, this_process
from pyerlnode.bridge.mqtt import MQTT, EmbeddedBroker

SERVER = "Elixir.MQTT"
DEVICES = int(os.environ.get("DEVICES", "10"))
INTERVAL = 0.5


class Device(GenServer):
    """Its temperature goes to the target, a little further each time."""

    async def init(self, number: int) -> None:
        self.number, self.temp, self.target = number, 20.0, 20.0
        await MQTT.subscribe(SERVER, f"fleet/{number}/target", qos=1)
        self.tick_soon()

    def tick_soon(self) -> None:
        send_after(INTERVAL * random.uniform(0.8, 1.2), this_process().pid, Atom("tick"))

    def handle_info(self, message: Any) -> NoReply:
        match message:
            case "tick":
                self.temp += (self.target - self.temp) / 4
                reading = {"device": self.number, "temp": round(self.temp, 2)}
                request = (Atom("publish"), f"fleet/{self.number}/temp", reading, [(Atom("qos"), 1)])
                GenServer.cast(SERVER, request)
                self.tick_soon()
            case ("mqtt", _, int() | float() as target, _):
                self.target = float(target)
        return NoReply()


class Fleet(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        url = os.environ.get("MQTT_URL")
        children: list[Any] = []
        options: dict[str, Any] = {"codecs": {"fleet/#": "json"}}
        if url is None:
            broker = EmbeddedBroker(port=int(os.environ.get("MQTT_PORT", "1883")))
            children.append(broker)
            url, options["protocol"] = broker.url, "3.1.1"
        children.append(MQTT.child(url, name=SERVER, **options))
        children += [(Device, number, {"id": f"device {number}"}) for number in range(1, DEVICES + 1)]
        return await Supervisor.start_link(children, strategy="one_for_one", name="Elixir.Fleet.Supervisor")
