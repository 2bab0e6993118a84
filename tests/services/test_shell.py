"""The remote shell between Python nodes: what it reads, runs, shows and leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

import pyerlnode as erl
from pyerlnode import Atom, ErlangError, Pid, charlist, erpc
from pyerlnode.errors import UsageError
from pyerlnode.services import DEFAULT_SERVICES
from pyerlnode.services.shell import trace
from pyerlnode.services.shell.completion import Completion, complete

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

THERE = "alex@localhost"
PROMPT = f"py({THERE})"
LATER = object()  # a line that is never typed


class Person:
    """A terminal that types lines and keeps what it is shown; the process itself is the I/O server."""

    def __init__(self, *lines: Any) -> None:
        self.lines = list(lines)
        self.shown = ""
        self.shell: Pid

    async def sit(self, *start: Any) -> Any:
        """Until the shell has ended; why."""
        await self.begin(*start)
        return await self.stay()

    async def begin(self, module: str = "shell", args: Any = ()) -> None:
        erl.process_flag("trap_exit", True)
        erl.group_leader(erl.self())
        self.shell = await erpc.call(THERE, module, "start", list(args))
        erl.link(self.shell)

    async def stay(self) -> Any:
        while True:
            message: Any = await erl.receive(timeout=10)
            match message:
                case ("io_request", asker, ref, request):
                    answer = self.answer(request)
                    if answer is not LATER:
                        erl.send(asker, (Atom("io_reply"), ref, answer))
                case ("EXIT", pid, reason) if pid == self.shell:
                    return reason

    def answer(self, request: Any) -> Any:
        match request:
            case ("put_chars", "unicode", text):
                self.shown += text.decode()
                return Atom("ok")
            case ("get_line", "unicode", prompt):
                self.shown += prompt.decode()
                line = self.lines.pop(0) if self.lines else Atom("eof")
                return line if line is LATER or isinstance(line, (Atom, tuple)) else f"{line}\n".encode()
        return (Atom("error"), Atom("request"))

    def answers(self) -> list[str]:
        """What was shown between the prompts that ask for something new."""
        parts = self.shown.split(PROMPT)[1:]
        return [part.partition("> ")[2].removesuffix("\n") for part in parts]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        yield cluster


@pytest.fixture
async def alex(cluster: Cluster) -> Node:
    node: Node = await cluster.start("alex", remsh=True)
    return node


@pytest.fixture
async def kate(cluster: Cluster, alex: Node) -> Node:
    node: Node = await cluster.start("kate")
    return node


async def typed(kate: Node, *lines: Any) -> list[str]:
    """What each of the lines is answered with; the shell ends as at the end of the input."""
    person = Person(*lines)
    assert await run(kate, person.sit) == "normal"
    assert person.shown.startswith("Python ")
    return person.answers()


async def test_values_statements_and_blocks(kate: Node) -> None:
    lines = [
        "1 + 1",
        "_ * 21",
        "None",
        "x = 5; x + 1",
        "if x:",
        "    print(x, 'y', sep='-', end='')",
        "",
        "",
        "'é'",
    ]
    assert await typed(kate, *lines) == [
        "2", "42", "", "6", f"...({THERE})5> ...({THERE})5> 5-y", "", "'é'", ""
    ]  # fmt: skip


async def test_await_at_the_top_and_the_names_of_the_package(kate: Node) -> None:
    assert await typed(
        kate,
        "import asyncio",
        "await asyncio.sleep(0, 'slept')",
        "[await asyncio.sleep(0, n) for n in range(3)]",
        "me = self(); send(me, 1); send(me, Atom('two'))",
        "flush()",
        "flush()",
        "send(me, 3) and await receive(timeout=1)",
        "str(node())",
        "exit",
        "exit(spawn(asyncio.sleep, 60), 'kill')",
    ) == [
        "",
        "'slept'",
        "[0, 1, 2]",
        "Atom('two')",
        "1\nAtom('two')",
        "",
        "3",
        f"'{THERE}'",
        "exit() leaves this shell; exit(pid, reason) sends an exit signal",
        "True",
        "",
    ]


async def test_a_traceback_shows_what_was_typed_and_nothing_of_this_package(kate: Node) -> None:
    block, *others = await typed(
        kate,
        "async def ask():",
        "    return await GenServer.call('nobody', 1)",
        "",
        "await ask()",
        "raise KeyboardInterrupt",
        "1 +",
        "x = '",
        "\0",
        "1",
    )
    crash, interrupt, incomplete, quote, null, one, _ = others
    assert block.startswith("...")
    assert crash.splitlines()[0] == "Traceback (most recent call last):"
    assert 'File "<shell 2>", line 1, in <module>' in crash
    assert "    return await GenServer.call('nobody', 1)\n" in crash
    assert crash.splitlines()[-1].startswith("pyerlnode.errors.NoProc")
    assert crash.count("File ") == 2
    assert interrupt.endswith("KeyboardInterrupt")
    assert "SyntaxError: invalid syntax" in incomplete
    assert "SyntaxError: unterminated string" in quote
    assert "null bytes" in null
    assert one == "1"


async def test_exit_leaves_and_so_does_a_lost_terminal(kate: Node) -> None:
    assert await typed(kate, "x = 1", "exit()", "never") == ["", ""]
    assert await typed(kate, "import sys", "sys.exit(3)", "never") == ["", ""]
    assert await typed(kate, (Atom("error"), Atom("terminated"))) == [""]


async def test_an_interrupted_line_is_forgotten(kate: Node) -> None:
    answers = await typed(kate, "if True:", (Atom("error"), Atom("interrupted")), "7")
    assert answers == [f"...({THERE})1> ", "7", ""]


async def test_an_interrupt_stops_what_waits_and_nothing_else(kate: Node) -> None:
    person = Person(
        "me = self()", "import asyncio", "print('waits'); await asyncio.sleep(60)", "me == self()"
    )

    async def interrupt() -> None:
        await until(lambda: person.shown.endswith("waits\n"))
        erl.exit(person.shell, "interrupt")

    async def body() -> Any:
        await person.begin()
        erl.spawn_link(interrupt)
        return await person.stay()

    assert await run(kate, body) == "normal"
    assert person.answers()[2:] == ["waits\nKeyboardInterrupt", "True", ""]


async def test_another_process_takes_over_when_the_one_at_the_prompt_ends(kate: Node) -> None:
    answers = await typed(kate, "x = self()", "exit(self(), Atom('bad'))", "x == self()")
    assert answers[1].startswith("** (EXIT from #PID<")
    assert answers[1].endswith(">) :bad")
    assert answers[2:] == ["False", ""]


@pytest.mark.parametrize("how", ["left", "killed", "lost"])
async def test_what_was_started_ends_with_the_shell(kate: Node, alex: Node, how: str) -> None:
    lines = ["import asyncio", "register('left_over', spawn(asyncio.sleep, 600))"]
    person = Person(*lines, *([] if how == "left" else [LATER]))

    async def end() -> None:
        await until(lambda: not person.lines)
        if how == "killed":
            erl.exit(person.shell, "kill")
        elif how == "lost":
            kate.disconnect(THERE)

    async def body() -> Any:
        await person.begin()
        erl.spawn_link(end)
        return await person.stay()

    reason = await run(kate, body)
    assert reason == {"left": "normal", "killed": "killed", "lost": "noconnection"}[how]
    await until(lambda: not [p for p in alex.runtime.processes() if p.group_leader.node == kate.name])
    assert alex.runtime.registered_process("left_over") is None


async def test_iex_is_waited_for_and_helped_with_tab(kate: Node) -> None:
    person = Person("1 + 1")

    async def body() -> Any:
        ref, parent = erl.make_ref(), erl.self()
        args = [[], (Atom("iex"), Atom("sync_remote"), [parent, ref])]
        await person.begin("iex", args)
        begin: Any = await erl.receive(lambda m: isinstance(m, tuple) and m[0] == "begin", timeout=10)
        assert begin[1] == ref
        assert person.shown == ""
        erl.send(begin[2], (Atom("done"), ref))
        return await person.stay()

    assert await run(kate, body) == "normal"
    assert person.answers() == ["2", ""]


async def test_completion_as_the_three_kinds_of_terminals_ask(kate: Node) -> None:
    person = Person("class Thing: left, leaf = 1, 2", "", LATER)
    answers: list[Any] = []

    async def ask() -> None:
        await until(lambda: not person.lines)
        for module, args in (
            ("edlin_expand", ["x = Thi"]),
            ("edlin_expand", ["Thing.le"]),
            ("edlin_expand", ["Thing.le", []]),
            ("Elixir.IEx.Autocomplete", ["Thing.le", person.shell]),
            ("Elixir.IEx.Autocomplete", ["nothing_like_it", None]),
            ("Elixir.IEx.Autocomplete", ["", None]),
        ):
            line, *more = args
            answers.append(await erpc.call(THERE, module, "expand", [charlist(line[::-1]), *more]))
        erl.exit(person.shell, "kill")

    async def body() -> Any:
        await person.begin()
        erl.spawn_link(ask)
        return await person.stay()

    assert await run(kate, body) == "killed"
    choices = [charlist("Thing.leaf"), charlist("Thing.left")]
    title, elems, options = Atom("title"), Atom("elems"), Atom("options")
    shown = {title: [], elems: [(choice, []) for choice in choices], options: [(Atom("hide"), title)]}
    assert answers == [
        ("yes", charlist("ng"), []),
        ("yes", [], choices),
        ("yes", [], [shown]),
        ("yes", [], choices),
        ("no", [], []),
        ("yes", charlist("    "), []),
    ]


@pytest.mark.parametrize("module", ["shell", "iex", "Elixir.IEx", "edlin_expand", "Elixir.IEx.Autocomplete"])
async def test_a_node_that_was_not_opened_has_no_shell(kate: Node, module: str) -> None:
    async def refused(function: str, *args: Any) -> Any:
        with pytest.raises(ErlangError) as failed:
            await erpc.call("kate@localhost", module, function, list(args))
        return failed.value.reason[1]

    async def body() -> None:
        for node, loaded in (("kate@localhost", False), (THERE, True)):
            assert await erpc.call(node, "code", "module_loaded", [Atom(module)]) is loaded
            assert (Atom(module) in dict(await erpc.call(node, "code", "all_loaded", []))) is loaded
        assert await refused("start") == "undef"
        assert await refused("expand", [], []) == "undef"
        assert await refused("module_info") == "undef"

    await run(kate, body)


def test_completion_of_names_and_attributes() -> None:
    space = {"number": 1, "text": "x", "thing": object()}
    assert complete("numb", space) == Completion(True, "er", [])
    assert complete("f(text.isalp", space) == Completion(True, "ha", [])
    assert complete("te", {"text": 1, "temper": 2}).choices == ["temper", "text"]
    assert complete("1 +", space) == Completion(False, "", [])
    assert complete("  ", space) == Completion(True, "    ", [])
    assert complete("absent.x", space) == Completion(False, "", [])


def test_a_cause_is_shown_without_frames_of_this_package_too() -> None:
    def wrap() -> None:
        try:
            erl.self()
        except UsageError as error:
            raise ValueError("outer") from error

    with pytest.raises(ValueError, match="outer") as raised:
        wrap()
    text = trace.text(raised.value)
    assert "direct cause" in text
    assert "runtime.py" not in text
    assert "test_shell.py" in text
