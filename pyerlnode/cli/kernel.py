"""The table `[kernel]` of the file of `pyerlnode run --config`: how the node connects, in OTP's words.

    [kernel]
    net_ticktime = 30
    inet_dist_listen_min = 9100
    inet_dist_listen_max = 9110

What the command line says goes over it.  The other keys of the table are the application's own.

Source: kernel(6) of OTP.
Proof: tests/cli/test_kernel_table.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from pyerlnode.errors import ConfigError

if TYPE_CHECKING:
    from pyerlnode.node import NodeSettings
    from pyerlnode.term import Term

__all__ = ["settings"]

Check = Callable[[Any], bool]


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


# Named as in NodeSettings.
_SAME: Final[dict[str, tuple[Check, str]]] = {
    "net_ticktime": (_is_seconds, "a number of seconds"),
    "net_tickintensity": (_is_integer, "an integer"),
    "net_setuptime": (_is_seconds, "a number of seconds"),
    "dist_listen": (_is_truth, "true or false"),
    "connect_all": (_is_truth, "true or false"),
    "prevent_overlapping_partitions": (_is_truth, "true or false"),
}
_LOW, _HIGH = "inet_dist_listen_min", "inet_dist_listen_max"
_INTERFACE: Final = "inet_dist_use_interface"


def settings(table: Mapping[str, Term]) -> NodeSettings:
    """What the table says of connections; ConfigError for a value that cannot be."""
    found: dict[str, Any] = {
        key: _checked(key, table[key], check, wanted)
        for key, (check, wanted) in _SAME.items()
        if key in table
    }
    if _LOW in table:
        low = _checked(_LOW, table[_LOW], _is_integer, "a port")
        high = _checked(_HIGH, table.get(_HIGH, low), _is_integer, "a port")
        found["listen_ports"] = (low, high)
    elif _HIGH in table:
        raise ConfigError(f"config: kernel.{_HIGH}: {_LOW} is missing")
    if _INTERFACE in table:
        found["listen_address"] = _address(table[_INTERFACE])
    return cast("NodeSettings", found)


def _checked(key: str, value: Any, check: Check, wanted: str) -> Any:
    if not check(value):
        raise ConfigError(f"config: kernel.{key}: {wanted} is wanted, not {value!r}")
    return value


def _address(value: Any) -> str:
    """An address as text, or as OTP has it: four numbers, or eight."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(_is_integer(part) for part in value) and len(value) in (4, 8):
        return ".".join(map(str, value)) if len(value) == 4 else ":".join(f"{part:x}" for part in value)
    raise ConfigError(f"config: kernel.{_INTERFACE}: an IP address is wanted, not {value!r}")
