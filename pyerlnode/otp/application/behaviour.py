"""An application: what is started and stopped as a whole, and has an environment.

    class Chat(Application):
        description = "Chat rooms"
        vsn = "0.1.0"
        env = {"greeting": "hello"}

        async def start(self, type, args):
            return await Supervisor.start_link([Room], strategy="one_for_one")

    await Application.start(Chat)
    Application.get_env("chat", "greeting")
    await Application.stop("chat")

`start` runs in a process of the application's own and returns the topmost one.  What it
starts with `start_link` is linked to that process and ends with the application, in
reverse order.

A list of child specifications can stand in the place of an Application: a supervisor
(one_for_one) starts them.  So can an async function: it is what `start` does.
It may go on as a process instead of returning; the application counts as started
then when the function first waits in `receive`.

The functions for programs have the names of Elixir's `Application` and OTP's
`application`.  What fails raises Exit with OTP's reason.

Source: application(3) of OTP's kernel; Application of Elixir.
Proof: tests/otp/test_application.py, interop/test_applications.py.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp.application import requests
from pyerlnode.otp.application.callbacks import InstanceCallbacks
from pyerlnode.otp.application.controller import TYPES
from pyerlnode.otp.application.environment import as_key
from pyerlnode.otp.application.spec import ApplicationSpec
from pyerlnode.otp.application.start import run_function
from pyerlnode.otp.application.table import table
from pyerlnode.otp.supervisor.supervisor import Supervisor
from pyerlnode.process import Runtime, this_process
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pyerlnode.otp.supervisor.child_spec import ChildSpec

__all__ = ["Application", "ApplicationRef"]

_DEFAULT_APPLICATIONS: Final = ("kernel", "stdlib")
_RAISE: Any = object()


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).strip("_").lower()


class _Callback:
    """A callback whose name is that of a function for programs: `Application.start(app)`.

    A class that derives from Application, and an instance, has the callback there.
    """

    def __init__(self, function: Callable[..., Any], callback: Callable[..., Any] | None = None) -> None:
        self._function = function
        self._callback = callback

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None and owner is Application:
            return self._function
        if self._callback is None:
            raise AttributeError(f"{owner.__name__} has no start method")
        return self._callback if instance is None else self._callback.__get__(instance)


async def _start(app: ApplicationRef, type: str = "temporary", *, node: str | None = None) -> Atom:
    """Start an application: `ok`.  Exit with OTP's reason, such as `(already_started, name)`."""
    return _done(await requests.ask(node, "start", *_app_and_type(app, type)))


async def _stop(app: ApplicationRef, *, node: str | None = None) -> Atom:
    """Stop an application: `ok`.  Exit `(not_started, name)`."""
    return _done(await requests.ask(node, "stop", name_of(app)))


def _nothing(self: Application) -> None:
    """The `stop` of an application that has nothing to clean up."""


class Application:
    """Derive from it; see the module's description.

    `class Chat(Application, module="Elixir.Chat.Application")` says which module it is of,
    as other nodes see it; without it that is the class's name.
    """

    name: ClassVar[str] = ""
    """How it is called; without it by the name of the class: `ChatRooms` is `chat_rooms`."""
    description: ClassVar[str] = ""
    vsn: ClassVar[str] = ""
    env: ClassVar[Mapping[str, Any]] = {}
    """Its environment, unless it is configured otherwise; text stands for a binary."""
    applications: ClassVar[Sequence[ApplicationRef]] = _DEFAULT_APPLICATIONS
    """What must run before it: names, or Applications."""
    optional_applications: ClassVar[Sequence[str]] = ()
    """Those of them that it starts without, where they are not there."""
    registered: ClassVar[Sequence[str]] = ()
    modules: ClassVar[Sequence[str]] = ()
    start_phases: ClassVar[Sequence[tuple[str, Term]] | None] = None
    """Name and argument of each call of `start_phase`."""
    args: ClassVar[Term] = []
    """What `start` is given."""

    __module_name__: ClassVar[str] = "Application"

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__module_name__ = module or cls.__name__
        if "name" not in vars(cls):
            cls.name = _snake_case(cls.__name__)

    # --- callbacks --------------------------------------------------------------------------

    # `start(self, type, args)`: start the processes; returns the pid of the topmost one, if there is
    # one.  `type` is `normal`.  Exit is a failed start with that reason, so is `Failure(reason)`.
    # `stop(self)`: clean up, when all of them have ended.  Both may be async.
    if TYPE_CHECKING:
        start: Any
        stop: Any
    else:
        start = _Callback(_start)
        stop = _Callback(_stop, _nothing)

    def start_phase(self, phase: Atom, type: Atom, args: Term) -> Any:
        """Called after `start`, for each of `start_phases`; Exit or `Failure(reason)` is a failed start."""

    def prep_stop(self) -> Any:
        """Called before its processes are stopped; may be async."""

    # --- other forms ------------------------------------------------------------------------

    @staticmethod
    def from_function(function: Callable[[], Awaitable[Any]], name: str | None = None) -> Application:
        """The application whose start is an async function; a pid that it returns is the topmost process."""
        if not callable(function):
            raise BadArg(f"an async function is wanted, not {function!r}")
        return _FunctionApplication(function, name or str(getattr(function, "__name__", "application")))

    @staticmethod
    def from_children(children: list[ChildSpec], name: str = "application") -> Application:
        """The application that is a one_for_one supervisor of these children."""
        if not isinstance(children, (list, tuple)):
            raise BadArg(f"a list of child specifications is wanted, not {children!r}")
        return _ChildrenApplication(list(children), name)

    # --- starting and stopping --------------------------------------------------------------

    @staticmethod
    async def ensure_started(
        app: ApplicationRef, type: str = "temporary", *, node: str | None = None
    ) -> Atom:
        """As `start`, and `ok` as well if it runs already."""
        return _done(await requests.ask(node, "ensure_started", *_app_and_type(app, type)))

    @staticmethod
    async def ensure_all_started(
        app: ApplicationRef | Iterable[ApplicationRef], type: str = "temporary", *, node: str | None = None
    ) -> list[Atom]:
        """Start what an application needs, and then it; those that were started, in this order.

        If one does not start, those are stopped again; Exit `(name, reason)`.
        """
        if not _is_ref(app) and not isinstance(app, Iterable):
            raise BadArg(f"an application or a list of applications is wanted, not {app!r}")
        apps: list[Any] = [app] if _is_ref(app) else list(app)  # type: ignore[arg-type]  # the rest is iterable
        specs, type = [spec_or_name(each) for each in apps], _type(type)
        for needed in _needed(apps):
            await requests.load(spec_of(needed))  # that it is loaded already is no news
        wanted: Any = specs if len(specs) != 1 else specs[0]
        started: list[Atom] = _value(await requests.ask(node, "ensure_all_started", wanted, type))
        return started

    @staticmethod
    async def load(app: ApplicationRef, *, node: str | None = None) -> Atom:
        """Let an application be known, and its environment be read; `ok`.  Exit `(already_loaded, name)`."""
        return _done(await requests.ask(node, "load", spec_or_name(app)))

    @staticmethod
    async def unload(app: ApplicationRef, *, node: str | None = None) -> Atom:
        """Forget an application and its environment; `ok`.  Exit `(running, name)`, `(not_loaded, name)`."""
        return _done(await requests.ask(node, "unload", name_of(app)))

    # --- what there is ----------------------------------------------------------------------

    @staticmethod
    async def which_applications(*, node: str | None = None) -> list[tuple[Atom, Term, Term]]:
        """Name, description and version (charlists) of each that runs, the one started last first."""
        running: list[tuple[Atom, Term, Term]] = await requests.ask(node, "which_applications")
        return running

    @staticmethod
    async def loaded_applications(*, node: str | None = None) -> list[tuple[Atom, Term, Term]]:
        """As `which_applications`, of all that are known."""
        loaded: list[tuple[Atom, Term, Term]] = await requests.ask(node, "loaded_applications")
        return loaded

    @staticmethod
    def get_application(pid: Pid | None = None) -> Atom | None:
        """The name of the application that a process of this node belongs to; without one, the caller."""
        if pid is not None and not isinstance(pid, Pid):
            raise BadArg(f"a pid is wanted, not {pid!r}")
        process = this_process()
        return table().of_process(process.runtime, process.pid if pid is None else pid)

    @staticmethod
    def get_key(app: ApplicationRef, key: str, default: Any = None) -> Any:
        """What the specification of a loaded application says, as a term: `vsn`, `applications`, ..."""
        spec = table().spec(name_of(app))
        try:
            return default if spec is None else spec.key(as_key(key), table().environment)
        except KeyError:
            return default

    # --- the environment --------------------------------------------------------------------

    @staticmethod
    def get_env(app: ApplicationRef, key: Term, default: Any = None) -> Any:
        """A value of the environment, `default` if there is none; never waits.

        A value is what was given: text that other nodes have set is `bytes`.
        """
        return table().environment.get(name_of(app), key, default)

    @staticmethod
    def fetch_env(app: ApplicationRef, key: Term) -> Any:
        """As `get_env`; KeyError if there is none."""
        found = table().environment.get(name_of(app), key, _RAISE)
        if found is _RAISE:
            raise KeyError(f"the environment of {name_of(app)} has no {key!r}")
        return found

    @staticmethod
    def get_all_env(app: ApplicationRef) -> dict[Any, Any]:
        """All keys and values of an environment.  BadArg if a key set by another node is not hashable."""
        try:
            return dict(table().environment.all(name_of(app)))
        except TypeError:
            raise BadArg(f"a key of the environment of {name_of(app)} is a list or a map") from None

    @staticmethod
    def put_env(app: ApplicationRef, key: Term, value: Term, *, persistent: bool = False) -> Atom:
        """Set a value; with `persistent` also over what the application brings when it is loaded."""
        table().environment.put(name_of(app), key, value, persistent=persistent)
        return Atom("ok")

    @staticmethod
    def delete_env(app: ApplicationRef, key: Term, *, persistent: bool = False) -> Atom:
        """Take a value away."""
        table().environment.delete(name_of(app), key, persistent=persistent)
        return Atom("ok")

    @staticmethod
    def put_all_env(
        config: Mapping[str, Mapping[str, Any]], *, persistent: bool = False, runtime: Runtime | None = None
    ) -> Atom:
        """Set values of several applications: `{app: {key: value}}`; of another runtime, if one is given."""
        if not isinstance(config, Mapping) or not all(isinstance(each, Mapping) for each in config.values()):
            raise BadArg(f"a dict of applications, each with a dict of its values, is wanted, not {config!r}")
        environment = table(runtime).environment
        for app, values in config.items():
            for key, value in values.items():
                environment.put(app, key, value, persistent=persistent)
        return Atom("ok")


# An application: a name, a class, an instance, or OTP's term `(application, name, keys)`.
ApplicationRef: TypeAlias = "str | type[Application] | Application | tuple[Any, ...]"


class _FunctionApplication(Application):
    def __init__(self, function: Callable[[], Awaitable[Any]], name: str) -> None:
        self.name = self.__module_name__ = name  # type: ignore[misc]  # of this one, not of all functions
        self._function = function

    async def start(self, type: Atom, args: Term) -> Pid:
        return await run_function(self._function)


class _ChildrenApplication(Application):
    def __init__(self, children: list[ChildSpec], name: str) -> None:
        self.name = self.__module_name__ = name  # type: ignore[misc]  # as above
        self._children = children

    async def start(self, type: Atom, args: Term) -> Pid | None:
        return await Supervisor.start_link(self._children, strategy="one_for_one")


# --- specifications -------------------------------------------------------------------------


def _is_ref(app: Any) -> bool:
    return isinstance(app, (str, type, Application, tuple))


def name_of(app: ApplicationRef) -> Atom:
    """The name of an application; BadArg for what is none."""
    if isinstance(app, Application) or (isinstance(app, type) and issubclass(app, Application)):
        return Atom(app.name)
    if isinstance(app, tuple) and len(app) == 3 and isinstance(app[1], str):
        return Atom(app[1])
    if not isinstance(app, str):
        raise BadArg(f"an application is a name, an Application or its specification, not {app!r}")
    return Atom(app)


def spec_or_name(app: ApplicationRef) -> Any:
    """What the controller is asked to load."""
    if isinstance(app, (str, tuple)):
        return Atom(app) if isinstance(app, str) else app
    return spec_of(app)


def spec_of(app: type[Application] | Application) -> ApplicationSpec:
    """The specification of a class or an instance; BadArg for what it must not be."""
    if not isinstance(app, Application) and not (isinstance(app, type) and issubclass(app, Application)):
        raise BadArg(f"an application is a name, an Application or its specification, not {app!r}")
    module = Atom(app.__module_name__)
    starts = inspect.getattr_static(app, "start", None) is not inspect.getattr_static(Application, "start")
    make = app if isinstance(app, type) else lambda: app
    callbacks = InstanceCallbacks(make, module, app.args) if starts else None
    phases = app.start_phases
    return ApplicationSpec.make(
        app.name,
        [(as_key(key), value) for key, value in app.env.items()],
        callbacks,
        description=charlist(app.description),
        vsn=charlist(app.vsn),
        modules=[Atom(name) for name in app.modules],
        registered=[Atom(name) for name in app.registered],
        applications=[name_of(each) for each in app.applications],
        optional_applications=[Atom(name) for name in app.optional_applications],
        mod=(module, app.args) if starts else [],
        start_phases=Atom("undefined") if phases is None else [(Atom(name), arg) for name, arg in phases],
    )


def _needed(apps: list[Any]) -> list[Any]:
    """The Applications that these need, and those need, as far as they are not given by name."""
    found: list[Any] = []
    for app in (waiting := list(apps)):
        if isinstance(app, (str, tuple)):
            continue
        new = [each for each in app.applications if not isinstance(each, str) and each not in found]
        found += new
        waiting += new
    return found


# --- asking -----------------------------------------------------------------------------------


def _type(type: str) -> Atom:
    if type not in TYPES:
        raise BadArg(f"an application is {', '.join(TYPES)}, not {type!r}")
    return Atom(type)


def _app_and_type(app: ApplicationRef, type: str) -> tuple[Any, Atom]:
    return spec_or_name(app), _type(type)


def _done(answer: Any) -> Atom:
    if answer != "ok":
        raise Exit(answer[1])
    return Atom("ok")


def _value(answer: Any) -> Any:
    if answer[0] != "ok":
        raise Exit(answer[1])
    return answer[1]
