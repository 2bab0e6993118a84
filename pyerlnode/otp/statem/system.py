"""How a state machine answers `sys`: its state, its status, another class in its place.

What handles events is in `statem_server.py`; this is what there is to see of it.

Source: gen_statem.erl of OTP's stdlib (27), system_* and format_status.
Proof: tests/otp/test_gen_statem_events.py, interop/test_gen_statem.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pyerlnode.otp.readable import attributes, described, readable, replace_attributes
from pyerlnode.otp.results import Result
from pyerlnode.otp.statem.results import NextState
from pyerlnode.otp.suspending import Suspendable
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pyerlnode.otp.debug import Debug
    from pyerlnode.otp.statem.modes import Mode
    from pyerlnode.otp.statem.timers import Event, StatemTimers

__all__ = ["StatemSystem"]


class StatemSystem(Suspendable):
    """Base of the `Behaviour` of a GenStatem."""

    __slots__ = ("_mode", "_modules", "_postponed", "_timers", "data", "debug", "parent", "state")
    system_module: Atom = Atom("gen_statem")
    parent: Pid
    state: Term
    data: Any
    debug: Debug | None
    _mode: Mode
    _modules: list[type]
    _postponed: list[Event]
    _timers: StatemTimers

    # --- how it is shown ----------------------------------------------------------------

    @property
    def _module(self) -> Atom:
        return self._mode.module

    def _record(self, event: tuple[Any, ...]) -> None:
        if self.debug is not None:
            self.debug.record(event)

    def _shown_data(self) -> Term:
        own = getattr(self.data, "__state__", None)
        return attributes(self.data) if own is None else readable(own())

    def _shown_result(self, result: Any) -> Term:
        return readable(result.to_term(self._shown_data()) if isinstance(result, Result) else result)

    def _formatted(self, **more: Any) -> dict[str, Any]:
        """What crash reports and `get_status` show, after the machine's own `format_status`."""
        events = self.debug.events() if self.debug is not None else []
        status = {
            "state": readable(self.state),
            "postponed": readable(self._postponed),
            "timeouts": self._timers.listed(),
            "log": events,
            **more,
        }
        try:
            status["data"] = self._shown_data()
            if self._mode.has_format_status:
                status |= self.data.format_status(dict(status))
        except Exception as error:
            status["data"] = f"format_status failed: {described(error)}"
        return status

    # --- sys ----------------------------------------------------------------------------

    def system_get_state(self) -> Term:
        return (readable(self.state), self._shown_data())

    def system_replace_state(self, state: Term) -> Term:
        if type(state) is not tuple or len(state) != 2:
            raise ValueError(f"the state of a machine is {{State, Data}}, not {state!r}")
        replace_attributes(self.data, state[1])
        self.state = state[0]
        return self.system_get_state()

    def system_status(self) -> list[Term]:
        shown = self._formatted()
        name = self.process.name or f"<0.{self.process.pid.id}.{self.process.pid.serial}>"
        modules = [Atom(module.__module_name__) for module in reversed(self._modules)]  # type: ignore[attr-defined]
        timeouts = shown["timeouts"]
        about: list[tuple[str, Term]] = [
            ("Status", Atom("suspended" if self.suspended else "running")),
            ("Parent", self.parent),
            ("Modules", modules),
            ("Time-outs", (len(self._timers), readable(timeouts))),
            ("Logged Events", shown["log"]),
            ("Postponed", readable(shown["postponed"])),
        ]
        data = Atom("data")
        return [
            (Atom("header"), charlist(f"Status for state machine {name}")),
            (data, [(charlist(key), value) for key, value in about]),
            (data, [(charlist("State"), (readable(shown["state"]), readable(shown["data"])))]),
        ]

    def system_code_change(self, module: Term, old_version: Term, extra: Term) -> Any:
        result = self.data.code_change(old_version, self.state, extra)
        if inspect.iscoroutine(result):
            return self._code_changed_later(result)
        return self._code_changed(result)

    async def _code_changed_later(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._code_changed(await coroutine)

    def _code_changed(self, result: Any) -> Any:
        if isinstance(result, NextState) and not result.actions:
            self.state = result.state
        elif result is not None:
            return self._shown_result(result)
        return None

    @property
    def instance(self) -> Any:
        """What the data is in."""
        return self.data

    @property
    def classes(self) -> list[type]:
        """Whose callbacks are called; the last one's now, the others' after PopCallbackModule."""
        return list(self._modules)

    def take_classes(self, classes: list[type]) -> None:
        """Let other classes take the place of `classes`; TypeError if the instance cannot be of one."""
        mode: Mode = classes[-1].__mode__()  # type: ignore[attr-defined]  # of GenStatem
        self.data.__class__ = classes[-1]
        self._modules, self._mode = list(classes), mode
