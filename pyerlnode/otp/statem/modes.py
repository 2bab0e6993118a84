"""How the events of a GenStatem class are handled: its callback mode, and which callbacks it has.

Source: gen_statem(3), the type callback_mode_result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.errors import UsageError
from pyerlnode.otp.dispatch import Handler
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HANDLE_EVENT_FUNCTION", "STATE_ENTER", "STATE_FUNCTIONS", "Mode", "check_callback_mode"]

STATE_FUNCTIONS = "state_functions"
HANDLE_EVENT_FUNCTION = "handle_event_function"
STATE_ENTER = "state_enter"


def check_callback_mode(cls: type, mode: Any) -> list[str]:
    """The words of `callback_mode`; UsageError for what is none."""
    words = [mode] if isinstance(mode, str) else list(mode)
    known = (STATE_FUNCTIONS, HANDLE_EVENT_FUNCTION, STATE_ENTER)
    for word in words:
        if word not in known:
            raise UsageError(
                f"{cls.__name__}.callback_mode: expected one of {', '.join(known)}. Got: {word!r}"
            )
    if STATE_FUNCTIONS in words and HANDLE_EVENT_FUNCTION in words:
        raise UsageError(f"{cls.__name__}.callback_mode is one of {STATE_FUNCTIONS}, {HANDLE_EVENT_FUNCTION}")
    return words


class Mode:
    """What there is to know of one class."""

    __slots__ = (
        "_base",
        "has_format_status",
        "has_terminate",
        "init",
        "module",
        "state_enter",
        "state_functions",
    )

    def __init__(self, cls: Any, base: Any) -> None:
        words = check_callback_mode(cls, cls.callback_mode)
        own_handler = cls.handle_event is not base.handle_event
        self._base = base
        self.init = Handler(cls.init)
        self.module = Atom(cls.__module_name__)
        self.state_enter = STATE_ENTER in words
        self.state_functions = STATE_FUNCTIONS in words or not (HANDLE_EVENT_FUNCTION in words or own_handler)
        self.has_terminate = cls.terminate is not base.terminate
        self.has_format_status = cls.format_status is not base.format_status

    def state_function(self, data: object, state: Term) -> Callable[..., Any] | None:
        """The method of the state's name; None where there is none that could be one."""
        if not isinstance(state, str) or state.startswith("_") or hasattr(self._base, state):
            return None
        function = getattr(type(data), state, None)
        return getattr(data, state) if callable(function) else None
