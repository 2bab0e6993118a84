"""What each node of a cluster runs: its part of the distributed supervisor `Sessions`.

pyerlnode cluster up --nodes 3 interop/clustered.py:app
"""

import os

from pyerlnode import Application, Atom, GenServer, Module, Supervisor, on_call, this_node
from pyerlnode.services.distributed import DistributedSupervisor


class Session(GenServer, module="Elixir.Session"):
    def init(self, user: Atom) -> None:
        self.user = user
        self.count = 0

    @on_call
    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @on_call
    def where(self) -> tuple[Atom, int]:
        """Its node, and the operating system's number for that."""
        return this_node(), os.getpid()


Module("Session").export(Session)


class Clustered(Application):
    async def start(self, type, args):
        children = [DistributedSupervisor.child(name="Elixir.Sessions")]
        return await Supervisor.start_link(children, strategy="one_for_one")


app = Clustered
