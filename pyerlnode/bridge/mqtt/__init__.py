"""MQTT: a topic is as reachable as a process.  Needs `pip install pyerlnode[mqtt]`.

    Supervisor.start_link([MQTT.child("mqtt://localhost:1883", name="Elixir.MQTT"), ...])

    await MQTT.subscribe("Elixir.MQTT", "sensors/+/temp", qos=1)
    await receive()                        (Atom("mqtt"), "sensors/3/temp", b"21.5", {Atom("qos"): 1, ...})
    await MQTT.publish("Elixir.MQTT", "actors/3", b"on", qos=1, retain=True)

and from Elixir, with `server = {MQTT, :py@host}`:

    :ok = GenServer.call(server, {:subscribe, "sensors/+/temp", [qos: 1]})
    receive do {:mqtt, topic, payload, properties} -> ... end
    :ok = GenServer.call(server, {:publish, "actors/3", "on", [qos: 1]})

Proof: tests/bridge/mqtt, interop/test_mqtt.py.
"""

try:
    import aiomqtt as _aiomqtt  # noqa: F401  # only to say in one sentence that it is missing
except ImportError:
    from pyerlnode.errors import UsageError

    raise UsageError("MQTT needs the package aiomqtt: pip install 'pyerlnode[mqtt]'") from None

from pyerlnode.bridge.mqtt.broker import EmbeddedBroker
from pyerlnode.bridge.mqtt.client import MQTT
from pyerlnode.bridge.mqtt.presence import MqttPresence, Presence
from pyerlnode.bridge.mqtt.routes import Back, Call, Group, Name, Route, Topic

__all__ = [
    "MQTT",
    "Back",
    "Call",
    "EmbeddedBroker",
    "Group",
    "MqttPresence",
    "Name",
    "Presence",
    "Route",
    "Topic",
]
