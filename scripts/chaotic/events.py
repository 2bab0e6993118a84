"""What happens to a cluster: events chosen by a seed, which depend on nothing else.

Every event is one that a network or a machine has: nodes are killed, frozen and started again
under their names, hosts are separated and unplugged; and members do what they do all day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from chaotic.members import Member
    from pyerlnode.testing.network import Network

# How often each one is chosen, in relation to the others.
_WEIGHTS = {
    "kill": 4,
    "restart": 7,
    "rebirth": 3,
    "stop": 4,
    "go_on": 6,
    "tear": 4,
    "heal": 5,
    "unplug": 2,
    "plug": 3,
    "connect": 4,
    "campaign": 4,
    "join": 3,
    "leave": 2,
    "chatter": 3,
}
# At least this many members run: with none there is nothing to see.
_LEAST = 2


class Chaos:
    """The state of a cluster that events change; `ask` tells one member something, unless it is frozen."""

    def __init__(
        self,
        random: Random,
        network: Network,
        members: list[Member],
        start: Callable[[Member], None],
        ask: Callable[..., None],
    ) -> None:
        self._random = random
        self._network = network
        self._members = members
        self._start = start
        self._ask = ask
        self._torn = False
        self._unplugged: set[Member] = set()

    def next(self) -> str:
        """Let the next event happen; what it was."""
        while True:
            (name,) = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
            done: str | None = getattr(self, f"_{name}")()
            if done is not None:
                return done

    def end(self) -> None:
        """Heal the network, wake who is frozen, start who is dead."""
        self._network.heal()
        for member in sorted(self._unplugged, key=str):
            self._network.plug(member.host)
        for member in self._members:
            if member.has_ended:
                member.kill()
            if member.stopped:
                member.go_on()
            if not member.alive:
                self._start(member)

    # --- lives ----------------------------------------------------------------------

    def _chosen(self, fits: Callable[[Member], bool]) -> Member | None:
        fitting = [member for member in self._members if fits(member)]
        return self._random.choice(fitting) if fitting else None

    def _kill(self) -> str | None:
        if sum(member.alive for member in self._members) <= _LEAST:
            return None
        member = self._chosen(lambda member: member.alive)
        assert member is not None
        member.kill()
        return f"kill {member}"

    def _restart(self) -> str | None:
        member = self._chosen(lambda member: not member.alive)
        if member is None:
            return None
        self._start(member)
        return f"restart {member}"

    def _rebirth(self) -> str | None:
        """Killed and there again before anybody can have noticed."""
        member = self._chosen(lambda member: member.alive)
        assert member is not None
        member.kill()
        self._start(member)
        return f"kill and restart {member}"

    def _stop(self) -> str | None:
        member = self._chosen(lambda member: member.alive and not member.stopped)
        if member is None or member.has_ended:
            return None
        member.stop()
        return f"stop {member}"

    def _go_on(self) -> str | None:
        member = self._chosen(lambda member: member.stopped)
        if member is None:
            return None
        member.go_on()
        return f"continue {member}"

    # --- the network ----------------------------------------------------------------

    def _tear(self) -> str | None:
        if self._torn:
            return None
        left = self._random.sample(self._members, self._random.randint(1, len(self._members) - 1))
        right = [member for member in self._members if member not in left]
        self._network.split([each.host for each in left], [each.host for each in right])
        self._torn = True
        return f"separate {', '.join(map(str, left))} from the others"

    def _heal(self) -> str | None:
        if not self._torn:
            return None
        self._network.heal()
        self._torn = False
        return "heal the network"

    def _unplug(self) -> str | None:
        member = self._chosen(lambda member: member not in self._unplugged)
        if member is None:
            return None
        self._network.unplug(member.host)
        self._unplugged.add(member)
        return f"unplug {member}"

    def _plug(self) -> str | None:
        member = self._chosen(lambda member: member in self._unplugged)
        if member is None:
            return None
        self._network.plug(member.host)
        self._unplugged.discard(member)
        return f"plug {member} in"

    # --- what members do ------------------------------------------------------------

    def _told(self, command: str, *names: str) -> str | None:
        member = self._chosen(lambda member: member.alive and not member.stopped)
        if member is None or member.has_ended:
            return None
        self._ask(member, command, *names)
        return f"{command} at {member}"

    def _connect(self) -> str | None:
        return self._told("connect", *(member.name for member in self._members))

    def _campaign(self) -> str | None:
        return self._told("campaign")

    def _join(self) -> str | None:
        return self._told("join")

    def _leave(self) -> str | None:
        return self._told("leave")

    def _chatter(self) -> str | None:
        return self._told("chatter")
