"""The MQTT server as `Elixir.MQTT`, connected to the broker of MQTT_URL.

    MQTT_URL=mqtt://localhost:1883 pyerlnode run --sname py@localhost --cookie secret interop/mqtt.py:app

From iex: `GenServer.call({MQTT, :py@localhost}, {:subscribe, "sensors/+/temp", [qos: 1]})`.
"""

import os
from typing import Any

from pyerlnode import Application, Atom, Pid, Supervisor
from pyerlnode.bridge.mqtt import MQTT

URL = os.environ.get("MQTT_URL", "mqtt://localhost:1883")


class Bridge(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        # A TLS broker's certificate is checked against the file of MQTT_CAFILE, or what the machine trusts.
        return await Supervisor.start_link(
            [MQTT.child(URL, name="Elixir.MQTT", cafile=os.environ.get("MQTT_CAFILE"))],
            strategy="one_for_one",
        )


app = Bridge
