"""A request ends by what was asked for, and by nothing that a stranger sends."""

from __future__ import annotations

import asyncio

import pyerlnode.process as erl
from pyerlnode.process import Request, Runtime, this_process
from pyerlnode.term import Atom


async def test_what_is_sent_to_its_reference_answers_a_request(runtime: Runtime) -> None:
    server = runtime.spawn(erl.receive())
    request = Request(this_process(), server.pid)
    erl.send(request.ref, "reply")
    await request.wait(5.0)
    assert (request.message, request.is_down) == ("reply", False)


async def test_who_waits_for_the_end_alone_is_not_woken_by_a_message(runtime: Runtime) -> None:
    server = runtime.spawn(erl.receive())
    request = Request(this_process(), server.pid, replies=False)
    assert not runtime.aliases
    waiting = asyncio.ensure_future(request.wait(5.0))
    erl.send(request.ref, "from a stranger")
    erl.exit(server.pid, "kill")
    await waiting
    assert (request.replied, request.down_reason) == (False, Atom("killed"))
    assert not runtime.aliases
