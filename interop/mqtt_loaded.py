"""The bridge of mqtt.py with a small queue (QUEUE_LIMIT), for mqtt_load.py."""

import os
from typing import Any

from pyerlnode import Application, Atom, Pid, Supervisor
from pyerlnode.bridge.mqtt import MQTT

LIMIT = int(os.environ.get("QUEUE_LIMIT", "200"))


class Bridge(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        server = MQTT.child(os.environ["MQTT_URL"], queue_limit=LIMIT, queue_policy="drop_oldest")
        return await Supervisor.start_link([server], strategy="one_for_one")


app = Bridge
