"""Peer nodes: Python nodes that a program starts, uses and stops, as OTP's module `peer`.

    peer, node = await Peer.start_link("workers.py:App")
    answer = await Peer.call(peer, "Elixir.Worker", "work", [7])
    await Peer.stop(peer)

A peer is an operating system process of its own, so that it has a core of its own.  It is
connected with the node that started it, has its cookie and its settings, and ends when the
process that stands for it here ends: by `stop`, with what it is linked to, or with this program,
however that ends.  In a supervisor a peer is a child: `Peer.child("workers.py:App", name="worker1")`.

Source: peer(3) of OTP's stdlib; peer.erl.
Proof: tests/services/peer/test_peer.py, interop/test_cluster.py.
"""

from pyerlnode.services.peer.peer import Peer
from pyerlnode.services.peer.program import Program, Up

__all__ = ["Peer", "Program", "Up"]
