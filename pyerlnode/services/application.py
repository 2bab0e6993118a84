"""The applications of a node: `application_controller`, started with `kernel` and `stdlib`.

When the node stops, they stop first, the one started last before the others, while other
nodes can be reached still.  A permanent application that ends takes the node with it.

Source: application(3), kernel(6) of OTP's kernel.
Proof: tests/services/test_application_service.py, interop/test_applications.py.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError, Exit
from pyerlnode.otp import GenServer
from pyerlnode.otp.application import requests as application_requests
from pyerlnode.otp.application.controller import CONTROLLER, start_controller
from pyerlnode.otp.application.spec import ApplicationSpec
from pyerlnode.otp.reports import is_quiet
from pyerlnode.process import monitor, receive
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.services import rpc
from pyerlnode.term import Atom, Term, charlist, to_elixir
from pyerlnode.version import VERSION

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pyerlnode.node import Node
    from pyerlnode.process import Runtime
    from pyerlnode.term import Pid, Reference

__all__ = ["on_end", "service", "stop_all"]

logger = logging.getLogger("pyerlnode.application")

# What is told of the application that the node cannot do without, and why that has ended.
_observers: PerRuntime[Callable[[Atom, Term], object]] = PerRuntime()
# Stopping a node that stops itself must not be forgotten by Python.
_stopping: set[asyncio.Task[Any]] = set()

# The modules of OTP's own applications that a node answers for.
_KERNEL: Final = ("application", "code", "erpc", "global", "net_adm", "net_kernel", "pg", "rpc")
_KERNEL_NAMES: Final = ("global_name_server", "logger", "net_kernel", "rex", "user")


def _basic() -> list[ApplicationSpec]:
    """The applications that every node has, as far as this library is them."""
    about = "The modules of OTP's {} that a pyerlnode node answers for"
    kernel, stdlib = Atom("kernel"), Atom("stdlib")
    return [
        ApplicationSpec.make(
            kernel,
            [],
            description=charlist(about.format(kernel)),
            vsn=charlist(VERSION),
            modules=[Atom(name) for name in _KERNEL],
            registered=[Atom(name) for name in _KERNEL_NAMES],
        ),
        ApplicationSpec.make(
            stdlib,
            [],
            description=charlist(about.format(stdlib)),
            vsn=charlist(VERSION),
            applications=[kernel],
        ),
    ]


def service(node: Node) -> None:
    """Start the application controller; the node stops its applications when it stops."""

    def given_up(name: Atom, reason: Term) -> None:
        observer = _observers.get(node.runtime)
        if observer is not None:
            observer(name, reason)
        else:
            logger.critical("application %s has ended, and with it the node: %s", name, to_elixir(reason))
            _stop_soon(node)

    controller = start_controller(node.runtime, _basic(), given_up)
    node.runtime.spawn(_watch(controller, given_up))
    node.before_stop(lambda: stop_all(node.runtime))


async def _watch(controller: Pid, given_up: Callable[[Atom, Term], object]) -> None:
    """A node whose controller was killed has lost its applications, too."""
    ref = monitor(controller)
    down: Any = await receive(lambda message: _is_down(message, ref))
    if not is_quiet(down[4]):
        given_up(CONTROLLER, down[4])


def _is_down(message: Term, ref: Reference) -> bool:
    return isinstance(message, tuple) and len(message) == 5 and message[1] == ref


def on_end(runtime: Runtime, observer: Callable[[Atom, Term], object]) -> None:
    """Call `observer` with the name and the reason of an application that the node ends for.

    It has to stop the node then; without an observer the node stops itself.
    """
    _observers[runtime] = observer


def _stop_soon(node: Node) -> None:
    task = node.runtime.loop.create_task(node.stop())
    _stopping.add(task)
    task.add_done_callback(_stopping.discard)


async def stop_all(runtime: Runtime) -> None:
    """Stop all applications, the one started last first; returns when they have ended."""
    over: asyncio.Future[None] = runtime.loop.create_future()

    async def stop() -> None:
        try:
            with suppress(Exit):  # it has ended already
                await GenServer.stop(CONTROLLER, Atom("shutdown"), None)
        finally:
            if not over.done():
                over.set_result(None)

    runtime.spawn(stop())
    await over


async def _call(node: str, module: str, function: str, args: list[Term]) -> Any:
    try:
        return await rpc.call(node, module, function, args, timeout=None)
    except ErlangError as error:
        raise Exit(error.reason) from None


application_requests.call_elsewhere(_call)
