"""A bridge with routes to processes of the node ROUTES_TO, to groups and to Phoenix.PubSub, and back."""

import os
from typing import Any

from pyerlnode import Application, Atom, Pid, Supervisor
from pyerlnode.bridge.mqtt import MQTT, Back, Call, Group, Name, Route, Topic
from pyerlnode.bridge.pubsub import PubSub

PUBSUB = "Elixir.Demo.PubSub"
THERE = os.environ.get("ROUTES_TO", "alex@localhost")


class Bridge(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        routes = [
            Route("name/#", Name("Elixir.Sensors", THERE), codec="json"),
            Route("group/#", Group("sensors")),
            Route("pubsub/#", Topic(PUBSUB, "in")),
            Route("rpc/#", Call("Elixir.Rpc", THERE), codec="json"),
            Back("back/name", Name("out"), codec="json"),
            Back("back/group", Group("out")),
            Back("back/pubsub", Topic(PUBSUB, "out"), codec="etf"),
        ]
        server = MQTT.child(os.environ["MQTT_URL"], name="Elixir.MQTT", routes=routes)
        return await Supervisor.start_link([PubSub.child(PUBSUB), server], strategy="one_for_one")


app = Bridge
