"""The process `application_controller`: loads, starts and stops the applications of a node.

An application is started by its master, so that the controller can be asked meanwhile; it
is stopped in the controller itself, one after the other, so that requests wait as long as that
takes: OTP's waits for the master, too.  What happens when one ends by
itself is said by its type: `permanent` ends the controller, and with it the node;
`transient` does unless the reason is `normal`; `temporary` is only logged.

When the controller ends, applications are stopped, the one started last first; the value
`shutdown_timeout` of `kernel` (milliseconds) limits the time that each of them has.

Source: application_controller.erl of OTP's kernel (27).
Proof: tests/otp/test_application.py, interop/test_applications.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.otp.application.callbacks import ERROR, OK, type_of
from pyerlnode.otp.application.master import APPLICATION_STARTED, STOP, ApplicationMaster
from pyerlnode.otp.application.spec import ApplicationSpec, BadSpec
from pyerlnode.otp.application.table import table
from pyerlnode.otp.gen_server import GenServer, spawn_server
from pyerlnode.otp.proc_lib import INITIAL_CALL, put_origin
from pyerlnode.otp.reports import is_quiet
from pyerlnode.otp.results import NoReply, Reply, Stop
from pyerlnode.process import Request, this_process
from pyerlnode.process.links import Links
from pyerlnode.process.process import EXIT, KILL, NORMAL
from pyerlnode.term import Atom, Pid, Term, charlist, to_elixir, to_erlang

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyerlnode.otp.gen import Caller
    from pyerlnode.process import Runtime

__all__ = ["CONTROLLER", "TYPES", "start_controller"]

logger = logging.getLogger("pyerlnode.application")

CONTROLLER: Final = Atom("application_controller")
TEMPORARY: Final = Atom("temporary")
PERMANENT: Final = Atom("permanent")
TYPES: Final = ("permanent", "transient", "temporary")

_TRANSIENT, _SHUTDOWN, _STOPPED = Atom("transient"), Atom("shutdown"), Atom("stopped")
_UNDEFINED, _INFINITY, _TIMEOUT = Atom("undefined"), Atom("infinity"), Atom("timeout")
_ALREADY_LOADED, _NOT_LOADED = Atom("already_loaded"), Atom("not_loaded")
_ALREADY_STARTED, _NOT_STARTED = Atom("already_started"), Atom("not_started")
_NOT_RUNNING, _RUNNING = Atom("not_running"), Atom("running")
_PERSISTENT = Atom("persistent")
_INVALID_TYPE = Atom("invalid_restart_type")
_TERMINATED, _START_FAILURE = Atom("application_terminated"), Atom("application_start_failure")
_NO_FILE = charlist("no such file or directory")
_NORMAL_START = ((EXIT, NORMAL),)


class ApplicationController(GenServer, module="application_controller"):
    """Which applications are started, run, and are being started."""

    def init(self, basic: Any, given_up: Any) -> None:
        self._process = this_process()
        self._table = table(self._process.runtime)
        self._given_up = given_up
        # Last started first; the pid of the master, None for an application that is only code.
        self.running: dict[Atom, Pid | None] = {}
        # With its type; an application that has ended by itself stays here.
        self.started: dict[Atom, Atom] = {}
        self.starting: dict[Atom, tuple[Atom, Pid]] = {}
        self._requests: dict[Atom, list[Caller]] = {}
        for spec in basic:
            self._runs(spec.name, PERMANENT, None)

    def __state__(self) -> Term:
        return self.info()

    # --- requests -------------------------------------------------------------------------

    async def handle_call(self, request: Term, caller: Caller) -> Any:
        match request if isinstance(request, tuple) else (request,):
            case ("load_application", application):
                return Reply(self.load(application))
            case ("unload_application", name):
                return Reply(self.unload(name))
            case ("start_application", name, type):
                return self.begin_start(name, type, caller)
            case ("stop_application", name):
                return Reply(await self.stop_application(name))
            case ("which_applications",):
                return Reply([self._table.loaded[name].listed for name in self.running])
            case ("set_env", name, key, value, options):
                persistent = is_persistent(options)
                self._table.environment.put(name, key, value, persistent=persistent)
                return Reply(OK)
            case ("unset_env", name, key, options):
                self._table.environment.delete(name, key, persistent=is_persistent(options))
                return Reply(OK)
            case ("info",):
                return Reply(self.info())
        # Where OTP's would end, and the node with it.
        logger.warning("the application controller does not know the request %s", to_elixir(request))
        return NoReply()

    def info(self) -> list[tuple[Atom, Term]]:
        """As `application:info/0`."""
        return [
            (Atom("loaded"), [spec.listed for spec in reversed(self._table.loaded.values())]),
            (Atom("loading"), []),
            (Atom("started"), list(self.started.items())),
            (Atom("start_p_false"), []),
            (Atom("running"), [(name, pid or _UNDEFINED) for name, pid in self.running.items()]),
            (Atom("starting"), [(name, type, NORMAL) for name, (type, _) in self.starting.items()]),
        ]

    def load(self, application: Any) -> Term:
        """A specification, as an object or as a term; there is no file that a bare name could stand for."""
        if type(application) is Atom:
            if application in self._table.loaded:
                return (ERROR, (_ALREADY_LOADED, application))
            return (ERROR, (_NO_FILE, charlist(f"{application}.app")))
        try:
            is_spec = isinstance(application, ApplicationSpec)
            spec = application if is_spec else ApplicationSpec.from_term(application)
        except BadSpec as error:
            return (ERROR, error.reason)
        if spec.name in self._table.loaded:
            return (ERROR, (_ALREADY_LOADED, spec.name if is_spec else application))
        self._table.loaded[spec.name] = spec
        self._table.environment.load(spec.name, spec.env)
        return OK

    def unload(self, name: Term) -> Term:
        spec = self._table.spec(name)
        if spec is None:
            return (ERROR, (_NOT_LOADED, name))
        if spec.name in self.running:
            return (ERROR, (_RUNNING, spec.name))
        del self._table.loaded[spec.name]
        self._table.environment.unload(name)
        return OK

    # --- starting -------------------------------------------------------------------------

    def begin_start(self, name: Term, type: Term, caller: Caller) -> Any:
        """Start an application; who asks while it is starting gets the same answer."""
        if isinstance(name, Atom) and name in self.starting:
            self._requests[name].append(caller)
            return NoReply()
        refused = self._refused(name, type)
        if refused is not None:
            return Reply((ERROR, refused))
        spec = self._table.loaded[name]
        if spec.callbacks is None:
            self._runs(name, type, None)
            return Reply(OK)
        not_running = self._missing(spec, self.running)
        if not_running is not None:
            return Reply((ERROR, (_NOT_RUNNING, not_running)))
        master = ApplicationMaster.spawn(self._process, spec, spec.callbacks, NORMAL)
        self._table.masters[name] = master
        self.starting[name] = (type, master)
        self._requests[name] = [caller]
        return NoReply()

    def _refused(self, name: Term, type: Term) -> Term | None:
        if not isinstance(type, Atom) or type not in TYPES:
            return (_INVALID_TYPE, type)
        spec = self._table.spec(name)
        if spec is None:
            return (_NOT_LOADED, name)
        if spec.name in self.running:
            return (_ALREADY_STARTED, spec.name)
        missing = self._missing(spec, self.started)
        return None if missing is None else (_NOT_STARTED, missing)

    def _missing(self, spec: ApplicationSpec, there: dict[Atom, Any]) -> Atom | None:
        """The first application that must be there before and is not."""
        for name in spec.applications:
            if name not in there and not (spec.is_optional(name) and name not in self._table.loaded):
                return name
        return None

    def _runs(self, name: Atom, type: Atom, master: Pid | None) -> None:
        self.running = {name: master, **self.running}
        self.started = {name: type, **{other: of for other, of in self.started.items() if other != name}}
        logger.info("application %s started", name)

    def handle_cast(self, request: Term) -> Any:
        if type_of(request) == (APPLICATION_STARTED, 3):
            _, name, result = request
            if isinstance(name, Atom) and name in self.starting:
                return self._started(name, result)
        return NoReply()

    def _started(self, name: Atom, result: Any) -> Any:
        type, master = self.starting.pop(name)
        for caller in self._requests.pop(name):
            GenServer.reply(caller, OK if result[0] is OK else result)
        if result[0] is OK:
            self._runs(name, type, master)
            return NoReply()
        self._table.masters.pop(name, None)
        reason = result[1]
        logger.info("application %s did not start: %s (%s)", name, to_elixir(reason), type)
        normal = isinstance(reason, tuple) and len(reason) == 2 and reason[:1] == _NORMAL_START
        if type is TEMPORARY or (type is _TRANSIENT and normal):
            return NoReply()
        return self._give_up((_START_FAILURE, name, reason), name, reason)

    # --- the end of an application --------------------------------------------------------

    async def stop_application(self, name: Term) -> Term:
        """Stop an application: `ok`, or `{error, {not_started, Name}}`."""
        if not isinstance(name, Atom) or name not in self.started:
            return (ERROR, (_NOT_STARTED, name))
        if name in self.running:
            master = self.running[name]
            if master is not None:
                await self._stop_master(master)
                self._table.masters.pop(name, None)
            del self.running[name]
            _log_exit(name, _STOPPED, self.started[name])
        del self.started[name]
        return OK

    async def _stop_master(self, master: Pid) -> None:
        Links.of(self._process).unlink(master)
        ending = Request(self._process, master, replies=False)
        tag = self._process.runtime.make_ref()
        self._process.runtime.send(master, (STOP, tag, self._process.pid), self._process)
        await ending.wait(None)
        if self._process.mailbox is not None:
            self._process.mailbox.remove(lambda message: _is_answer(message, tag))

    def handle_info(self, message: Term) -> Any:
        if type_of(message) != (EXIT, 3):
            return NoReply()
        _, pid, reason = message
        for name, (_, master) in self.starting.items():
            if master == pid:
                # Killed, for one that fails says so first.
                return self._started(name, (ERROR, reason))
        for name, running in self.running.items():
            if running is not None and running == pid:
                return self._ended(name, reason)
        return NoReply()

    def _ended(self, name: Atom, reason: Term) -> Any:
        del self.running[name]
        self._table.masters.pop(name, None)
        type = self.started[name]
        _log_exit(name, reason, type)
        if type is TEMPORARY or (type is _TRANSIENT and reason is NORMAL):
            return NoReply()
        return self._give_up((_TERMINATED, name, reason), name, reason)

    def _give_up(self, why: Term, name: Atom, reason: Term) -> Stop:
        """A node without this application is of no use."""
        if self._given_up is not None:
            self._given_up(name, reason)
        # Quietly: the state of this server says nothing about it.
        return Stop((_SHUTDOWN, charlist(to_erlang(why))))

    async def terminate(self, reason: Term) -> None:
        """Stop everything, the application started last first."""
        timeout = self._table.environment.get("kernel", "shutdown_timeout", _INFINITY)
        seconds = timeout / 1000 if isinstance(timeout, int) and timeout >= 0 else None
        masters = [master for _, master in self.starting.values()]
        masters.reverse()
        masters += [master for master in self.running.values() if master is not None]
        for master in masters:
            await self._shut_down(master, seconds)

    async def _shut_down(self, master: Pid, seconds: float | None) -> None:
        Links.of(self._process).unlink(master)
        process = self._process.runtime.process(master)
        if process is None:
            return
        ending = Request(self._process, master, replies=False)
        process.exit_signal(self._process.pid, _SHUTDOWN)
        await ending.wait(seconds)
        if not ending.is_down:
            _kill_group(self._process.runtime, master)


def _kill_group(runtime: Runtime, master: Pid) -> None:
    """End an application that took too long; nothing of it may go on without its master."""
    for process in runtime.processes():
        if process.group_leader == master and process.owner is None:
            process.exit_signal(master, KILL)


def is_persistent(options: Term) -> bool:
    """Whether the options of `set_env` have `{persistent, true}`, or `persistent`, which stands for it."""
    for option in options if isinstance(options, list) else ():
        if option is _PERSISTENT:
            return True
        if type_of(option) == (_PERSISTENT, 2):
            return option[1] is True
    return False


def _is_answer(message: Term, tag: Term) -> bool:
    return isinstance(message, tuple) and len(message) == 2 and message[0] == tag


def _log_exit(name: Atom, reason: Term, type: Atom) -> None:
    text = to_elixir(reason)
    if reason is _STOPPED or is_quiet(reason):
        logger.info("application %s exited: %s (%s)", name, text, type)
    else:
        logger.warning("application %s exited: %s (%s)", name, text, type)


def start_controller(
    runtime: Runtime,
    basic: Sequence[ApplicationSpec] = (),
    given_up: Callable[[Atom, Term], object] | None = None,
) -> Pid:
    """Start the controller of a runtime; the applications `basic` run from the beginning, in this order.

    `given_up` is called with the name and the reason of the application that it ends for.
    """
    own = table(runtime)
    for spec in basic:
        own.loaded[spec.name] = spec
        own.environment.load(spec.name, spec.env)
    pid = spawn_server(runtime, ApplicationController, list(basic), given_up, name=CONTROLLER)
    process = runtime.process(pid)
    if process is not None:
        put_origin(process, {INITIAL_CALL: (CONTROLLER, Atom("start"), 1)})
    return pid
