"""What programs give of the wrong type is refused where they give it, with what is wanted and what came."""

# mypy: disable-error-code="arg-type, call-arg, list-item, dict-item, func-returns-value"

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, TermEncodeError, UsageError
from pyerlnode.otp import (
    Agent,
    Application,
    DynamicSupervisor,
    GenServer,
    GenStatem,
    PartitionSupervisor,
    Registry,
    Reply,
    Store,
    Supervisor,
    Table,
    Task,
    TaskSupervisor,
    sys,
)
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

WRONG_TIMEOUT = "a timeout is 0 to .* seconds, not 'soon'"
NO_SERVER = r"5 is no pid, name, \(name, node\)"
NO_NAME = r"expected :name option to be one of the following(.|\n)*Got: 5"
NO_FUNCTION = "a task is a function with its arguments"
NO_CHILD = "a child is a class of servers"
ONE = Atom("$1")


class Server(GenServer):
    def init(self) -> None:
        pass

    def handle_call(self, request: Any, caller: Any) -> Reply:
        return Reply(request)


class Machine(GenStatem):
    def init(self) -> Any:
        raise AssertionError("it must not be started")


async def never() -> None:
    await asyncio.Event().wait()


@dataclass
class There:
    """What the functions are tried on."""

    server: Pid
    agent: Pid
    supervisor: Pid
    dynamic: Pid
    tasks: Pid
    task: Task
    table: Table


async def made() -> There:
    """In the process of the test itself."""
    erl.process_flag("trap_exit", True)
    await Registry.start_link(keys="unique", name="Names")
    Registry.register("Names", "key", 5)
    return There(
        await Server.start_link(),
        await Agent.start_link(0),
        await Supervisor.start_link([], strategy="one_for_one"),
        await DynamicSupervisor.start_link(),
        await TaskSupervisor.start_link(),
        await Task.async_(never),
        Table.new("table"),
    )


async def outcome(result: Any) -> Any:
    if isinstance(result, AsyncIterable):
        return [each async for each in result]
    return await result if isinstance(result, Awaitable) else result


CASES: list[tuple[str, Callable[[Any], Any], str]] = [
    # --- servers
    ("call: server", lambda t: GenServer.call(5, 1), NO_SERVER),
    ("call: pair", lambda t: GenServer.call((1, 2), 1), r"\(1, 2\) is no pid"),
    ("call: timeout", lambda t: GenServer.call(t.server, 1, "soon"), WRONG_TIMEOUT),
    ("call: boolean timeout", lambda t: GenServer.call(t.server, 1, True), "seconds, not True"),
    ("cast: server", lambda t: GenServer.cast(5, 1), NO_SERVER),
    ("reply: caller", lambda t: GenServer.reply(5, 1), "a reply goes to what the call came with"),
    ("stop: server", lambda t: GenServer.stop(5), NO_SERVER),
    ("stop: timeout", lambda t: GenServer.stop(t.server, "normal", "soon"), WRONG_TIMEOUT),
    ("multi_call: name", lambda t: GenServer.multi_call(5, 1), "an atom is made from text, not from int"),
    ("multi_call: timeout", lambda t: GenServer.multi_call("x", 1, ["n@h"], "soon"), WRONG_TIMEOUT),
    ("abcast: nodes", lambda t: GenServer.abcast("x", 1, 5), "nodes: a list of node names is wanted, not 5"),
    ("abcast: node", lambda t: GenServer.abcast("x", 1, [5]), "a list of node names is wanted; 5 is none"),
    ("send_request: server", lambda t: GenServer.send_request(5, 1), NO_SERVER),
    (
        "wait_response: request",
        lambda t: GenServer.wait_response(5),
        "what send_request gave is wanted, not 5",
    ),
    (
        "check_response: request",
        lambda t: GenServer.check_response(5),
        "what send_request gave is wanted, not 5",
    ),
    (
        "receive_response: request",
        lambda t: GenServer.receive_response(5),
        "what send_request gave is wanted",
    ),
    (
        "receive_response: timeout",
        lambda t: GenServer.receive_response(GenServer.send_request(t.server, 1), "soon"),
        WRONG_TIMEOUT,
    ),
    (
        "wait_response: timeout",
        lambda t: GenServer.wait_response(GenServer.send_request(t.server, 1), "soon"),
        WRONG_TIMEOUT,
    ),
    ("start_link: name", lambda t: Server.start_link(name=5), NO_NAME),
    ("start_link: timeout", lambda t: Server.start_link(timeout="soon"), WRONG_TIMEOUT),
    ("start_link: debug", lambda t: Server.start_link(debug=5), "debug: a list of options is wanted, not 5"),
    ("start_link: option", lambda t: Server.start_link(what=5), "expected one of the options"),
    ("machine: name", lambda t: Machine.start_link(name=5), NO_NAME),
    ("machine: timeout", lambda t: Machine.start_link(timeout="soon"), WRONG_TIMEOUT),
    ("machine: call", lambda t: GenStatem.call(5, 1), NO_SERVER),
    ("machine: call timeout", lambda t: GenStatem.call(t.server, 1, "soon"), WRONG_TIMEOUT),
    ("machine: stop timeout", lambda t: GenStatem.stop(t.server, "normal", "soon"), WRONG_TIMEOUT),
    (
        "machine: receive_response",
        lambda t: GenStatem.receive_response(5),
        "what send_request gave is wanted",
    ),
    # --- agents
    ("agent: function", lambda t: Agent.get(t.agent, 5), "an agent takes a function"),
    ("agent: arguments", lambda t: Agent.update(t.agent, "m", "f", 5), "an agent takes a function"),
    ("agent: timeout", lambda t: Agent.get(t.agent, len, timeout="soon"), WRONG_TIMEOUT),
    ("agent: cast", lambda t: Agent.cast(t.agent, 5), "an agent takes a function"),
    ("agent: start", lambda t: Agent.start_link(), "an agent starts with a function"),
    ("agent: start timeout", lambda t: Agent.start_link(0, timeout="soon"), WRONG_TIMEOUT),
    # --- registries
    ("registry: keys", lambda t: Registry.start_link(keys=5, name="x"), "expected :keys to be given"),
    (
        "registry: name",
        lambda t: Registry.start_link(keys="unique", name=5),
        "expected :name to be an atom, got: 5",
    ),
    (
        "registry: partitions",
        lambda t: Registry.child(keys="unique", name="x", partitions="y"),
        "positive integer",
    ),
    (
        "registry: meta",
        lambda t: Registry.child(keys="unique", name="x", meta=5),
        "meta: a dict is wanted, not 5",
    ),
    ("registry: register", lambda t: Registry.register(5, 1), "a registry is known by its name, not by 5"),
    (
        "registry: update",
        lambda t: Registry.update_value("Names", "key", 5),
        "a function of the value is wanted",
    ),
    ("registry: process", lambda t: Registry.keys("Names", 5), "a pid is wanted, not 5"),
    ("registry: values", lambda t: Registry.values("Names", "key", 5), "a pid is wanted, not 5"),
    (
        "registry: guards",
        lambda t: Registry.match("Names", "key", ONE, 5),
        "a list of guards is wanted, not 5",
    ),
    (
        "registry: unregister_match",
        lambda t: Registry.unregister_match("Names", "key", ONE, 5),
        "a list of guards is wanted, not 5",
    ),
    (
        "registry: one guard",
        lambda t: Registry.match("Names", "key", ONE, (Atom(">"), ONE, 3)),
        "a list of guards is wanted, not",
    ),
    (
        "registry: guard by plain text",
        lambda t: Registry.match("Names", "key", ONE, [(">", ONE, 3)]),
        r"Atom\('>'\), not '>'",
    ),
    ("registry: empty guard", lambda t: Registry.match("Names", "key", ONE, [()]), "{} is no guard"),
    ("registry: guard by a number", lambda t: Registry.match("Names", "key", ONE, [(5, ONE)]), "is no guard"),
    ("registry: select", lambda t: Registry.select("Names", 5), "invalid match specification"),
    ("registry: dispatch", lambda t: Registry.dispatch("Names", "key", 5), "dispatch wants a function"),
    ("registry: meta key", lambda t: Registry.put_meta("Names", 5, 1), "a name or a tuple as its key, not 5"),
    # --- supervisors
    ("supervisor: children", lambda t: Supervisor.start_link(5, strategy="one_for_one"), "children: a list"),
    ("supervisor: child", lambda t: Supervisor.start_link([5], strategy="one_for_one"), NO_CHILD),
    ("supervisor: strategy", lambda t: Supervisor.start_link([], strategy=5), "strategy: one of .* not 5"),
    ("supervisor: start_child", lambda t: Supervisor.start_child(t.supervisor, 5), NO_CHILD),
    ("supervisor: which_children", lambda t: Supervisor.which_children(5), NO_SERVER),
    ("supervisor: stop", lambda t: Supervisor.stop(t.supervisor, "normal", "soon"), WRONG_TIMEOUT),
    (
        "dynamic: max_children",
        lambda t: DynamicSupervisor.start_link(max_children="x"),
        "max_children: an integer",
    ),
    ("dynamic: start_child", lambda t: DynamicSupervisor.start_child(t.dynamic, 5), NO_CHILD),
    ("partition: child", lambda t: PartitionSupervisor.start_link(5, name="P"), NO_CHILD),
    (
        "partition: partitions",
        lambda t: PartitionSupervisor.start_link(Server, name="P", partitions="x"),
        "must be a positive integer",
    ),
    # --- tasks
    ("tasks: name", lambda t: TaskSupervisor.start_link(name=5), NO_NAME),
    ("tasks: function", lambda t: TaskSupervisor.async_nolink(t.tasks, 5), NO_FUNCTION),
    ("tasks: supervisor", lambda t: TaskSupervisor.start_child(5, never), NO_SERVER),
    ("tasks: restart", lambda t: TaskSupervisor.start_child(t.tasks, never, restart="x"), "restart: one of"),
    ("tasks: shutdown", lambda t: TaskSupervisor.async_(t.tasks, never, shutdown="x"), "shutdown: seconds"),
    (
        "tasks: stream",
        lambda t: TaskSupervisor.async_stream(t.tasks, 5, never),
        "something iterable, not of 5",
    ),
    ("task: function", lambda t: Task.async_(5), NO_FUNCTION),
    ("task: await_", lambda t: Task.await_(5), "a Task is wanted, not 5"),
    ("task: await_ timeout", lambda t: Task.await_(t.task, "soon"), WRONG_TIMEOUT),
    ("task: await_many", lambda t: Task.await_many(5), "a list of tasks is wanted, not 5"),
    (
        "task: await_many generator",
        lambda t: Task.await_many(each for each in [t.task]),
        "a list of tasks is wanted",
    ),
    ("task: await_many element", lambda t: Task.await_many([5]), "a Task is wanted, not 5"),
    ("task: await_many timeout", lambda t: Task.await_many([t.task], "soon"), WRONG_TIMEOUT),
    ("task: yield_ timeout", lambda t: Task.yield_(t.task, "soon"), WRONG_TIMEOUT),
    ("task: yield_many timeout", lambda t: Task.yield_many([t.task], "soon"), WRONG_TIMEOUT),
    (
        "task: yield_many limit",
        lambda t: Task.yield_many([t.task], 0, limit="x"),
        "limit: an integer .* not 'x'",
    ),
    ("task: ignore", lambda t: Task.ignore(5), "a Task is wanted, not 5"),
    ("task: shutdown", lambda t: Task.shutdown(t.task, "soon"), "a number of seconds, None or brutal_kill"),
    ("task: shutdown timeout", lambda t: Task.shutdown(t.task, (1,)), r"seconds, not \(1,\)"),
    ("task: stream", lambda t: Task.async_stream(5, never), "something iterable, not of 5"),
    ("task: stream timeout", lambda t: Task.async_stream([1], never, timeout="soon"), WRONG_TIMEOUT),
    # --- tables, stores, applications
    ("table: name", lambda t: Table.new(5), "an atom is made from text, not from int"),
    ("table: object", lambda t: t.table.insert([5]), "an object is a tuple with a key, not 5"),
    ("table: position", lambda t: t.table.update_element(1, "x", 1), "the element x cannot be replaced"),
    (
        "table: lookup",
        lambda t: t.table.insert((1, 2)) and t.table.lookup_element(1, "x"),
        "has an element x",
    ),
    ("table: heir", lambda t: t.table.set_heir(5), "the heir of a table is a process of its node, not 5"),
    ("store: url", lambda t: Store.open(5), "a store is named by a URL, .* not by 5"),
    ("application: start", lambda t: Application.start(5), "an application is a name"),
    ("application: function", lambda t: Application.from_function(5), "an async function is wanted, not 5"),
    (
        "application: children",
        lambda t: Application.from_children(5),
        "child specifications is wanted, not 5",
    ),
    (
        "application: all",
        lambda t: Application.ensure_all_started(5),
        "a list of applications is wanted, not 5",
    ),
    ("application: pid", lambda t: Application.get_application(5), "a pid is wanted, not 5"),
    ("application: values", lambda t: Application.put_all_env({"x": 5}), "a dict of its values, is wanted"),
    # --- sys
    ("sys: server", lambda t: sys.get_state(5), NO_SERVER),
    ("sys: timeout", lambda t: sys.get_state(t.server, "soon"), WRONG_TIMEOUT),
]


@pytest.mark.parametrize(("call", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_wrong_input_is_refused(call: Callable[[Any], Any], message: str) -> None:
    there = await made()
    with pytest.raises((BadArg, UsageError, TermEncodeError)) as error:
        await outcome(call(there))
    assert re.search(message, str(error.value)), str(error.value)


async def test_nothing_is_left_of_what_was_refused(runtime: Runtime) -> None:
    """What was refused has started nothing, and ended nobody."""
    there = await made()
    before = set(runtime.processes())
    for _, call, _ in CASES:
        with pytest.raises((BadArg, UsageError, TermEncodeError)):
            await outcome(call(there))
    assert set(runtime.processes()) == before
