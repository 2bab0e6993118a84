"""Writing on a descriptor without waiting for it."""

from __future__ import annotations

import asyncio
import io as streams
import os
import pty
import threading
import tty
from typing import TYPE_CHECKING

import pytest
from unread import Pipe, open_files

from pyerlnode.services.outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


async def test_what_fits_is_written_at_once_behind_what_python_has_kept(pipe: Pipe) -> None:
    outlet = Outlet(pipe.end)
    pipe.end.write("kept, ")
    outlet.write("é\n")
    await outlet.drained()
    assert outlet.waiting == 0
    assert await pipe.read(9) == "kept, é\n"


async def test_a_long_text_leaves_in_order_while_it_is_read_and_nothing_is_left(pipe: Pipe) -> None:
    files = open_files()
    outlet = Outlet(pipe.end)
    text = "".join(f"{number:09}\n" for number in range(1_000_000))
    outlet.write(text)
    outlet.write("end\n")
    assert outlet.waiting > 9_000_000
    waiting = [asyncio.ensure_future(outlet.drained()) for _ in range(2)]
    read = await pipe.read(len(text))
    assert read == text
    assert await pipe.read(4) == "end\n"
    await asyncio.gather(*waiting)
    assert open_files() == files


async def test_each_waits_for_its_own_text_only(pipe: Pipe) -> None:
    outlet = Outlet(pipe.end)
    filled = pipe.fill()
    outlet.write("a" * 4096)
    first = asyncio.ensure_future(outlet.drained())
    await asyncio.sleep(0)
    outlet.write("b" * 100_000)
    second = asyncio.ensure_future(outlet.drained())
    await asyncio.sleep(0)
    await pipe.read(filled)
    await first
    assert not second.done()
    assert await pipe.read(104_096) == "a" * 4096 + "b" * 100_000
    await second


async def test_who_gives_up_leaves_nothing(pipe: Pipe) -> None:
    files = open_files()
    outlet = Outlet(pipe.end)
    filled = pipe.fill()
    outlet.write("lost")
    waiting = asyncio.ensure_future(outlet.drained())
    await asyncio.sleep(0)
    assert open_files() == files + 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (outlet.waiting, open_files()) == (0, files)
    await pipe.read(filled)
    outlet.write("next")
    assert await pipe.read(4) == "next"


async def test_a_reader_that_goes_away_is_told_to_those_who_wait_and_to_the_next(pipe: Pipe) -> None:
    files = open_files()
    outlet = Outlet(pipe.end)
    pipe.fill()
    outlet.write("lost")
    waiting = asyncio.ensure_future(outlet.drained())
    await asyncio.sleep(0)
    pipe.stop_reading()
    with pytest.raises(BrokenPipeError):
        await waiting
    with pytest.raises(BrokenPipeError):
        outlet.write("x")
    assert (outlet.waiting, open_files()) == (0, files - 1)


async def test_two_may_write_on_one_descriptor(pipe: Pipe) -> None:
    one, two = Outlet(pipe.end), Outlet(pipe.end)
    filled = pipe.fill()
    one.write("1" * 100_000)
    two.write("2" * 100_000)
    waiting = asyncio.gather(one.drained(), two.drained())
    text = await pipe.read(filled + 200_000)
    await waiting
    assert (text.count("1"), text.count("2")) == (100_000, 100_000)


async def test_without_anybody_waiting_it_leaves_all_the_same(pipe: Pipe) -> None:
    outlet = Outlet(pipe.end, alone=False)
    filled = pipe.fill()
    outlet.write("x" * 100_000)
    await pipe.read(filled)
    assert await pipe.read(100_000) == "x" * 100_000
    pipe.fill()
    outlet.write("dropped")
    outlet.close()
    assert outlet.waiting == 0


async def test_a_thread_hands_its_text_to_the_loop(pipe: Pipe) -> None:
    outlet = Outlet(pipe.end)
    outlet.write("loop\n")
    thread = threading.Thread(target=outlet.write, args=("thread\n",))
    thread.start()
    thread.join()
    assert await pipe.read(12) == "loop\nthread\n"


def test_without_a_loop_it_is_written_at_once(pipe: Pipe) -> None:
    outlet = Outlet(pipe.end)
    outlet.write("before\n")
    assert asyncio.run(pipe.read(7)) == "before\n"


async def test_files_and_streams_without_a_descriptor_take_everything(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w", encoding="ascii") as file:
        for stream in (file, kept := streams.StringIO()):
            outlet = Outlet(stream)
            outlet.write("x" * 1_000_000 + "é")
            assert outlet.waiting == 0
            await outlet.drained()
    assert path.read_text() == "x" * 1_000_000 + "\\xe9"
    assert kept.getvalue() == "x" * 1_000_000 + "é"


async def test_nothing_is_too_much_for_the_null_device() -> None:
    with os.fdopen(os.open(os.devnull, os.O_WRONLY), "w") as null:
        outlet = Outlet(null)
        outlet.write("x" * 10_000_000)
        await outlet.drained()
        assert outlet.waiting == 0


async def test_a_terminal_that_nobody_reads_holds_nothing_up() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    with os.fdopen(slave, "w") as terminal:
        outlet = Outlet(terminal)
        outlet.write("x" * 1_000_000)
        waiting = asyncio.ensure_future(outlet.drained())
        seen = 0
        while seen < 1_000_000:
            seen += len(await asyncio.to_thread(os.read, master, 65536))
        await waiting
        assert seen == 1_000_000
    os.close(master)


async def test_a_closed_stream_says_so(pipe: Pipe) -> None:
    outlet = Outlet(pipe.end)
    pipe.close()
    with pytest.raises(ValueError, match="closed"):
        outlet.write("x")
