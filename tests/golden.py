"""The golden terms and invalid bytes of tests/vectors, for the tests that read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent / "vectors"


@dataclass(frozen=True)
class Golden:
    """One line of terms.jsonl: what `term_to_binary(erl, opts)` gave on the releases `otp`."""

    name: str
    otp: tuple[int, ...]
    erl: str
    opts: str
    data: bytes
    tags: frozenset[int]

    def __str__(self) -> str:
        return f"{self.name}-otp{self.otp[0]}"


@dataclass(frozen=True)
class Odd:
    """One line of invalid.jsonl: `accepted` is what OTP 27 makes of it."""

    name: str
    data: bytes
    accepted: bool

    def __str__(self) -> str:
        return self.name


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS / name).read_text().splitlines()]


GOLDEN = [
    Golden(
        line["name"],
        tuple(line["otp"]),
        line["erl"],
        line["opts"],
        bytes.fromhex(line["hex"]),
        frozenset(line["tags"]),
    )
    for line in lines("terms.jsonl")
]
ODD = [
    Odd(
        line["name"],
        bytes.fromhex(line["hex"]),
        (line["verdict"] if line["verdict"] in ("accepted", "rejected") else line["by_otp"]["27"]).startswith(
            "accepted"
        ),
    )
    for line in lines("invalid.jsonl")
]
