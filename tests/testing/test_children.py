"""Processes of the operating system that a test starts: any program will do."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

from pyerlnode.testing import HarnessError
from pyerlnode.testing.children import Child


def python(source: str) -> Child:
    return Child("a program", [sys.executable, "-u", "-c", source], os.environ)


def test_output_and_errors_are_collected_and_waited_for():
    with python("import sys; print('to out'); print('to err', file=sys.stderr)") as child:
        assert child.wait_for_output("to out") == "to out"
        assert child.wait_for_output(re.compile("to e(rr|nd)")) == "to err"
        assert child.wait() == 0
        assert child.errors == "to err\n"
        # Two pipes: the order between them, and of the ends of their lines, is nobody's promise.
        assert sorted(child.output) == sorted("to out\nto err\n")


def test_a_line_is_found_though_another_pipe_has_written_half_a_one():
    source = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"up" + os.linesep.encode()))
os.write(2, b"half a ")
signal.pause()
"""
    with python(source) as child:
        child.wait_for_output("half a ")
        child.signal(signal.SIGUSR1)
        assert child.wait_for_line(re.compile("^up$", re.MULTILINE)) == "up"
        assert child.output == "half a up\n"


def test_waiting_begins_where_it_is_told_to():
    with python("print('tick'); print('tock')") as child:
        child.wait_for_output("tock")
        with pytest.raises(HarnessError, match="did not write 'tick': it has ended"):
            child.wait_for_output("tick", since=child.mark())


def test_a_text_that_never_comes_is_an_error_with_the_output():
    with (
        python("import time; print('something else'); time.sleep(60)") as child,
        pytest.raises(HarnessError, match=r"(?s)not after 0\.3 s; it wrote"),
    ):
        child.wait_for_output("hello", timeout=0.3)
    assert child.returncode == -signal.SIGKILL


def test_the_last_words_of_a_program_that_ends_are_found():
    with python("import sys; sys.exit('last words')") as child:
        assert child.wait_for_output("last words") == "last words"
        assert child.wait() == 1


def test_a_program_that_does_not_end_in_time_is_an_error():
    with python("import time; time.sleep(60)") as child:
        with pytest.raises(HarnessError, match="still runs after"):
            child.wait(timeout=0.05)
        child.suspend()
        assert child.alive
        child.resume()
        assert child.kill() == -signal.SIGKILL
        child.signal(signal.SIGTERM)  # nothing: that pid may belong to somebody else now
