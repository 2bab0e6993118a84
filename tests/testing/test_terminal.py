"""Shells in a pseudo terminal, with a small shell of Python's in the BEAM's place."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from pyerlnode.testing import HarnessError
from pyerlnode.testing.terminal import Terminal

# Signals are taken by a thread that waits for them: a handler could be left waiting while
# `input` begins to read.
SHELL = """
import os, signal, sys, threading
SIGNALS = {signal.SIGINT, signal.SIGWINCH}
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
def tell():
    while True:
        found = signal.sigwait(SIGNALS)
        print("interrupted" if found == signal.SIGINT else f"size {os.get_terminal_size()}", flush=True)
threading.Thread(target=tell, daemon=True).start()
print("hello")
while True:
    line = input("ready> ")
    if line == "quit": sys.exit(4)
    if line == "slow": print("first"); print("second")
    elif line: print("you said", line)
"""


@pytest.fixture
def shell():
    argv = [sys.executable, "-c", SHELL]
    with Terminal("a shell", argv, {**os.environ, "TERM": "xterm"}, rows=24, columns=100) as terminal:
        yield terminal


def test_a_command_gives_what_stands_between_it_and_the_next_prompt(shell):
    assert shell.wait_for_prompt() == "ready>"
    assert shell.command("grüß") == "you said grüß"
    assert shell.command("slow") == "first\nsecond"
    assert shell.command("") == ""


def test_expectations_are_met_in_order(shell):
    shell.expect("hello")
    shell.wait_for_prompt()
    shell.type("slow")
    shell.expect("second")
    with pytest.raises(HarnessError, match="did not show 'first' on the screen: not in time"):
        shell.expect("first", timeout=0.1)


def test_keys_and_window_size_arrive_as_a_terminal_sends_them(shell):
    shell.wait_for_prompt()
    shell.press("\x03")
    shell.expect("interrupted")
    shell.resize(30, 132)
    shell.expect("size os.terminal_size(columns=132, lines=30)")


def test_the_end_of_the_program_is_noticed(shell):
    shell.wait_for_prompt()
    shell.type("quit")
    assert shell.wait_for_end() == 4
    with pytest.raises(HarnessError, match=r"it has ended \(exit code 4\)"):
        shell.expect("more")


def test_closing_ends_the_program(shell):
    shell.wait_for_prompt()
    shell.close()
    assert shell.returncode == -signal.SIGKILL
