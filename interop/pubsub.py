"""A member of the Phoenix.PubSub named `Demo.PubSub` (pool size 1).

    pyerlnode run --sname py@localhost --cookie secret interop/pubsub.py:app

What arrives on the topic "in" is broadcast unchanged on the topic "out".
"""

from typing import Any

from pyerlnode import Application, Atom, GenServer, NoReply, Pid, Supervisor
from pyerlnode.bridge.pubsub import PubSub

NAME = "Elixir.Demo.PubSub"


class Relay(GenServer):
    def init(self) -> None:
        PubSub.subscribe(NAME, "in")

    def handle_info(self, message: Any) -> NoReply:
        PubSub.broadcast(NAME, "out", message)
        return NoReply()


class Demo(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return await Supervisor.start_link([PubSub.child(NAME), Relay], strategy="rest_for_one")


app = Demo
