"""The I/O protocol: its client, and the terminal of a node as its server."""

from __future__ import annotations

import asyncio
import io as streams
from typing import TYPE_CHECKING, Any

import pytest
from clusters import until

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, UsageError
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import builtins, io, modules, user
from pyerlnode.services.modules import Module
from pyerlnode.services.user import IoServer
from pyerlnode.term import Atom, ImproperList, charlist, equal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

tested = Module("TestIo")


@tested.export
def text(*parts: Any) -> Any:
    return [b"made of ", *parts]


@tested.export
def fails() -> None:
    raise RuntimeError("on purpose")


@tested.export
async def waits() -> None:
    await asyncio.sleep(0)


@tested.export
def until_dot(continuation: Any, data: Any) -> Any:
    if data == "eof":
        return (Atom("done"), Atom("eof"), Atom("eof"))
    seen = [*continuation, *data]
    if ord(".") not in seen:
        return (Atom("more"), seen)
    end = seen.index(ord("."))
    return (Atom("done"), (Atom("ok"), bytes(seen[:end])), seen[end + 1 :])


@tested.export
def fails_to_take(continuation: Any, data: Any) -> Any:
    raise KeyError("no")


class Out(streams.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]  # of a terminal


class Terminal:
    """What the node's terminal shows, and what is typed."""

    def __init__(self, typed: str = "") -> None:
        self.out = Out()
        self.typed = streams.StringIO(typed)


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime("here@localhost", 1)
    current_runtime.set(made)
    builtins.load()
    made.apply_hook = modules.apply
    made.before_end = io.flush
    yield made
    await made.stop(Atom("shutdown"))


def lead(runtime: Runtime, typed: str = "") -> Out:
    """Give the runtime a terminal; what it shows."""
    terminal = Terminal(typed)
    process = runtime.spawn(IoServer(terminal.out, terminal.typed))
    runtime.group_leader = process.pid
    erl.group_leader(process.pid)
    return terminal.out


async def request(*parts: Any) -> Any:
    return await io.request(tuple(Atom(part) if type(part) is str else part for part in parts))


# --- output -------------------------------------------------------------------------------


async def test_puts_write_inspect_and_print(runtime: Runtime) -> None:
    out = lead(runtime)
    assert await io.puts("héłłö ✓ 漢") == "ok"
    await io.write("a")
    await io.write(b"b\n")
    assert await io.inspect({Atom("a"): [1, "x"]}) == {"a": [1, "x"]}
    io.print("c", 1, None, sep="-")
    io.print("d", end="")
    await io.puts((Atom("a"), 1.5))
    await io.puts()
    assert out.getvalue() == 'héłłö ✓ 漢\nab\n%{a: [1, "x"]}\nc-1-nil\nd{:a, 1.5}\n\n'


async def test_all_forms_of_text(runtime: Runtime) -> None:
    out = lead(runtime)
    for chars in (b"a", charlist("b"), [b"c", [100, ["é".encode()]]], ImproperList([101], b"f"), []):
        assert await request("put_chars", "unicode", chars) == "ok"
    assert await request("put_chars", "latin1", b"\xe9") == "ok"
    assert await request("put_chars", b"\xe9") == "ok"
    assert await request("put_chars", "latin1", [0xE9, ImproperList([120], b"\xe9")]) == "ok"
    assert out.getvalue() == "abcdéef" + "é" + "é" + "éxé"


async def test_text_that_a_function_makes(runtime: Runtime) -> None:
    out = lead(runtime)
    assert await request("put_chars", "unicode", "io_lib", "format", [b"~s is ~p~n", [b"x", 1]]) == "ok"
    assert await request("put_chars", "unicode", tested.name, "text", [b"parts"]) == "ok"
    assert out.getvalue() == "x is 1\nmade of parts"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("put_chars", "unicode", b"\xff"), ("put_chars", "unicode", b"\xff")),
        (("put_chars", "unicode", [-1]), ("put_chars", "unicode", [-1])),
        (("put_chars", "latin1", [300]), ("put_chars", "latin1", [300])),
        (("put_chars", "unicode", 5), ("put_chars", "unicode", 5)),
        (("put_chars", "unicode", "io_lib", "format", [b"~p", []]), "format"),
        (("put_chars", "unicode", "io_lib", "format", [b"~p", 5]), "format"),
        (("put_chars", "unicode", "nobody", "there", []), "there"),
        (("put_chars", "unicode", "Elixir.TestIo", "fails", []), "fails"),
        (("put_chars", "unicode", "Elixir.TestIo", "waits", []), "waits"),
        (("nonsense",), "request"),
        (("setopts", [5]), "enotsup"),
        (("setopts", [(Atom("echo"), False)]), "enotsup"),
        (("get_geometry", "columns"), "enotsup"),
        (("get_password", "unicode"), "enotsup"),
        (("get_chars", "unicode", b"", 0), "request"),
        (("get_until", "unicode", b"", "nobody", "there", []), "there"),
        (("get_until", "unicode", b"", tested.name, "fails_to_take", []), "fails_to_take"),
    ],
)
async def test_what_cannot_be_served_is_refused_and_nothing_breaks(
    runtime: Runtime, parts: Any, reason: Any
) -> None:
    out = lead(runtime, "line\n")
    with pytest.raises(ErlangError) as refused:
        await request(*parts)
    assert refused.value.reason == reason
    assert await io.puts("still here") == "ok"
    assert out.getvalue() == "still here\n"


async def test_requests_are_served_in_turn_up_to_the_first_failure(runtime: Runtime) -> None:
    out = lead(runtime, "typed\n")
    puts = [(Atom("put_chars"), Atom("unicode"), text) for text in (b"a", b"b")]
    assert await request("requests", puts) == "ok"
    with pytest.raises(ErlangError):
        await request("requests", [puts[0], Atom("nonsense"), puts[1]])
    line = (Atom("get_line"), Atom("unicode"), b"> ")
    assert await request("requests", [puts[1], line]) == charlist("typed\n")
    assert out.getvalue() == "abab> "


async def test_options(runtime: Runtime) -> None:
    lead(runtime, "é\né\n✓\n")
    assert dict(await io.request(Atom("getopts")))["binary"] is False
    assert await request("get_line", "unicode", b"") == charlist("é\n")
    assert await request("setopts", [(Atom("binary"), True), (Atom("encoding"), Atom("latin1"))]) == "ok"
    options = dict(await io.request(Atom("getopts")))
    assert (options["binary"], options["encoding"], options["terminal"]) == (True, "latin1", False)
    assert await request("get_line", b"") == b"\xe9\n"
    with pytest.raises(ErlangError) as refused:
        await request("get_line", "latin1", b"")
    assert equal(refused.value.reason, (Atom("no_translation"), Atom("unicode"), Atom("latin1")))
    assert await io.columns() is None


# --- input --------------------------------------------------------------------------------


async def test_lines_and_the_end(runtime: Runtime) -> None:
    out = lead(runtime, "first ✓\nlast")
    assert await io.gets("name? ") == "first ✓\n"
    assert await io.gets() == "last"
    assert await io.gets() is None
    assert out.getvalue() == "name? "


async def test_characters_are_taken_out_of_lines(runtime: Runtime) -> None:
    lead(runtime, "ab\ncdef\n")
    assert await request("get_chars", "unicode", b"", 4) == charlist("ab\nc")
    assert await io.gets() == "def\n"
    assert await request("get_chars", "unicode", b"", 4) == "eof"


async def test_a_function_says_when_it_has_read_enough(runtime: Runtime) -> None:
    lead(runtime, "a\nb.c\n")
    ask = ("get_until", "unicode", b"", tested.name, "until_dot", [])
    assert await request(*ask) == ("ok", b"a\nb")
    assert await io.gets() == "c\n"
    assert await request(*ask) == "eof"


async def test_output_goes_on_while_somebody_is_asked(runtime: Runtime) -> None:
    out = Out()

    class Slow(streams.StringIO):
        def readline(self, size: Any = -1, /) -> str:
            asyncio.run_coroutine_threadsafe(gate.wait(), runtime.loop).result()
            return "typed\n"

    gate = asyncio.Event()
    server = runtime.spawn(IoServer(out, Slow()))
    erl.group_leader(server.pid)

    async def ask() -> None:
        lines.append(await io.gets("? "))

    lines: list[Any] = []
    asking = runtime.spawn(ask(), erl.this_process())
    again = runtime.spawn(ask(), erl.this_process())
    await io.puts("meanwhile")
    await io.puts("and again")
    assert lines == []
    gate.set()
    await until(lambda: not asking.alive and not again.alive)
    assert lines == ["typed\n", "typed\n"]
    assert out.getvalue().replace("? ", "") == "meanwhile\nand again\n"


# --- group leaders ------------------------------------------------------------------------


async def test_children_have_the_group_leader_of_who_spawns_them(runtime: Runtime) -> None:
    out = lead(runtime)

    async def child() -> None:
        await io.puts("from the child")

    _, ref = erl.spawn_monitor(child)
    await erl.receive(lambda m: m[1] == ref, timeout=5)
    assert out.getvalue() == "from the child\n"


async def test_a_dead_group_leader_is_terminated(runtime: Runtime) -> None:
    lead(runtime)
    erl.exit(erl.group_leader(), "kill")
    for wait in (io.puts("x"), io.gets()):
        with pytest.raises(ErlangError) as refused:
            await wait
        assert refused.value.reason == "terminated"
    io.print("to nobody")
    with pytest.raises(ErlangError):
        await io.puts("x", device="nobody")


async def test_one_that_dies_while_it_is_asked_is_terminated(runtime: Runtime) -> None:
    async def dies() -> None:
        await erl.receive()

    erl.group_leader(erl.spawn(dies))
    with pytest.raises(ErlangError) as refused:
        await io.puts("x")
    assert refused.value.reason == "terminated"


async def test_one_that_answers_and_ends_at_once_has_answered(runtime: Runtime) -> None:
    async def answers() -> None:
        _, sender, ref, (kind, encoding, chars) = await erl.receive()
        assert (kind, encoding, chars) == ("put_chars", "unicode", b"x\n")
        erl.send(sender, (Atom("io_reply"), ref, Atom("ok")))

    erl.group_leader(erl.spawn(answers))
    assert await io.puts("x") == "ok"


async def test_nothing_is_left_of_requests(runtime: Runtime) -> None:
    lead(runtime)
    await io.puts("x")
    sizes = len(runtime.aliases), len(runtime.processes())
    for _ in range(20):
        await io.puts("x")
    assert (len(runtime.aliases), len(runtime.processes())) == sizes
    process = erl.this_process()
    assert process.mailbox is None or len(process.mailbox) == 0


@pytest.mark.parametrize("message", [5, (), ("io_request", 1, 2, 3), ("io_request", 1), ("io_reply", 1, 2)])
async def test_nonsense_is_dropped(runtime: Runtime, message: Any) -> None:
    out = lead(runtime)
    await io.puts("a")
    made = tuple(Atom(part) if isinstance(part, str) else part for part in message) if message != 5 else 5
    erl.send(erl.group_leader(), made)
    erl.send("pyerlnode_io_replies", made)
    await io.puts("b")
    assert out.getvalue() == "a\nb\n"


async def test_a_def_callback_cannot_wait_but_print(runtime: Runtime) -> None:
    out = lead(runtime)
    seen: list[Any] = []

    class Behaviour:
        def start(self, process: Any) -> None:
            io.print("printed")
            waiting = io.puts("x")
            try:
                waiting.send(None)
            except UsageError as error:
                seen.append(error)

        def message(self, message: Any) -> None: ...

    runtime.spawn(Behaviour(), erl.this_process())
    await until(lambda: seen)
    await io.puts("after")
    assert out.getvalue() == "printed\nafter\n"


async def test_half_a_surrogate_pair_is_shown(runtime: Runtime) -> None:
    out = lead(runtime)
    await io.puts("\ud800")
    assert out.getvalue() == "\\ud800\n"


async def test_a_closed_terminal_is_terminated(runtime: Runtime) -> None:
    out = lead(runtime)
    out.close()
    with pytest.raises(ErlangError) as refused:
        await io.puts("x")
    assert refused.value.reason == "terminated"


async def test_a_node_has_user_first() -> None:
    from types import SimpleNamespace

    from pyerlnode.services import DEFAULT_SERVICES

    assert DEFAULT_SERVICES[0] is user.service
    made = Runtime("here@localhost", 1)
    current_runtime.set(made)
    node: Any = SimpleNamespace(runtime=made)
    out = Out()
    user.service(node, out, streams.StringIO())
    assert erl.whereis("user") == made.group_leader == erl.group_leader()
    await io.puts("x")
    assert out.getvalue() == "x\n"
    await made.stop(Atom("shutdown"))
