"""A process that subscribes to `Demo.PubSub` (pool size 2) and broadcasts on it when it is told to.

The GenServer `member` takes `{subscribe, topic}`, `{unsubscribe, topic}`, `{broadcast, topic, message}`
and its like, and answers `{heard, count}` with the messages it got, as soon as there are so many.
"""

from typing import Any

from pyerlnode import Application, Atom, GenServer, NoReply, Pid, Reply, Supervisor, this_process
from pyerlnode.bridge.pubsub import PubSub

NAME = "Elixir.Demo.PubSub"


class Member(GenServer):
    def init(self) -> None:
        self.messages: list[Any] = []
        self.waiting: tuple[Any, int] | None = None

    def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case ("heard", count):
                self.waiting = (caller, count)
                self.answer()
                return NoReply()
            case ("subscribe", topic):
                return Reply(PubSub.subscribe(NAME, topic))
            case ("unsubscribe", topic):
                return Reply(PubSub.unsubscribe(NAME, topic))
            case ("broadcast", topic, message):
                return Reply(PubSub.broadcast(NAME, topic, message))
            case ("broadcast_from", topic, message):
                return Reply(PubSub.broadcast_from(NAME, this_process().pid, topic, message))
            case ("local_broadcast", topic, message):
                return Reply(PubSub.local_broadcast(NAME, topic, message))
            case ("direct_broadcast", node, topic, message):
                return Reply(PubSub.direct_broadcast(node, NAME, topic, message))

    def handle_info(self, message: Any) -> NoReply:
        self.messages.append(message)
        self.answer()
        return NoReply()

    def answer(self) -> None:
        if self.waiting is None or len(self.messages) < self.waiting[1]:
            return
        (caller, _), self.waiting = self.waiting, None
        heard, self.messages = self.messages, []
        GenServer.reply(caller, heard)


class Demo(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        member = {"id": "member", "start": (Member.start_link, [], {"name": "member"})}
        children = [PubSub.child(NAME, pool_size=2), member]
        return await Supervisor.start_link(children, strategy="rest_for_one")


app = Demo
