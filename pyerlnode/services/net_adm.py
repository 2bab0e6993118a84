"""What an administrator asks: is that node there?

Source: net_adm:ping/1 and net_kernel's `is_auth` request in OTP's kernel.
"""

from __future__ import annotations

from pyerlnode.errors import Exit
from pyerlnode.otp import GenServer
from pyerlnode.process import node as this_node
from pyerlnode.term import Atom

_IS_AUTH = Atom("is_auth")
PONG, PANG = Atom("pong"), Atom("pang")


async def ping(node: str) -> Atom:
    """`pong` if `node` answers, connecting to it if need be; else `pang`."""
    try:
        answer = await GenServer.call(("net_kernel", node), (_IS_AUTH, this_node()), timeout=None)
    except Exit:
        return PANG
    return PONG if answer == "yes" else PANG
