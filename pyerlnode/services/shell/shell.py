"""The process that a terminal on another node is linked to: the shell as that node knows it.

It traps exits, so that it hears of everything that can happen: Ctrl-C arrives as the exit signal
`interrupt`, a closed terminal or a lost connection as any other.  When it ends, so does whatever was
started from the prompt and not under a supervisor of the program: all that writes on its terminal.

Source: shell.erl of OTP's stdlib; IEx.Server.
Proof: tests/services/test_shell.py, interop/test_remsh.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError, Exit
from pyerlnode.process import monitor, receive, send, this_process
from pyerlnode.process.links import Links
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.process.process import KILL, NORMAL
from pyerlnode.services import erpc, io, local
from pyerlnode.services.shell import trace
from pyerlnode.services.shell.evaluator import Evaluator
from pyerlnode.services.shell.names import namespace
from pyerlnode.services.shell.reader import Reader
from pyerlnode.term import Atom, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pyerlnode.process import Process
    from pyerlnode.services.shell.reader import Input

__all__ = ["Shell", "current", "is_open", "start"]

logger = logging.getLogger("pyerlnode.shell")

_EXIT, _INTERRUPT, _BEGIN, _DONE = Atom("EXIT"), Atom("interrupt"), Atom("begin"), Atom("done")
_SETOPTS, _EXPAND_FUN = Atom("setopts"), Atom("expand_fun")
_AUTOCOMPLETE: Final = "Elixir.IEx.Autocomplete"
# Seconds that a terminal may take to say how it wants to be helped with TAB.
_PATIENCE: Final = 5.0

# The shells of each runtime, oldest first.
_shells: PerRuntime[list[Shell]] = PerRuntime()


def is_open() -> bool:
    """Whether the caller's node lets others open a shell: `remsh=True`."""
    return local.has_node() and local.local_node().config.remsh


def start(waits_for: tuple[Pid, Reference] | None = None, completes: bool = False) -> Pid:
    """Start a shell for the caller's group leader; its pid.

    `waits_for` is the process and the reference of an iex that has things to do first.  With
    `completes` the terminal is one of Elixir's, which is told whom to ask at TAB.
    """
    parent = this_process()
    return parent.runtime.spawn(Shell(waits_for, completes), parent).pid


def current(asked: Term = None) -> Shell | None:
    """The shell that a terminal means: the pid if it gives one, else the one of its node."""
    process = this_process()
    shells = _shells.get(process.runtime, [])
    for shell in shells:
        if isinstance(asked, Pid) and shell.process.pid == asked:
            return shell
    of_leader = [shell for shell in shells if shell.process.group_leader == process.group_leader]
    node = process.group_leader.node
    of_node = [shell for shell in shells if shell.process.group_leader.node == node]
    return next(reversed(of_leader or of_node), None)


class Shell:
    """A `Behaviour`: all that it gets are exit signals."""

    def __init__(self, waits_for: tuple[Pid, Reference] | None, completes: bool) -> None:
        self.process: Process
        self.namespace = namespace()
        self._waits_for = waits_for
        self._completes = completes
        self._reading: Process
        self._evaluating: Process
        self._evaluator: Evaluator
        self._reader: Reader

    def start(self, process: Process) -> None:
        """Start the two others."""
        self.process = process
        process.trap_exit = True
        _shells.setdefault(process.runtime, []).append(self)
        process.call_at_end(self._ended)
        self._evaluate_anew()
        self._reader = Reader(process.runtime.name, self._evaluate)
        self._reading = self._linked(self._read())

    def message(self, message: Term) -> None:
        """Somebody has ended, or Ctrl-C was pressed."""
        if not (isinstance(message, tuple) and len(message) == 3 and message[0] is _EXIT):
            return
        _, sender, reason = message
        if sender == self._evaluating.pid:
            self._evaluator.ended()
            io.print(f"** (EXIT from {sender}) {to_elixir(reason)}")
            self._evaluate_anew()
        elif sender == self._reading.pid:
            raise Exit(NORMAL)
        elif reason is _INTERRUPT:
            self._evaluator.interrupt()
        else:
            raise Exit(reason)

    def _evaluate_anew(self) -> None:
        self._evaluator = Evaluator(self.namespace)
        process = self.process.runtime.new_process(self.process.group_leader)
        Links.of(self.process).link(process.pid)
        process.begin(self._evaluator.run(process))
        self._evaluating = process

    def _evaluate(self, typed: Input) -> Any:
        # By a method of its own: the evaluator may be another one by then.
        return self._evaluator.evaluate(typed)

    def _linked(self, body: Coroutine[Any, Any, None]) -> Process:
        process = self.process.runtime.spawn(body, self.process)
        Links.of(self.process).link(process.pid)
        return process

    # --- before the first prompt ------------------------------------------------------

    async def _read(self) -> None:
        if self._waits_for is not None:
            await _wait_for(*self._waits_for)
        if self._completes:
            await self._offer_completion()
        await self._reader.run()

    async def _offer_completion(self) -> None:
        """Give the terminal a function of its own node that asks this one."""
        process = this_process()
        try:
            fun = await erpc.call(
                process.group_leader.node, _AUTOCOMPLETE, "remsh", [process.runtime.name], _PATIENCE
            )
            await io.request((_SETOPTS, [(_EXPAND_FUN, fun)]))
        except (ErlangError, Exit) as error:
            logger.info("the terminal on %s completes nothing: %s", process.group_leader.node, error)

    # --- the end ----------------------------------------------------------------------

    def _ended(self, process: Process) -> None:
        """Nothing that was started from the prompt stays."""
        _shells[process.runtime].remove(self)
        for filename in self._reader.filenames:
            trace.forget(filename)
        for other in process.runtime.processes():
            if other is not process and other.owner is None and self._is_mine(other):
                other.exit_signal(process.pid, KILL)

    def _is_mine(self, other: Process) -> bool:
        if other is self._reading or other is self._evaluating:
            return True
        leader = self.process.group_leader
        # A terminal of this very node is everybody's.
        return other.group_leader == leader and not self.process.runtime.is_local(leader)


async def _wait_for(parent: Pid, ref: Reference) -> None:
    """Tell an iex that the shell is there, and let it run what it was told to on its command line."""
    watch = monitor(parent)
    send(parent, (_BEGIN, ref, this_process().pid))
    await receive(lambda message: _is_about(message, ref) or _is_about(message, watch))


def _is_about(message: Term, ref: Reference) -> bool:
    return (
        isinstance(message, tuple)
        and len(message) > 1
        and isinstance(message[1], Reference)
        and message[1] == ref
    )
