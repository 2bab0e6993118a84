"""Agent: a process that keeps a value, and runs functions on it.

    pid = await Agent.start_link(lambda: {}, name="Elixir.Basket")      or a value that is not callable
    await Agent.update(pid, lambda basket: {**basket, "apples": 3})
    await Agent.get(pid, len)                                              1

    await Agent.get(("Elixir.Cache", "alex@localhost"), "Elixir.Map", "get", [Atom("apples")])

Functions run in the agent, and the state is their first argument.  An agent of this node
takes Python functions, `async def` ones too; one of another node, whether that is Python or
Elixir, takes a module, a function and arguments, or an `Export`.  What it raises ends the
agent, and the caller's exit says why.

Source: Agent and Agent.Server of Elixir (1.18).
Proof: tests/otp/test_agent.py, interop/test_agents.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from pyerlnode.errors import BadArg, ErlangError, Throw
from pyerlnode.otp import gen, proc_lib
from pyerlnode.otp.client import CALL_TIMEOUT
from pyerlnode.otp.gen_server import GenServer, start_server, started
from pyerlnode.otp.results import Failure, Ignore, NoReply, Reply, Stop
from pyerlnode.otp.supervisor.child import module_of
from pyerlnode.otp.supervisor.child_spec import ChildSpec
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Export, Fun, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from pyerlnode.otp.gen import Caller, ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult

__all__ = ["Agent", "AgentServer", "start_agent"]

# A Python function, an Export, a Fun, or (module, function, args).
Function: TypeAlias = "Callable[..., Any] | Export | Fun | tuple[str, str, list[Term]]"
# What is done with what a function gives, or with what it throws.
Use: TypeAlias = "Callable[[Any], Any]"

_GET, _UPDATE, _GET_AND_UPDATE, _CAST = (
    Atom("get"),
    Atom("update"),
    Atom("get_and_update"),
    Atom("cast"),
)
_OK: Final = Atom("ok")
# A fun that is a name can do more than the name: it may be of the library for closures.
_APPLY = Export("erlang", "apply", 2)
_BADFUN, _BADARITY, _FUNCTION_CLAUSE = Atom("badfun"), Atom("badarity"), Atom("function_clause")
_BAD_RETURN = Atom("bad_return_value")
_MODULE: Final = Atom("Elixir.Agent.Server")
# Where the stack of a function that cannot be called begins.
_RUN: Final[Term] = (_MODULE, Atom("run"), 2, [])


class Agent:
    """Use it as it is, or derive from it a class with a `start_link` of its own.

    `class Basket(Agent, module="Elixir.Basket")` says what its children's id is; without it
    that is the class's name.
    """

    __slots__ = ()

    __module_name__: ClassVar[str] = "Elixir.Agent"
    __child_type__: ClassVar[str] = "worker"

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__module_name__ = module or cls.__name__

    # --- starting ---------------------------------------------------------------------------

    @classmethod
    async def start_link(
        cls, *initial: Any, name: StartName | None = None, timeout: float | None = None
    ) -> Pid:
        """Start an agent, linked to the caller; its pid.

        `initial` is a function without arguments, which is called in the agent and gives the
        state, module, function and arguments of an exported one, or the state itself.
        Exit with the reason if that raises, `(already_started, pid)`, `timeout` (seconds).
        """
        pid: Pid = started(await start_agent(initial, link=True, name=name, timeout=timeout))
        return pid

    @classmethod
    async def start(cls, *initial: Any, name: StartName | None = None, timeout: float | None = None) -> Pid:
        """As `start_link`, without a link."""
        pid: Pid = started(await start_agent(initial, link=False, name=name, timeout=timeout))
        return pid

    @classmethod
    def child(cls, *initial: Any, id: Term = None, **options: Any) -> ChildSpec:
        """The specification of an agent under a supervisor; takes what `start_link` takes."""
        own = Atom(module_of(cls)) if id is None else id
        return ChildSpec(own, (cls.start_link, list(initial), options))

    # --- what clients call --------------------------------------------------------------------

    @staticmethod
    def get(agent: ServerRef, *function: Any, timeout: float | None = CALL_TIMEOUT) -> Awaitable[Any]:
        """What `function` gives for the state.  `agent` as in `GenServer.call`, which says what it raises."""
        return _ask(agent, _GET, function, timeout)

    @staticmethod
    def update(agent: ServerRef, *function: Any, timeout: float | None = CALL_TIMEOUT) -> Awaitable[Atom]:
        """Let what `function` gives for the state be the new state; `ok`."""
        return _ask(agent, _UPDATE, function, timeout)

    @staticmethod
    def get_and_update(
        agent: ServerRef, *function: Any, timeout: float | None = CALL_TIMEOUT
    ) -> Awaitable[Any]:
        """`function` gives `(reply, new)` for the state; the reply.

        Anything else ends the agent with `(bad_return_value, value)`.
        """
        return _ask(agent, _GET_AND_UPDATE, function, timeout)

    @staticmethod
    def cast(agent: ServerRef, *function: Any) -> Atom:
        """As `update`, without waiting; always `ok`, whether there is such an agent or not."""
        return GenServer.cast(agent, (_CAST, _function_for(agent, function)))

    @staticmethod
    def stop(
        agent: ServerRef, reason: Term = "normal", timeout: float | None = None
    ) -> Coroutine[Any, Any, Atom]:
        """End the agent with `reason` and wait for that; as `GenServer.stop`."""
        return GenServer.stop(agent, reason, timeout)


def _ask(agent: ServerRef, request: Atom, function: tuple[Any, ...], timeout: float | None) -> Awaitable[Any]:
    return GenServer.call(agent, (request, _function_for(agent, function)), timeout)


def _function_for(agent: ServerRef, given: tuple[Any, ...]) -> Function:
    """What is sent; BadArg for what is no function, or cannot be sent to where the agent is."""
    function = _function(given)
    if function is None:
        raise BadArg(f"an agent takes a function, or module, function and arguments, not {given!r}")
    if callable(function) and _is_elsewhere(agent):
        raise BadArg(
            "an agent of another node takes module, function and arguments, or an Export, "
            f"not the Python function {function!r}"
        )
    return function


def _is_elsewhere(agent: ServerRef) -> bool:
    runtime = this_process().runtime
    found = gen.where(runtime, agent)
    return isinstance(found, tuple) or (found is not None and not runtime.is_local(found))


def _function(given: tuple[Any, ...]) -> Function | None:
    match given:
        case (str(module), str(function), [*args]):
            return (Atom(module), Atom(function), args)
        case (function,) if isinstance(function, (Export, Fun)) or callable(function):
            known: Function = function
            return known
    return None


# --- starting -------------------------------------------------------------------------------


async def start_agent(
    initial: tuple[Any, ...], *, link: bool, name: StartName | None = None, timeout: float | None = None
) -> StartResult:
    """Start an agent: `("ok", pid)` or `("error", reason)`, which supervisors go by."""
    function = _function(initial)
    if function is None:
        if len(initial) != 1:
            raise BadArg(
                "an agent starts with a function, module, function and arguments, or a value, "
                f"not {initial!r}"
            )
        function = _Value(initial[0])
    return await start_server(AgentServer, (function,), link=link, name=name, timeout=timeout)


class _Value:
    """The function without arguments that gives a state."""

    __name__ = "start_link"
    __module__ = "Elixir.Agent"

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


# --- the server -----------------------------------------------------------------------------


class AgentServer(GenServer, module="Elixir.Agent.Server"):
    """One agent; `sys` shows the bare state."""

    __slots__ = ("value",)

    def init(self, function: Any) -> Any:
        _set_initial_call(function)
        return self._run(function, [], self._set, self._thrown_at_start)

    def __state__(self) -> Any:
        return getattr(self, "value", None)

    def __replace_state__(self, value: Any) -> None:
        self.value = value

    def _set(self, value: Any) -> None:
        self.value = value

    def handle_call(self, request: Term, caller: Caller) -> Any:
        kind, function = _request(request)
        if kind is _GET:
            return self._run(function, [self.value], Reply)
        if kind is _UPDATE:
            return self._run(function, [self.value], self._updated)
        if kind is _GET_AND_UPDATE:
            return self._run(function, [self.value], self._got)
        raise _no_clause("handle_call", request, caller, self.__state__())

    def _updated(self, value: Any) -> Reply:
        self.value = value
        return Reply(_OK)

    def _got(self, result: Any) -> Reply | Stop:
        if type(result) is not tuple or len(result) != 2:
            return Stop((_BAD_RETURN, result))
        self.value = result[1]
        return Reply(result[0])

    def handle_cast(self, request: Term) -> Any:
        kind, function = _request(request)
        if kind is not _CAST:
            raise _no_clause("handle_cast", request, self.__state__())
        return self._run(function, [self.value], self._told)

    def _told(self, value: Any) -> NoReply:
        self.value = value
        return NoReply()

    def code_change(self, old_version: Term, extra: Term) -> Any:
        return self._run(extra, [self.value], self._set)

    def _run(self, function: Any, state: list[Any], use: Use, thrown: Use | None = None) -> Any:
        """`use(what the function gives)`, or a coroutine for it if that is still to come.

        What a callback throws is for gen_server what it returns; so it is for the function of an agent.
        """
        thrown = thrown or self._thrown
        try:
            result = _call(function, state)
        except Throw as error:
            return thrown(error)
        return _later(result, use, thrown) if inspect.isawaitable(result) else use(result)

    def _thrown_at_start(self, thrown: Throw) -> Any:
        match _tuple(thrown.value):
            case "ignore":
                return Ignore()
            case ("stop", reason):
                return Stop(reason)
            case ("error", reason):
                return Failure(reason)
            case ("ok", state, *more) if _are_options(more):
                return self._set(state)
        raise thrown

    def _thrown(self, thrown: Throw) -> Any:
        match _tuple(thrown.value):
            case ("reply", value, state, *more) if _are_options(more):
                result: Any = Reply(value)
            case ("noreply", state, *more) if _are_options(more):
                result = NoReply()
            case ("stop", reason, state):
                result = Stop(reason)
            case ("stop", reason, value, state):
                result = Stop(reason, value)
            case _:
                raise thrown
        self.value = state
        return result


def _tuple(value: Term) -> Term:
    """The value, if it is not a list, which would match the pattern of a tuple."""
    return None if isinstance(value, list) else value


def _are_options(more: list[Term]) -> bool:
    """Nothing, or a timeout or `hibernate`, of which an agent takes no notice."""
    return more in ([], ["hibernate"], ["infinity"]) or (
        len(more) == 1 and type(more[0]) is int and more[0] >= 0
    )


def _request(request: Term) -> tuple[Atom | None, Any]:
    if type(request) is tuple and len(request) == 2 and type(request[0]) is Atom:
        return request
    return None, None


def _no_clause(function: str, *args: Term) -> ErlangError:
    return ErlangError(_FUNCTION_CLAUSE, [(_MODULE, Atom(function), list(args), [])])


def _call(function: Any, state: list[Any]) -> Any:
    """Call it with the state before its own arguments; what it returns may be a coroutine."""
    apply = this_process().runtime.apply_hook
    if type(function) is tuple:
        match function:
            case (Atom() as module, Atom() as name, list() as args):
                return apply(Export(module, name, len(state) + len(args)), [*state, *args])
    if isinstance(function, Export):
        if function.arity != len(state):
            raise ErlangError((_BADARITY, (function, state)), [_RUN])
        return apply(_APPLY, [function, state])
    if isinstance(function, Fun):
        return apply(function, state)
    if not callable(function):
        raise ErlangError((_BADFUN, function), [_RUN])
    return function(*state)


async def _later(result: Awaitable[Any], use: Use, thrown: Use) -> Any:
    try:
        return use(await result)
    except Throw as error:
        return thrown(error)


def _set_initial_call(function: Any) -> None:
    """What the agent was started with is its `$initial_call`."""
    proc_lib.put_origin(this_process(), {proc_lib.INITIAL_CALL: _initial_call(function)})


def _initial_call(function: Any) -> tuple[Atom, Atom, int]:
    if type(function) is tuple:
        return (function[0], function[1], len(function[2]))
    if isinstance(function, Export):
        return (function.module, function.function, 0)
    if isinstance(function, Fun):
        return (function.module, Atom(f"-fun.{function.index}-"), 0)
    module = getattr(function, "__module__", None) or "python"
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", type(function).__name__)
    return (Atom(str(module)[: Atom.MAX]), Atom(str(name)[: Atom.MAX]), 0)
