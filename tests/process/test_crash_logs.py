"""What the log says of a process that ends by an exception."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest
from process_tools import settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.process.reasons import exc_info
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.process import Runtime


def raised(function: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        function()
    return caught.value


def functions(error: BaseException) -> list[str]:
    info = exc_info(error)
    assert info is not None
    return [frame.name for frame in traceback.extract_tb(info[2])]


def test_the_frames_of_this_package_are_cut_at_both_ends() -> None:
    from pyerlnode.services.io_lib import format as io_format

    def theirs() -> None:
        io_format(b"~q", [1])

    error = raised(theirs)
    assert len(traceback.extract_tb(error.__traceback__)) > 3
    assert functions(error) == ["raised", "theirs"]


def test_where_no_code_is_theirs_an_error_of_erlang_is_said_by_its_text_and_another_in_full() -> None:
    bare = BadArg("what is wrong")
    assert exc_info(bare) is None
    assert exc_info(Exit(Atom("boom"))) is None
    assert exc_info(None) is None
    bug = TypeError("a bug")
    assert exc_info(bug) == (TypeError, bug, None)


async def test_a_line_has_the_reason_as_elixir_writes_it_and_the_programs_frames(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise ErlangError((Atom("bad"), b"\x1b[2J", [1] * 100_000))

    process = runtime.spawn(fails())
    await settled()
    (record,) = caplog.records
    assert f"Error in process <Process {process.pid}> on node here@localhost: " in caplog.text
    assert '{:bad, "\\e[2J", [1, 1, 1, ' in caplog.text
    assert len(record.getMessage()) < 2200
    assert record.exc_info is not None
    assert [frame.name for frame in traceback.extract_tb(record.exc_info[2])] == ["fails"]


async def test_a_name_of_another_nodes_choice_does_nothing_to_the_terminal(runtime: Runtime) -> None:
    async def waits() -> None:
        await erl.receive()

    process = runtime.spawn(waits())
    erl.register(Atom("\x1b[2J"), process.pid)
    assert repr(process) == f'<Process {process.pid} :"\\e[2J">'
