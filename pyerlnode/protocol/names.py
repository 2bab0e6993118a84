"""Node names: `name@host`.

Source: ERTS manual, "Distribution Protocol" (messages `N`), and what the nodes of
OTP 25 to 29 refuse.  Proof: tests/protocol/test_protocol_names.py.
"""

from __future__ import annotations

from pyerlnode.errors import ConfigError

__all__ = ["MAX_NAME", "has_odd_characters", "is_long_host", "name_fault", "split_name"]

# Characters of a whole node name, as of any atom.
MAX_NAME = 255


def name_fault(name: str) -> str | None:
    """Say why `name` is no node name, or None if it is one.

    A node name has exactly one `@`, something on both sides of it, and at most 255
    characters.  A BEAM closes the connection, without a status, on anything else.
    """
    if len(name) > MAX_NAME:
        return f"{len(name)} characters, at most {MAX_NAME} are allowed"
    if name.count("@") != 1:
        return f"exactly one @ is needed, found {name.count('@')}"
    short, _, host = name.partition("@")
    if not short:
        return "nothing before the @"
    if not host:
        return "nothing after the @"
    return None


def has_odd_characters(name: str) -> bool:
    """Whether `name` holds characters that no BEAM takes: blanks, controls, non-ASCII."""
    return not all("!" <= character <= "~" for character in name)


def split_name(name: str) -> tuple[str, str]:
    """`"kate@localhost"` -> `("kate", "localhost")`; `ConfigError` that names the fault."""
    fault = name_fault(name)
    if fault is None and has_odd_characters(name):
        fault = "only printable ASCII characters without blanks are allowed"
    if fault is not None:
        raise ConfigError(f"bad node name {name[:300]!r}: {fault}")
    short, _, host = name.partition("@")
    return short, host


def is_long_host(host: str) -> bool:
    """Whether `host` belongs to a long name (`--name`): it has a dot, or is an IPv6 address."""
    return "." in host or ":" in host
