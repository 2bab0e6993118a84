"""How a GenServer answers `sys`: its state, its status, another class in its place.

What handles messages is in `server.py`; this is what there is to see of it.

Source: gen_server.erl of OTP's stdlib, system_* and format_status.
Proof: tests/otp/test_sys.py, tests/otp/test_gen_server_ending.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pyerlnode.otp.readable import attributes, described, readable, replace_attributes
from pyerlnode.otp.results import Failure, Result
from pyerlnode.otp.suspending import Suspendable
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pyerlnode.otp.debug import Debug
    from pyerlnode.otp.dispatch import Handlers

__all__ = ["ServerSystem"]


class ServerSystem(Suspendable):
    """Base of the `Behaviour` of a GenServer; `state` is the instance of its class."""

    __slots__ = ("_class", "_handlers", "debug", "parent", "state")
    system_module = Atom("gen_server")
    parent: Pid
    state: Any
    debug: Debug | None
    _class: type
    _handlers: Handlers

    # --- how it is shown ----------------------------------------------------------------

    def _shown_state(self) -> Term:
        own = getattr(self.state, "__state__", None)
        return attributes(self.state) if own is None else readable(own())

    def _shown_result(self, result: Any) -> Term:
        return readable(result.to_term(self._shown_state()) if isinstance(result, Result) else result)

    def _formatted(self, **more: Term) -> dict[str, Any]:
        """What crash reports and `get_status` show, after the server's own `format_status`."""
        events = self.debug.events() if self.debug is not None else []
        try:
            status = {"state": self._shown_state(), "log": events, **more}
            if "format_status" in self._handlers.overridden:
                status |= self.state.format_status(dict(status))
        except Exception as error:
            return {"state": f"format_status failed: {described(error)}", "log": events, **more}
        return status

    # --- sys ----------------------------------------------------------------------------

    def system_get_state(self) -> Term:
        return self._shown_state()

    def system_replace_state(self, state: Term) -> Term:
        replace_attributes(self.state, state)
        return self._shown_state()

    def system_status(self) -> list[Term]:
        shown = self._formatted()
        name = self.process.name or f"<0.{self.process.pid.id}.{self.process.pid.serial}>"
        status = Atom("suspended" if self.suspended else "running")
        data = Atom("data")
        return [
            (Atom("header"), charlist(f"Status for generic server {name}")),
            (
                data,
                [
                    (charlist("Status"), status),
                    (charlist("Parent"), self.parent),
                    (charlist("Logged events"), shown["log"]),
                ],
            ),
            (data, [(charlist("State"), readable(shown["state"]))]),
        ]

    def system_code_change(self, module: Term, old_version: Term, extra: Term) -> Any:
        result = self.state.code_change(old_version, extra)
        if inspect.iscoroutine(result):
            return self._code_changed(result)
        return _code_change_result(result)

    async def _code_changed(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return _code_change_result(await coroutine)

    @property
    def instance(self) -> Any:
        """What the state is in."""
        return self.state

    @property
    def classes(self) -> list[type]:
        """Whose callbacks are called; the last one's now."""
        return [self._class]

    def take_classes(self, classes: list[type]) -> None:
        """Let other classes take the place of `classes`; TypeError if the instance cannot be of one."""
        cls = classes[-1]
        handlers: Handlers = cls.__server_handlers__()  # type: ignore[attr-defined]  # of GenServer
        self.state.__class__ = cls
        self._class, self._handlers = cls, handlers


def _code_change_result(result: Any) -> Any:
    return result.to_term(None) if isinstance(result, Failure) else result
