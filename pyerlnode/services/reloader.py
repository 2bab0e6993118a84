"""Loading a changed module again while its servers go on, with their state.

    done = await reload("counter")              # or the module itself
    await Reloader.start_link("src")            # watch all modules of that directory

The servers whose class is of the module are suspended; the module's source is executed in
the place where it is; then each instance gets the new class of its old one's name, and
its `code_change` is called, with the old class's `vsn` (`undefined` without one) and `[]`.
Then the servers go on.  What is started later, by a supervisor too, is of the new class, and
a supervisor whose own class is of the module takes the specifications of its new `init`.

Source that cannot be compiled or executed leaves everything as it was.  A server whose
`code_change` fails or refuses keeps its old class and its attributes.  Either is one line
in the log `pyerlnode.reloader`.

It is for development: names that the new source has no more stay in the module, and what
other modules have imported from it by `from counter import f` is what it was.

Source: sys(3), change_code; Mix's and Phoenix's code reloaders for what a developer expects.
Proof: tests/services/test_reloader.py, tests/cli/test_reload.py.
"""

from __future__ import annotations

import linecache
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp import GenServer, Supervisor, gen, on_info
from pyerlnode.otp import sys as system
from pyerlnode.otp.readable import restored, saved
from pyerlnode.otp.server import Server
from pyerlnode.otp.statem.server import StatemServer
from pyerlnode.otp.supervisor.child import module_of
from pyerlnode.otp.supervisor.newest import supersede
from pyerlnode.otp.supervisor.server import SupervisorServer
from pyerlnode.process import Process, send_after, this_process
from pyerlnode.services.modules import exported_anew
from pyerlnode.term import Atom, Pid, to_elixir

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["Reloaded", "Reloader", "reload"]

logger = logging.getLogger("pyerlnode.reloader")

# How long a server may take to finish what it does, in seconds.
SUSPEND_TIME = 5.0
INTERVAL = 0.5

_CHECK, _RESUME, _UNDEFINED = Atom("check"), Atom("resume"), Atom("undefined")
_ABSENT = (0, 0)


@dataclass(frozen=True)
class Reloaded:
    """What has come of a reload: the servers that run the new code, those that do not, and why."""

    module: str
    servers: tuple[Pid, ...] = ()
    refused: tuple[Pid, ...] = ()
    error: str | None = None


async def reload(module: ModuleType | str, *, timeout: float = SUSPEND_TIME) -> Reloaded:
    """Load a module again and let its servers run the new code.

    `timeout` is what each server has to finish what it does; one that is busy for longer
    keeps the old code.  BadArg for what is no module with a source file.
    """
    found = _module(module)
    try:
        code = _compiled(found)
    except (SyntaxError, ValueError, OSError) as error:
        return _not_loaded(found, error)
    servers = _servers_of(found)
    asleep = [process for process in servers if _is_suspended(process)]
    asked: list[Process] = []
    try:
        suspended, busy = await _suspend(servers, timeout, asked)
        before = dict(found.__dict__)
        try:
            with exported_anew(str(found.__file__)):
                exec(code, found.__dict__)
        except (Exception, SystemExit) as error:
            found.__dict__.clear()
            found.__dict__.update(before)
            return _not_loaded(found, error)
        superseded = _supersede(before, found)
        changed = {process: await _change(process, found) for process in suspended}
    finally:
        for process in asked:
            if process not in asleep:
                _resume(process)
    await _specify_again(superseded)
    taken = tuple(process.pid for process, done in changed.items() if done)
    refused = tuple(process.pid for process in (*changed, *busy) if not changed.get(process))
    logger.info("%s was loaded again; %d of its servers go on with it", found.__name__, len(taken))
    return Reloaded(found.__name__, taken, refused)


# --- the module ---------------------------------------------------------------------------


def _module(module: ModuleType | str) -> ModuleType:
    found = sys.modules.get(module) if isinstance(module, str) else module
    if not isinstance(found, ModuleType) or not getattr(found, "__file__", None):
        raise BadArg(f"a module that was imported from a source file is wanted, not {module!r}")
    return found


def _compiled(module: ModuleType) -> CodeType:
    file = str(module.__file__)
    linecache.checkcache(file)
    return compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)


def _not_loaded(module: ModuleType, error: BaseException) -> Reloaded:
    where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
    text = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}{where}"
    logger.error("%s was not loaded again, the old code goes on: %s", module.__name__, text)
    return Reloaded(module.__name__, error=text)


def _supersede(before: dict[str, Any], module: ModuleType) -> list[type]:
    """Let the module's new classes stand for its old ones, which are returned."""
    superseded: list[type] = []
    for name, old in before.items():
        new = module.__dict__.get(name)
        own = isinstance(old, type) and old.__module__ == module.__name__
        if own and isinstance(new, type) and new is not old:
            supersede(old, new)
            superseded.append(old)
    return superseded


# --- its servers --------------------------------------------------------------------------


def _servers_of(module: ModuleType) -> list[Process]:
    return [
        process
        for process in this_process().runtime.processes()
        if isinstance(process.behaviour, (Server, StatemServer))
        and any(cls.__module__ == module.__name__ for cls in process.behaviour.classes)
    ]


async def _suspend(
    servers: list[Process], timeout: float, asked: list[Process]
) -> tuple[list[Process], list[Process]]:
    """Those that are suspended now, and those that were too busy for it; `asked` gets who was told to."""
    suspended: list[Process] = []
    busy: list[Process] = []
    for process in servers:
        asked.append(process)
        try:
            await system.suspend(process.pid, timeout)
            suspended.append(process)
        except Exit as error:
            if process.alive:
                logger.error("%s keeps the old code: %s", _name(process), to_elixir(error.reason[0]))
                busy.append(process)
    return suspended, busy


def _is_suspended(process: Process) -> bool:
    behaviour: Any = process.behaviour
    return bool(behaviour.suspended)


def _resume(process: Process) -> None:
    # Not waited for: it comes after what may still wait to suspend it.
    here = this_process()
    here.runtime.send(process.pid, (gen.SYSTEM, (here.pid, gen.nobody(here)), _RESUME), here)


async def _change(process: Process, module: ModuleType) -> bool:
    """Give one suspended server its new classes; whether it has them."""
    behaviour: Any = process.behaviour
    if not process.alive:
        return False
    old: list[type] = behaviour.classes
    attributes = saved(behaviour.instance)
    try:
        behaviour.take_classes([_successor(cls, module) for cls in old])
        version = getattr(old[-1], "vsn", _UNDEFINED)
        name = old[-1].__module_name__  # type: ignore[attr-defined]  # of a behaviour
        result = await system.change_code(process.pid, name, version, [], None)
        if result != "ok":
            raise _RefusedError(f"code_change gave {to_elixir(result)}")
    except (TypeError, LookupError, Exit, _RefusedError) as error:
        if process.alive:
            behaviour.take_classes(old)
            restored(behaviour.instance, attributes)
            logger.error("%s keeps the old code: %s", _name(process), error)
        return False
    return True


class _RefusedError(Exception):
    """A `code_change` failed or said no."""


def _successor(cls: type, module: ModuleType) -> type:
    """The class of that name in the module as it is now; LookupError if there is none."""
    if cls.__module__ != module.__name__:
        return cls
    found: Any = module
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise LookupError(f"{module.__name__} has no class {cls.__qualname__} any more")
    return found


def _name(process: Process) -> str:
    return to_elixir(process.name or process.pid)


async def _specify_again(superseded: list[type]) -> None:
    """Let supervisors of the module take the specifications that their `init` gives now."""
    modules = {Atom(module_of(cls)) for cls in superseded if issubclass(cls, Supervisor)}
    for process in this_process().runtime.processes():
        behaviour = process.behaviour
        if not isinstance(behaviour, SupervisorServer) or behaviour.module not in modules:
            continue
        try:
            await system.suspend(process.pid)
            result = await system.change_code(process.pid, behaviour.module, _UNDEFINED, [], None)
            await system.resume(process.pid)
        except Exit as error:
            result = error.reason
        if result != "ok":
            logger.error("%s keeps its old specifications: %s", _name(process), to_elixir(result))


# --- watching -----------------------------------------------------------------------------


class Reloader(GenServer):
    """Watches the source files of all modules of a directory, and loads those again that change."""

    def init(self, directory: str, interval: float = INTERVAL) -> None:
        """`interval`: seconds from one look at the files to the next."""
        self.directory = Path(directory).resolve()
        self.interval = interval
        self.seen: dict[str, tuple[int, int]] = {}
        for module in self._modules():
            self.seen[str(module.__file__)] = _stamp(module)
        self._later()

    @on_info
    async def check(self) -> None:
        # Those that were imported last first: the others may import from them.
        for module in reversed(self._modules()):
            file, stamp = str(module.__file__), _stamp(module)
            if stamp != _ABSENT and self.seen.setdefault(file, stamp) != stamp:
                self.seen[file] = stamp
                await reload(module)
        self._later()

    def _later(self) -> None:
        send_after(self.interval, this_process().pid, _CHECK)

    def _modules(self) -> list[ModuleType]:
        return [
            module
            for module in list(sys.modules.values())
            if isinstance(module, ModuleType) and _is_in(module, self.directory)
        ]


def _is_in(module: ModuleType, directory: Path) -> bool:
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py") or module.__name__.partition(".")[0] == "pyerlnode":
        return False
    path = Path(file).resolve()
    return path.is_relative_to(directory) and "site-packages" not in path.parts


def _stamp(module: ModuleType) -> tuple[int, int]:
    """What changes with the file, which is absent for a moment while some editors write it."""
    try:
        status = Path(str(module.__file__)).stat()
    except OSError:
        return _ABSENT
    return (status.st_mtime_ns, status.st_size)
