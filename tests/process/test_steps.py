"""What each turn takes is the same in Python and in C."""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context, ContextVar, copy_context
from functools import partial
from threading import get_ident
from typing import Any

import pytest
from twins import in_python

from pyerlnode.process import _steps
from pyerlnode.term import Atom, Pid

ONE: ContextVar[Any] = ContextVar("one")
OTHER: ContextVar[Any] = ContextVar("other", default="its default")


@pytest.fixture(params=[_steps, in_python(_steps)], ids=["as_it_runs", "in_python"])
def steps(request: pytest.FixtureRequest) -> Any:
    return request.param


class Waits:
    def __await__(self) -> Any:
        return (yield "waits")


def test_a_step_gives_what_is_waited_for_then_the_end(steps: Any) -> None:
    async def body() -> str:
        ONE.set("within")
        await Waits()
        return "nobody sees this"

    context, coroutine = Context(), body()
    assert steps.one_step(context, coroutine) == "waits"
    assert context[ONE] == "within"
    assert steps.one_step(context, coroutine) is steps.ENDED
    assert ONE.get(None) is None


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()], ids=repr)
def test_a_step_raises_what_the_coroutine_raises(steps: Any, error: BaseException) -> None:
    async def body() -> None:
        raise error

    context = Context()
    with pytest.raises(type(error)) as raised:
        steps.one_step(context, body())
    assert raised.value is error
    assert context.run(ONE.get, "left") == "left"  # it can be entered again


def test_a_context_that_is_entered_already_is_refused(steps: Any) -> None:
    async def body() -> None: ...

    context, coroutine = Context(), body()
    for act in (
        partial(steps.one_step, context, coroutine),
        partial(steps.run_in, context, str, 1),
        partial(steps.call_as, context, ONE, 1, OTHER, 2, str, ()),
    ):
        with pytest.raises(RuntimeError, match="already entered"):
            context.run(act)
    coroutine.close()


def test_a_function_runs_in_the_context(steps: Any) -> None:
    context = Context()
    assert steps.run_in(context, ONE.set, 7).var is ONE
    assert steps.run_in(context, ONE.get, None) == 7
    with pytest.raises(ZeroDivisionError):
        steps.run_in(context, lambda n: n / 0, 1)
    assert steps.run_in(context, ONE.get, None) == 7


def test_it_is_called_with_both_variables_set(steps: Any) -> None:
    context = Context()
    assert steps.call_as(context, ONE, 1, OTHER, 2, lambda *args: (ONE.get(), OTHER.get(), args), (3, 4)) == (
        1,
        2,
        (3, 4),
    )
    assert (context[ONE], context[OTHER], ONE.get(None)) == (1, 2, None)
    with pytest.raises(TypeError):
        steps.call_as(context, ONE, 1, OTHER, 2, len, ())
    with pytest.raises(TypeError):
        steps.call_as(context, "no variable", 1, OTHER, 2, len, ())
    assert context.run(ONE.get) == 1


def test_a_context_with_variables_is_a_copy(steps: Any) -> None:
    def check() -> None:
        ONE.set("mine")
        made = steps.context_with(ONE, "its", OTHER, "own")
        assert (made[ONE], made[OTHER], ONE.get(), OTHER.get()) == ("its", "own", "mine", "its default")

    copy_context().run(check)


def test_the_value_of_a_variable(steps: Any) -> None:
    def check() -> None:
        assert (steps.value_of(ONE), steps.value_of(OTHER)) == (None, None)
        OTHER.set(1)
        assert steps.value_of(OTHER) == 1

    Context().run(check)


async def plain() -> None: ...
async def two(one: int, other: int = 2) -> None: ...
async def many(one: int, *others: int) -> None: ...
async def keyword(*, key: int = 1) -> None: ...
async def keywords(**keys: int) -> None: ...
def not_async() -> None: ...
async def stream() -> Any:
    yield 1


class Holder:
    async def method(self, one: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "fits"),
    [
        (plain, {0}),
        (two, {1, 2}),
        (many, {1, 2, 3, 4}),
        (keyword, set()),  # it is called at once, and says itself what does not fit
        (keywords, {0}),
        (Holder().method, {1}),
        (Holder.method, {2}),
        (not_async, set()),
        (stream, set()),
        (partial(plain), set()),
        (len, set()),
        (Holder, set()),
        (None, set()),
    ],
    ids=lambda given: getattr(given, "__qualname__", None),
)
def test_what_gives_a_coroutine_when_it_is_called(steps: Any, function: Any, fits: set[int]) -> None:
    assert {count for count in range(5) if steps.gives_coroutine(function, count)} == fits


@pytest.mark.parametrize("number", [0, 1, 0xFFFFFFF, 0x10000000, (1 << 60) - 1])
def test_a_number_makes_a_pid_and_is_found_in_it(steps: Any, number: int) -> None:
    node = Atom("here@localhost")
    pid = steps.nth_pid(node, number, 7)
    assert pid == Pid(node, number & 0xFFFFFFF, number >> 28, 7)
    assert (pid.id, pid.serial, pid.creation, pid.node) == (number & 0xFFFFFFF, number >> 28, 7, node)
    assert steps.number_of(pid) == number


def test_the_number_of_a_pid_that_cannot_be_sent(steps: Any) -> None:
    node = Atom("here@localhost")
    assert steps.number_of(Pid(node, 1 << 70, 0, 0)) == 1 << 70
    assert steps.nth_pid(node, 5, 1 << 70) == Pid(node, 5, 0, 1 << 70)


def test_what_the_collector_is_spared_it_may_see_again(steps: Any) -> None:
    given: list[Any] = [[]]
    steps.spared_by_collector(given)
    gc.collect()
    for _ in range(2):
        steps.seen_by_collector(given)
        assert gc.is_tracked(given)
    gc.collect()
    assert given == [[]]


def test_the_clock_goes_on_and_the_thread_is_this_one(steps: Any) -> None:
    assert steps.clock() <= steps.clock()
    assert steps.this_thread() == get_ident()


def test_who_is_called_back_sees_the_context_and_what_it_raises_comes_back(steps: Any) -> None:
    class Raises(steps.Callback):  # type: ignore[misc,name-defined]
        def call_back(self) -> Any:
            ONE.set("within")
            if OTHER.get() == "fail":
                raise KeyError("no")
            return "its result"

    context = Context()
    assert steps.call_in(context, Raises()) == "its result"
    assert context[ONE] == "within"
    assert ONE.get(None) is None
    context.run(OTHER.set, "fail")
    with pytest.raises(KeyError, match="no"):
        steps.call_in(context, Raises())
    # It has left the context: it can be entered again.
    assert context.run(ONE.get) == "within"


def test_what_has_nothing_to_be_called_back_for_says_so(steps: Any) -> None:
    with pytest.raises(NotImplementedError):
        steps.call_in(Context(), steps.Callback())


def test_of_a_class_or_of_one_that_is_made_of_it(steps: Any) -> None:
    assert steps.is_a(True, int)
    assert steps.is_a(1, int)
    assert not steps.is_a(1, bool)
    assert not steps.is_a(None, int)


def test_the_task_that_runs_is_asyncio_s_current_one_until_it_is_left(steps: Any) -> None:
    loop = asyncio.new_event_loop()
    task, other = object(), object()
    try:
        steps.enter_task(loop, task)
        assert asyncio.current_task(loop) is task
        for second in (task, other):
            with pytest.raises(RuntimeError, match="while another task"):
                steps.enter_task(loop, second)
        with pytest.raises(RuntimeError, match="does not match the current task"):
            steps.leave_task(loop, other)
        assert asyncio.current_task(loop) is task
        steps.leave_task(loop, task)
        assert asyncio.current_task(loop) is None
        with pytest.raises(RuntimeError, match="does not match the current task"):
            steps.leave_task(loop, task)
    finally:
        loop.close()


async def test_a_task_of_asyncio_is_not_entered_from_within_another(steps: Any) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    with pytest.raises(RuntimeError, match="while another task"):
        steps.enter_task(loop, object())
    steps.leave_task(loop, task)
    try:
        assert asyncio.current_task() is None
    finally:
        steps.enter_task(loop, task)
    assert asyncio.current_task() is task
