"""Lets everything happen to a cluster of BEAM and Python nodes that can, then sees whether it agrees.

    scripts/chaos                                    a seed of its own choice, which it prints
    scripts/chaos --seed 7 --events 200 --beams 25,27
    scripts/chaos --seed 7 --quiet --log DIR         one line; what the nodes wrote is in DIR
    scripts/chaos mesh --nodes 50                    many Python nodes on this machine know each other
    scripts/chaos cycles --count 1000                a node's peers come and go, and nothing grows

Three BEAM and three Python nodes, each on a host of its own (a network namespace), are killed,
frozen, separated and started again under their names.  After the last event everything is healed.
Then, within `--patience` seconds, all must be connected, have equal `global` names and `pg` groups,
and be linked to and monitor each other's living processes and no dead one.

A seed chooses the same events in the same order again; when a node notices them is the
machine's affair.  Needs root and `ip`; ends with 0 when all agree, else with 1.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from chaotic import cycles, mesh
from chaotic.agreement import differences
from chaotic.events import Chaos
from chaotic.members import BeamMember, Member, PythonMember
from pyerlnode.testing.beams import discover
from pyerlnode.testing.children import HarnessError
from pyerlnode.testing.network import Network, available

if TYPE_CHECKING:
    from pyerlnode.testing.beams import Beam

# Seconds between two looks at whether the members agree.
_LOOK = 1.0


class Run:
    """One cluster and what happened to it."""

    def __init__(self, options: argparse.Namespace, network: Network, members: list[Member]) -> None:
        self._options = options
        self._begin = time.monotonic()
        self._members = members
        self._random = Random(options.seed)
        self._chaos = Chaos(self._random, network, members, self._start, self._ask)
        self._lives: dict[Member, int] = {}
        #: what went wrong without being a difference of views, such as a BEAM that crashed
        self.remarks: list[str] = []

    def say(self, text: str) -> None:
        if not self._options.quiet:
            print(f"{time.monotonic() - self._begin:7.1f}  {text}", flush=True)

    def run(self) -> list[str]:
        """Let it all happen; the differences that are left."""
        for member in self._members:
            self._start(member)
        self._agree("connected at first")
        for number in range(1, self._options.events + 1):
            self._see_who_ended()
            self.say(f"{number:4d} {self._chaos.next()}")
            time.sleep(self._random.expovariate(1 / self._options.pause))
        self._see_who_ended()
        self._chaos.end()
        self.say("everything is healed")
        return self._agree("agreed")

    def _agree(self, what: str) -> list[str]:
        """Wait until all agree; the differences that are left when time is over."""
        begin = time.monotonic()
        names = [member.name for member in self._members]
        while True:
            try:
                for member in self._members:
                    member.ask("connect", *names)
                time.sleep(_LOOK)
                left = differences({member.name: member.view() for member in self._members})
            except HarnessError as error:
                left = [str(error)]
            if not left:
                self.say(f"all {what} after {time.monotonic() - begin:.1f} s")
                return []
            if time.monotonic() - begin > self._options.patience:
                self._look_into_global()
                return left

    def _look_into_global(self) -> None:
        if self._options.log is not None:
            for member in self._members:
                with suppress(HarnessError):
                    Path(self._options.log, f"{member}.global").write_text(str(member.ask("global")))

    def _start(self, member: Member) -> None:
        try:
            member.start()
        except HarnessError as error:
            self._keep_output(member)
            member.kill()
            self.remarks.append(f"{member} did not start: {error}")
            self.say(self.remarks[-1])

    def _ask(self, member: Member, command: str, *names: str) -> None:
        try:
            member.ask(command, *names)
        except HarnessError as error:
            self.remarks.append(str(error))
            self.say(self.remarks[-1])

    def _see_who_ended(self) -> None:
        for member in self._members:
            if member.has_ended:
                self.remarks.append(f"{member} has ended by itself")
                self.say(self.remarks[-1])
                self._keep_output(member)
                member.kill()

    def _keep_output(self, member: Member) -> None:
        if self._options.log is None or member.child is None:
            return
        self._lives[member] = life = self._lives.get(member, 0) + 1
        Path(self._options.log, f"{member}-{life}.log").write_text(member.child.output)

    def close(self) -> None:
        """End all nodes; what they have written goes to the log's directory."""
        for member in self._members:
            self._keep_output(member)
            member.kill()
            self.remarks += member.complaints


def _arguments() -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--events", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--beams", metavar="OTP,...", default="25,27", help="releases (default 25,27)")
    parser.add_argument(
        "--nodes", metavar="N,M", default="3,3", help="how many BEAM and Python nodes (default 3,3)"
    )
    parser.add_argument("--net-ticktime", type=int, default=8, help="seconds (default 8)")
    parser.add_argument("--pause", type=float, default=0.7, help="mean seconds between events (default 0.7)")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds to agree (default 120)")
    parser.add_argument("--quiet", action="store_true", help="only the last line")
    parser.add_argument("--log", metavar="DIR", help="keep there what the nodes write")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = secrets.randbelow(10**6)
    if options.log is not None:
        Path(options.log).mkdir(parents=True, exist_ok=True)
    return options


def _counts(options: argparse.Namespace) -> tuple[int, int]:
    of_beam, of_python = map(int, options.nodes.split(","))
    return of_beam, of_python


def _beams(releases: str) -> list[Beam]:
    found = {beam.otp: beam for beam in discover("all")}
    wanted = [int(text) for text in releases.split(",")]
    if missing := [str(otp) for otp in wanted if otp not in found]:
        raise HarnessError(f"there is no BEAM of OTP {', '.join(missing)} here")
    return [found[otp] for otp in wanted]


def _members(stack: ExitStack, options: argparse.Namespace, network: Network) -> list[Member]:
    beams = _beams(options.beams)
    members: list[Member] = []
    of_beam, of_python = _counts(options)
    for number in range(of_beam):
        beam, host = beams[number % len(beams)], network.hosts[number]
        members.append(BeamMember(f"beam{number + 1}", host, beam, options.net_ticktime))
        stack.callback(members[-1].close)
    for number in range(of_python):
        host = network.hosts[of_beam + number]
        members.append(PythonMember(f"python{number + 1}", host, options.net_ticktime))
        stack.callback(members[-1].close)
    return members


def main() -> int:
    for name, other in (("mesh", mesh.main), ("cycles", cycles.main)):
        if sys.argv[1:2] == [name]:
            return other(sys.argv[2:])
    options = _arguments()
    if missing := available():
        print(f"scripts/chaos: {missing}", file=sys.stderr)
        return 2
    begin = time.monotonic()
    with Network(sum(_counts(options))) as network, ExitStack() as stack:
        run = Run(options, network, _members(stack, options, network))
        left = run.run()
        run.close()
    for line in [*run.remarks, *left]:
        print(f"         {line}")
    verdict = "all agree" if not left else f"{len(left)} DIFFERENCES"
    remarks = f", {len(run.remarks)} remarks" if run.remarks else ""
    print(
        f"seed {options.seed}, {options.events} events, OTP {options.beams}: {verdict}"
        f" ({time.monotonic() - begin:.0f} s{remarks})"
    )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
