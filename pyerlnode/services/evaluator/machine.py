"""The machine that runs closures: a stack of generators, driven in a loop.

A frame that yields a generator waits for what that returns; one that returns a generator,
or a `TailCall`, is replaced by it.  So calls go as deep as the limits let them, tail calls
take no room, and a closure can be stopped between any two steps: after `TURN` of them, or
a few milliseconds, everybody else gets their turn.

Source: erl_eval:do_apply/7 of OTP's stdlib for calls and their errors.
Proof: tests/services/evaluator/test_closure_limits.py, tests/services/evaluator/test_corpus.py.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from types import GeneratorType
from typing import Any, Final

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.process import Process, error_reason, stacktrace
from pyerlnode.services.evaluator import funs, limits
from pyerlnode.services.evaluator.clauses import choose, go_on
from pyerlnode.services.evaluator.nodes import Steps, Tick
from pyerlnode.services.evaluator.requests import Await, Call, Remote, TailCall, TailRemote
from pyerlnode.services.evaluator.values import seen_here
from pyerlnode.term import Atom, Export, Fun, Term

__all__ = ["Await", "Call", "Machine", "Remote", "TailCall", "TailRemote"]

# Steps after which others run, and the seconds after which they do so in any case.
TURN: Final = 2_000
SLICE: Final = 0.003
_LOOKS: Final = 15  # how many steps less one between two looks at the clock: a power of 2, less one

_ERLANG, _APPLY, _ERL_EVAL = Atom("erlang"), Atom("apply"), Atom("erl_eval")
_BADFUN, _BADARITY, _UNDEF = Atom("badfun"), Atom("badarity"), Atom("undef")
_FUNCTION_CLAUSE, _EXPR = Atom("function_clause"), Atom("expr")
_INSIDE = Atom("-inside-an-interpreted-fun-")
_KILLED, _STEP_LIMIT = Atom("killed"), Atom("step_limit")
_SYSTEM_LIMIT = Atom("system_limit")

# Module, name and arguments of what a frame runs, where it is a function with a name.
Label = tuple[str, str, Sequence[Term]]
# Calls a function by its name: gives its value, a generator with its label, or something to await.
Resolver = Callable[[str, str, list[Term]], Any]


class Machine:
    """One application of a closure."""

    __slots__ = ("_error", "_frames", "_labels", "_resolve", "_value", "_waits", "process", "result", "steps")

    def __init__(self, resolve: Resolver, process: Process) -> None:
        self.process = process
        self.steps = 0
        self.result: Any = None
        self._resolve = resolve
        self._frames: list[Steps] = []
        self._labels: list[Label | None] = []
        self._value: Any = None
        self._error: Exception | None = None
        self._waits: Awaitable[Any] | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def apply(self, fun: Term, args: Sequence[Term]) -> bool:
        """Begin with a call; whether it has come to its end at once."""
        self._frames.append(_start(fun, args))
        self._labels.append(None)
        return self.advance()

    async def finish(self) -> Any:
        """Go on to the end, with waits and with turns for others; the value."""
        try:
            while True:
                await self._pause()
                if self.advance():
                    return self.result
        finally:
            self._frames.clear()

    async def _pause(self) -> None:
        if self._waits is None:
            await asyncio.sleep(0)
            self.process.check_alive()
            return
        waits, self._waits = self._waits, None
        try:
            self._value = seen_here(await waits)
        except limits.Stopped:
            raise
        except Exception as error:
            self.process.check_alive()
            self._error = _of_class(error, None)

    # --- the loop -------------------------------------------------------------------------

    def advance(self) -> bool:
        """Run for one turn; whether the end is reached.  Raises what the closure raised."""
        frames, labels = self._frames, self._labels
        clock = time.perf_counter
        stop = clock() + SLICE
        most = limits.current()
        done = 0
        value, error = self._value, self._error
        self._value = self._error = None
        while done < TURN and self._waits is None:
            done += 1
            if not done & _LOOKS and clock() > stop:
                break
            frame = frames[-1]
            try:
                asked = frame.send(value) if error is None else frame.throw(error)
                error = value = None
            except StopIteration as ended:
                frames.pop()
                labels.pop()
                asked, error = ended.value, None
                if not _is_request(asked):
                    if not frames:
                        self.result = asked
                        return True
                    value = asked
                    continue
            except Exception as failure:
                frames.pop()
                error = _of_class(failure, labels.pop())
                if not frames:
                    raise error from None
                continue
            try:
                value = self._serve(asked)
            except Exception as failure:
                error = _of_class(failure, None)
                if not frames:
                    raise error from None
            else:
                if value is _NEW_FRAME:
                    value = None
                    if len(frames) > most.entries:
                        frames.clear()
                        raise limits.Stopped(_SYSTEM_LIMIT)
                elif not frames and self._waits is None:
                    self.result = value
                    return True
        self._value, self._error = value, error
        self.steps += done
        if self.steps > most.steps:
            frames.clear()
            raise limits.Stopped((_KILLED, _STEP_LIMIT))
        return False

    def _serve(self, asked: Any) -> Any:
        """Do what a frame asks for: the value, or `_NEW_FRAME`."""
        kind = type(asked)
        if kind is GeneratorType:
            return self._push(asked, None)
        if kind is Tick:
            self.steps += asked.steps
            return None
        if kind is Await:
            return self._wait_for(asked.awaitable)
        if kind is TailCall or kind is Call:
            made = self._call(asked.fun, list(asked.args))
        else:
            made = self._resolve(asked.module, asked.name, list(asked.args))
        if type(made) is tuple and len(made) == 2 and type(made[0]) is GeneratorType:
            return self._push(*made)
        return self._serve(made) if _is_request(made) else made

    def _push(self, frame: Steps, label: Label | None) -> Any:
        self._frames.append(frame)
        self._labels.append(label)
        return _NEW_FRAME

    def _wait_for(self, awaitable: Awaitable[Any]) -> Any:
        if not self._frames:
            # Somebody must be there who is told what came of it.
            self._push(_identity(), None)
            next(self._frames[-1])
        self._waits = awaitable
        return None

    def _call(self, fun: Term, args: list[Term]) -> Any:
        if isinstance(fun, Export):
            if fun.arity != len(args):
                raise bad_arity(fun, args)
            return self._resolve(fun.module, fun.function, args)
        return enter(fun, args)


def _start(fun: Term, args: Sequence[Term]) -> Steps:
    return (yield TailCall(fun, args))


def _identity() -> Steps:
    return (yield)


_NEW_FRAME: Final[Any] = object()
_REQUESTS: Final = frozenset({GeneratorType, TailCall, TailRemote, Call, Remote, Await, Tick})


def _is_request(asked: Any) -> bool:
    return type(asked) in _REQUESTS


# --- calling closures ---------------------------------------------------------------------


def enter(fun: Term, args: list[Term]) -> Any:
    """Begin to run a closure: its value where it can be had at once, else a generator."""
    if not isinstance(fun, Fun):
        raise ErlangError((_BADFUN, fun), _by_apply())
    closure = funs.parts(fun)
    if closure is None:
        if fun.module is _ERL_EVAL:
            raise ErlangError((_BADFUN, fun), _by_apply())
        raise ErlangError(_UNDEF, [(fun, args, [])])
    if fun.arity != len(args):
        raise bad_arity(fun, args)
    code = funs.code(fun, closure)
    env = funs.environment(fun, closure)
    found = choose(code.clauses, args, env, shadows=True)
    if found is None:
        raise ErlangError(_FUNCTION_CLAUSE, [(_ERL_EVAL, _INSIDE, args, [])])
    clause, new = found
    env.update(new)
    return go_on(clause.body, env)


def bad_arity(fun: Term, args: list[Term]) -> ErlangError:
    """`{badarity, {Fun, Args}}`, to be raised."""
    return ErlangError((_BADARITY, (fun, args)), _by_apply())


def _by_apply() -> list[Term]:
    return [(_ERLANG, _APPLY, 2, [])]


# --- errors -------------------------------------------------------------------------------


def _of_class(failure: Exception, label: Label | None) -> Exception:
    """One of Erlang's three classes, with a stack; what Python raised is an error."""
    failure.__traceback__ = None if isinstance(failure, (ErlangError, Exit, Throw)) else failure.__traceback__
    if isinstance(failure, (Exit, Throw)):
        return failure
    if isinstance(failure, (RecursionError, MemoryError)):
        return ErlangError(_SYSTEM_LIMIT, _stack(label))
    if not isinstance(failure, ErlangError):
        return ErlangError(error_reason(failure), stacktrace(failure) or _stack(label))
    if type(failure.reason) is str:
        failure.reason = Atom(failure.reason)
    if failure.stack is None:
        failure.stack = _stack(label)
    return failure


def _stack(label: Label | None) -> list[Term]:
    if label is None:
        return [(_ERL_EVAL, _EXPR, 6, [])]
    module, name, args = label
    return [(Atom(module), Atom(name), list(args), [])]


def is_awaitable(value: Any) -> bool:
    """Whether a function of Python's gave something to wait for."""
    return inspect.isawaitable(value) and not isinstance(value, GeneratorType)
