"""Capabilities that two nodes tell each other in the handshake.

What both sides offer is in force for the connection.  Bits that are not named here
belong to later releases or are internal to the BEAM; they are kept and ignored.

Source: ERTS manual, "Distribution Protocol", Distribution Flags; bit 26 as measured
(some releases print bit 36 for it).  Proof: tests/protocol/test_dist_flags.py and
tests/protocol/test_handshake_vectors.py.
"""

from __future__ import annotations

from enum import IntFlag

__all__ = [
    "MANDATORY",
    "MANDATORY_25",
    "OFFERED",
    "OFFERED_VISIBLE",
    "DistFlag",
    "expand",
    "missing",
    "negotiate",
]


class DistFlag(IntFlag):
    """The distribution flags; values as on the wire (64 bits)."""

    PUBLISHED = 1 << 0
    """The node is visible: in `nodes()`, takes part in `global`."""
    ATOM_CACHE = 1 << 1
    """Obsolete."""
    EXTENDED_REFERENCES = 1 << 2
    """References of more than one word."""
    DIST_MONITOR = 1 << 3
    """MONITOR_P, DEMONITOR_P, MONITOR_P_EXIT."""
    FUN_TAGS = 1 << 4
    """Funs have a tag of their own."""
    DIST_MONITOR_NAME = 1 << 5
    """Monitors by registered name."""
    HIDDEN_ATOM_CACHE = 1 << 6
    """Obsolete."""
    NEW_FUN_TAGS = 1 << 7
    """NEW_FUN_EXT."""
    EXTENDED_PIDS_PORTS = 1 << 8
    """More bits in pids and ports."""
    EXPORT_PTR_TAG = 1 << 9
    """EXPORT_EXT."""
    BIT_BINARIES = 1 << 10
    """BIT_BINARY_EXT."""
    NEW_FLOATS = 1 << 11
    """NEW_FLOAT_EXT."""
    UNICODE_IO = 1 << 12
    """I/O servers know the unicode requests."""
    DIST_HDR_ATOM_CACHE = 1 << 13
    """Frames with a distribution header and atom cache."""
    SMALL_ATOM_TAGS = 1 << 14
    """SMALL_ATOM_EXT."""
    UTF8_ATOMS = 1 << 16
    """ATOM_UTF8_EXT and SMALL_ATOM_UTF8_EXT."""
    MAP_TAG = 1 << 17
    """MAP_EXT."""
    BIG_CREATION = 1 << 18
    """32-bit creations: NEW_PID_EXT, NEW_PORT_EXT, NEWER_REFERENCE_EXT."""
    SEND_SENDER = 1 << 19
    """Messages tell their sender (22, 23 instead of 2, 12)."""
    BIG_SEQTRACE_LABELS = 1 << 20
    """Any term as label of a trace token."""
    EXIT_PAYLOAD = 1 << 22
    """Reasons behind the control tuple (24 to 28 instead of 3, 13, 8, 18, 21)."""
    FRAGMENTS = 1 << 23
    """Large messages come in parts."""
    HANDSHAKE_23 = 1 << 24
    """Handshake version 6."""
    UNLINK_ID = 1 << 25
    """Unlinking is acknowledged (35, 36)."""
    MANDATORY_25_DIGEST = 1 << 26
    """Stands for all flags of `MANDATORY_25`."""
    SPAWN = 1 << 32
    """Remote spawn requests (29 to 32)."""
    NAME_ME = 1 << 33
    """In `N` of the initiator: give me a name."""
    V4_NC = 1 << 34
    """Full 32-bit id and serial in pids, V4_PORT_EXT, references of five words."""
    ALIAS = 1 << 35
    """Sends to aliases (33, 34)."""
    ALTACT_SIG = 1 << 37
    """Control message 37 instead of 33 and 34; it also carries priority.  OTP 28 and later."""
    NATIVE_RECORDS = 1 << 38
    """RECORD_EXT.  OTP 29 and later."""


# The eleven flags that OTP 25 asks for.
MANDATORY_25 = DistFlag(0x1070F94)

# What we ask for: the mask of OTP 26 and later.  OTP 25 offers all of it, so no node
# that we support is lost, and the simpler old forms (UNLINK without acknowledgement,
# 18-bit pids) need never be written.
MANDATORY = MANDATORY_25 | DistFlag.UNLINK_ID | DistFlag.V4_NC

# What we offer: the flags of OTP 29, hidden.
OFFERED = DistFlag(0x6D07DF7FBC)
OFFERED_VISIBLE = OFFERED | DistFlag.PUBLISHED


def expand(flags: DistFlag) -> DistFlag:
    """Spell out MANDATORY_25_DIGEST."""
    return flags | MANDATORY_25 if flags & DistFlag.MANDATORY_25_DIGEST else flags


def missing(flags: DistFlag, wanted: DistFlag = MANDATORY) -> DistFlag:
    """The flags of `wanted` that a peer with `flags` does not offer."""
    return wanted & ~expand(flags)


def negotiate(ours: DistFlag, theirs: DistFlag) -> DistFlag:
    """The flags in force between two nodes: what both offer."""
    return expand(ours) & expand(theirs)
