"""The master of one application: the group leader of all its processes.

                  application_controller
                            |
                     ApplicationMaster          forwards I/O, so it must never wait
                            |
                  what application_start.run does     calls `start`, waits
                            |
                     topmost process

That the group leader is the master is how it is known which application a process belongs
to, and which processes are left when it ends: they are killed.

    {Request, Tag, Pid}           `stop` or `get_child`; answered with {Tag, Result}
    {start_type, Pid}             answered with {start_type, normal}

Source: application_master.erl of OTP's kernel.
Proof: tests/otp/test_application.py, interop/test_applications.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import Exit
from pyerlnode.otp import gen, proc_lib
from pyerlnode.otp.application import start as application_start
from pyerlnode.otp.application.callbacks import ERROR, OK, type_of
from pyerlnode.otp.application.start import SHUTDOWN, TERMINATE, stop_links
from pyerlnode.process.links import Links
from pyerlnode.process.process import EXIT, KILL, NORMAL
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from pyerlnode.otp.application.callbacks import Callbacks
    from pyerlnode.otp.application.spec import ApplicationSpec
    from pyerlnode.process import Process

__all__ = ["APPLICATION_STARTED", "GET_CHILD", "STOP", "ApplicationMaster"]

# {'$gen_cast', {application_started, Name, {ok, Master} | {error, Reason}}} to the controller.
APPLICATION_STARTED: Final = Atom("application_started")
STOP: Final = Atom("stop")
GET_CHILD: Final = Atom("get_child")
_START_TYPE, _LOCAL = Atom("start_type"), Atom("local")
_IO_REQUEST = Atom("io_request")
_APPLICATION_MASTER, _INIT = Atom("application_master"), Atom("init")
_STARTING, _RUNNING, _ENDING = "starting", "running", "ending"


class ApplicationMaster:
    """Runs one application; a `Behaviour`."""

    def __init__(
        self, spec: ApplicationSpec, callbacks: Callbacks, start_type: Term, controller: Process
    ) -> None:
        self._spec = spec
        self._callbacks = callbacks
        self._start_type = start_type
        self._controller = controller.pid
        # Where the output goes: the controller's own group leader.
        self._leader = controller.group_leader
        self._tag = controller.runtime.make_ref()
        self._state = _STARTING
        self._child: Pid | None = None
        self._reason: Term = None
        self._stoppers: list[tuple[Pid, Term]] = []
        self._process: Process
        self._starter: Process

    @classmethod
    def spawn(cls, controller: Process, spec: ApplicationSpec, callbacks: Callbacks, start_type: Term) -> Pid:
        """Begin to start an application, linked to its controller, which is told of the outcome."""
        runtime = controller.runtime
        process = runtime.new_process(controller.group_leader)
        process.trap_exit = True
        process.dictionary = {
            proc_lib.ANCESTORS: [controller.name or controller.pid],
            proc_lib.INITIAL_CALL: (_APPLICATION_MASTER, _INIT, 4),
        }
        process.group_leader = process.pid
        Links.of(controller).link(process.pid)
        process.begin(cls(spec, callbacks, start_type, controller))
        return process.pid

    def start(self, process: Process) -> None:
        """Call the application's `start` in another process: what it prints comes here."""
        self._process = process
        phases = self._spec.keys["start_phases"]
        starter = application_start.run(self._callbacks, self._start_type, phases, process.pid, self._tag)
        self._starter = process.runtime.spawn(starter, process)
        Links.of(process).link(self._starter.pid)

    # --- messages -------------------------------------------------------------------------

    def message(self, message: Term) -> None:
        """Forward what is for the terminal, answer, or go on to the end."""
        kind, size = type_of(message)
        fields: Any = message
        if kind is _IO_REQUEST:
            self._process.runtime.send(self._leader, message, self._process)
        elif kind is EXIT and size == 3:
            self._exit(fields[1], fields[2])
        elif size == 3 and isinstance(fields[2], Pid):
            self._request(kind, fields[1], fields[2])
        elif kind is _START_TYPE and size == 2 and isinstance(fields[1], Pid):
            type = self._start_type if self._state == _STARTING else _LOCAL
            self._send(fields[1], (_START_TYPE, type))
        elif isinstance(message, tuple) and len(message) == 2 and self._is_tag(message[0]):
            self._started(message[1])

    def _is_tag(self, term: Term) -> bool:
        return isinstance(term, Reference) and term == self._tag

    def _request(self, request: Term, tag: Term, sender: Pid) -> None:
        if request is STOP:
            self._stoppers.append((sender, tag))
            self._end(NORMAL)
        elif request is GET_CHILD:
            alive = self._state == _RUNNING and self._child is not None
            self._send(sender, (tag, (self._child, self._callbacks.module) if alive else ERROR))

    def _started(self, result: Any) -> None:
        if self._state != _STARTING:
            return
        if type_of(result) == (ERROR, 2):
            self._failed(result[1])
        self._state, self._child = _RUNNING, result[1]
        self._tell_controller((OK, self._process.pid))

    def _failed(self, reason: Term) -> None:
        """The application did not start."""
        self._tell_controller((ERROR, reason))
        self._over(reason)

    def _exit(self, sender: Term, reason: Term) -> None:
        if sender == self._controller:
            self._end(reason)
        elif sender != self._starter.pid:
            return
        elif self._state == _STARTING:
            self._failed(reason)
        else:
            self._over(reason if self._state == _RUNNING else self._reason)

    # --- the end --------------------------------------------------------------------------

    def _end(self, reason: Term) -> None:
        """Have the application stopped; this process ends with `reason` after that."""
        if self._state == _STARTING:
            self._process.runtime.spawn(_give_up(self._starter, self._process.pid))
        elif self._state == _RUNNING:
            self._send(self._starter.pid, (self._process.pid, TERMINATE))
        if self._state != _ENDING:
            self._state, self._reason = _ENDING, reason

    def _over(self, reason: Term) -> None:
        """End, and leave no process of the application behind."""
        me = self._process
        for process in me.runtime.processes():
            if process.group_leader == me.pid and process is not me and process.owner is None:
                process.exit_signal(me.pid, KILL)
        for sender, tag in self._stoppers:
            self._send(sender, (tag, OK))
        raise Exit(reason)

    def _tell_controller(self, result: Term) -> None:
        started = (APPLICATION_STARTED, self._spec.name, result)
        self._send(self._controller, (gen.CAST, started))

    def _send(self, to: Pid, message: Term) -> None:
        self._process.runtime.send(to, message, self._process)


async def _give_up(starter: Process, master: Pid) -> None:
    """End a start that is still going on, with what it has started so far."""
    await stop_links(starter, but=master, patient=False)
    # It traps exits and is in the program's own code: it would not take a message.
    starter.die(SHUTDOWN)
