"""A node that ends with whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyerlnode.testing import free_port

if TYPE_CHECKING:
    from pathlib import Path

RUN = [sys.executable, "-m", "pyerlnode", "run", "--sname", "kate@localhost", "--cookie", "secret"]
CHILDREN = "children = []\n"
# What tells that it was begun, and never comes to an end.
ENDLESS = "import sys, time\nprint('begun', file=sys.__stderr__, flush=True)\nwhile True: time.sleep(60)\n"
GRACE = "import pyerlnode.cli.starter as starter\nstarter.Starter.__init__.__defaults__ = (0.1,)\n"


def started(directory: Path, source: str) -> subprocess.Popen[str]:
    (directory / "program.py").write_text(source)
    command = [*RUN, "--exit-on-eof", f"{directory}/program.py:children"]
    variables = os.environ | {"ERL_EPMD_PORT": str(free_port())}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=variables)


def test_it_stops_when_its_standard_input_ends(tmp_path: Path) -> None:
    with started(tmp_path, CHILDREN) as program:
        assert program.stdout is not None and program.stdin is not None
        assert " up port=" in program.stdout.readline()
        program.stdin.write("what is written is of no interest\n")
        program.stdin.flush()
        assert program.poll() is None
        program.stdin.close()
        assert program.wait(20) == 0


@pytest.mark.parametrize("at", ["import", "loop"])
def test_a_program_that_holds_everything_ends_a_little_later(tmp_path: Path, at: str) -> None:
    command = "from pyerlnode.cli.main import main\nimport sys\nsys.exit(main(sys.argv[1:]))\n"
    held = ENDLESS if at == "import" else f"async def children():\n{_indented(ENDLESS)}"
    (tmp_path / "program.py").write_text(held)
    (tmp_path / "main.py").write_text(GRACE + command)
    arguments = [*RUN[3:], "--exit-on-eof", f"{tmp_path}/program.py:children"]
    variables = os.environ | {"ERL_EPMD_PORT": str(free_port())}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py"), *arguments],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
    ) as program:
        try:
            assert program.stderr is not None and program.stdin is not None
            assert program.stderr.readline() == "begun\n"
            program.stdin.close()
            assert program.wait(20) == 1
        finally:
            program.kill()


def _indented(source: str) -> str:
    return "".join(f"    {line}\n" for line in source.splitlines())
