"""What scripts/chaos does and sees: its seed chooses the events, and no disagreement escapes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.term import Atom, Pid
from pyerlnode.testing.network import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
NAMES = ["one@10.0.0.1", "two@10.0.0.2", "three@10.0.0.3"]


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


class Wire:
    """Writes down what is done to the network."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *hosts: self.done.append(name)


def chaos(seed: int, events: int) -> Iterator[str]:
    """The events of a seed, happening to members that are no nodes."""
    from chaotic.events import Chaos
    from chaotic.members import Member

    class Puppet(Member):
        alive = True  # type: ignore[assignment]
        has_ended = False  # type: ignore[assignment]

        def kill(self) -> None:
            self.alive, self.stopped = False, False  # type: ignore[misc]

        def start(self) -> None:
            self.alive = True  # type: ignore[misc]

        def stop(self) -> None:
            assert self.alive and not self.stopped
            self.stopped = True

        def go_on(self) -> None:
            assert self.stopped
            self.stopped = False

    members = [Puppet(f"n{number}", Host("", f"10.0.0.{number}", "")) for number in range(1, 5)]
    asked: list[Any] = []
    wire: Any = Wire()
    made = Chaos(Random(seed), wire, members, Puppet.start, lambda member, *_: asked.append(member))  # type: ignore[arg-type]
    for _ in range(events):
        yield made.next()
        assert sum(member.alive for member in members) >= 2
    made.end()
    assert all(member.alive and not member.stopped for member in members)
    assert "heal" in wire.done and asked


def test_a_seed_chooses_the_same_events_again() -> None:
    assert list(chaos(7, 100)) == list(chaos(7, 100)) != list(chaos(8, 100))


def test_every_kind_of_event_happens() -> None:
    firsts = {event.split()[0] for event in chaos(1, 300)}
    lives = {"kill", "restart", "stop", "continue"}
    network = {"separate", "heal", "unplug", "plug"}
    assert firsts == lives | network | {"connect", "campaign", "join", "leave", "chatter"}


# --- who agrees -------------------------------------------------------------------------------


def keeper(name: str, creation: int = 1) -> Pid:
    return Pid(Atom(name), 100, 0, creation)


def views() -> dict[str, Any]:
    """What three members answer that agree."""
    names = [(Atom(f"chaos_{name}"), keeper(name)) for name in NAMES]
    names.append((Atom("leader"), Pid(Atom(NAMES[0]), 7, 0, 1)))
    keepers = [keeper(name) for name in NAMES]
    return {
        name: (
            [Atom(other) for other in NAMES if other != name],
            names,
            keepers,
            [keeper(NAMES[0])] * 2,
            keeper(name),
            [keeper(other) for other in NAMES if other != name],
            [keeper(other) for other in NAMES if other != name],
        )
        for name in NAMES
    }


def differences(answers: dict[str, Any]) -> list[str]:
    from chaotic.agreement import differences
    from chaotic.members import View

    return differences({name: View.of(answer) for name, answer in answers.items()})


def test_members_that_agree_have_no_differences() -> None:
    assert differences(views()) == []


DEAD = keeper(NAMES[2], creation=9)


@pytest.mark.parametrize(
    ("position", "value", "said"),
    [
        (0, [Atom(NAMES[2])], "is connected to [three@10.0.0.3] (without two@10.0.0.2)"),
        (1, [], "without chaos_one@10.0.0.1"),
        (2, [keeper(name) for name in NAMES[:2]], "has in the group all"),
        (2, [*(keeper(name) for name in NAMES), DEAD], "with three@10.0.0.3.100.0/9"),
        (3, [keeper(NAMES[0])], "has in the group some"),
        (5, [keeper(NAMES[1]), DEAD], "monitors"),
        (6, [keeper(NAMES[1]), keeper(NAMES[2]), DEAD], "is linked to"),
    ],
)
def test_who_believes_something_else_is_named(position: int, value: Any, said: str) -> None:
    answers = views()
    answer = list(answers[NAMES[0]])
    answer[position] = value
    found = differences(answers | {NAMES[0]: tuple(answer)})
    assert any(said in line for line in found), found


def test_a_name_with_a_dead_holder_is_a_difference_even_if_all_agree_on_it() -> None:
    answers = views()
    for name, answer in answers.items():
        names = [(each, DEAD if each == f"chaos_{NAMES[2]}" else pid) for each, pid in answer[1]]
        answers[name] = (answer[0], names, *answer[2:])
    assert len(differences(answers)) == len(NAMES)


def test_the_command_says_what_it_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaotic", "--help"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "--seed" in done.stdout and "scripts/chaos mesh" in done.stdout
