"""The command as a shell sees it: exit codes, one line for a mistake, the line that says up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pyerlnode.testing import PythonNode, free_port

ROOT = Path(__file__).parent.parent.parent
ECHO = str(ROOT / "interop" / "echo.py")


def pyerlnode(
    *arguments: str, port: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"ERL_EPMD_PORT": str(port or free_port())} | environment
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pyerlnode", *arguments],
        capture_output=True,
        text=True,
        timeout=40,
        env=variables,
    )


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The only line on stderr; stdout is empty and the exit code is `code`."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


RUN = ["run", "--sname", "kate@localhost", "--cookie", "secret"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (["run", f"{ECHO}:app"], "--sname"),
        (["run", "--sname", "a", "--name", "b@h.x", f"{ECHO}:app"], "not allowed"),
        ([*RUN], "TARGET"),
        ([*RUN, "--epmd-port", "many", f"{ECHO}:app"], "many"),
        ([*RUN, "--epmd-port", "70000", f"{ECHO}:app"], "70000"),
        ([*RUN, "--net-ticktime", "-1", f"{ECHO}:app"], "net_ticktime"),
        ([*RUN, "--zdbbl", "0", f"{ECHO}:app"], "dist_buf_busy_limit"),
        ([*RUN, "--sbwt", "often", f"{ECHO}:app"], "very_short"),
        (["run", "--sname", "kate@host.domain", "--cookie", "s", f"{ECHO}:app"], "long names"),
        (["run", "--sname", "ka te@localhost", "--cookie", "s", f"{ECHO}:app"], "ka te"),
        (["run", "--sname", "@localhost", "--cookie", "s", f"{ECHO}:app"], "node name"),
        ([*RUN, ECHO], "file.py:attr"),
        ([*RUN, "nowhere.py:app"], "nowhere.py"),
        ([*RUN, "no.such.module:app"], "no.such.module"),
        ([*RUN, f"{ECHO}:nothing"], "nothing"),
        ([*RUN, f"{ECHO}:Any"], "Application"),
        (["call", "kate@localhost", "lists", "sum", "[1,"], "no term"),
        (["call", "--timeout", "nan", "kate@localhost", "lists", "sum"], "nan"),
        (["call", "--timeout", "-1", "kate@localhost", "lists", "sum"], "-1"),
        (["ping", "kate"], "node name"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    assert said in one_line(pyerlnode(*arguments), 2)


def test_a_level_of_the_log_that_there_is_not_is_one_line() -> None:
    said = one_line(pyerlnode(*RUN, f"{ECHO}:app", PYERLNODE_LOG="loud"), 2)
    assert "PYERLNODE_LOG is 'loud'" in said and "DEBUG" in said


def test_a_node_runs_without_standard_output_and_says_that_it_needs_input() -> None:
    command = [sys.executable, "-m", "pyerlnode", *RUN, "--exit-on-eof", f"{ECHO}:app"]
    closed = {}
    for stream in ("0<&-", "1>&-"):
        closed[stream] = subprocess.run(
            ["sh", "-c", f'exec "$@" {stream}', "sh", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=40,
            env=os.environ | {"ERL_EPMD_PORT": str(free_port())},
        )
    assert "--exit-on-eof: there is no standard input" in one_line(closed["0<&-"], 2)
    assert (closed["1>&-"].returncode, closed["1>&-"].stderr) == (0, "")


def test_a_target_that_cannot_be_loaded_says_where(tmp_path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import os\n\nraise RuntimeError('while loading')\n")
    line = one_line(pyerlnode(*RUN, f"{broken}:app"), 2)
    assert "while loading" in line
    assert "line 3" in line
    broken.write_text("def app(:\n")
    assert "SyntaxError" in one_line(pyerlnode(*RUN, f"{broken}:app"), 2)


def test_a_cookie_file_that_others_can_read_is_refused(tmp_path) -> None:
    cookie = tmp_path / ".erlang.cookie"
    cookie.write_text("secret")
    cookie.chmod(0o644)
    environment = {"HOME": str(tmp_path)}
    done = pyerlnode("run", "--sname", "kate@localhost", f"{ECHO}:app", **environment)
    assert str(cookie) in one_line(done, 2)


def test_a_start_that_fails_is_one_line_and_exit_code_1(tmp_path) -> None:
    target = tmp_path / "failing.py"
    target.write_text("async def app():\n    raise ValueError('no database')\n")
    done = pyerlnode(*RUN, f"{target}:app")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("pyerlnode run: the application did not start")
    assert "no database" in done.stderr.splitlines()[-1]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def kate(port):
    node = PythonNode("kate@localhost", f"{ECHO}:app", cookie="secret", epmd_port=port)
    yield node
    node.close()


def test_a_taken_name_is_exit_code_1(kate, port) -> None:
    assert "name kate is taken" in one_line(pyerlnode(*RUN, f"{ECHO}:app", port=port), 1)


def test_the_line_that_says_up_is_true(kate, port) -> None:
    assert kate.name == "kate@localhost"
    assert kate.epmd == f"127.0.0.1:{port}"
    assert kate.creation > 0
    with socket.create_connection(("127.0.0.1", kate.port), timeout=5):
        pass
    assert pyerlnode("names", port=port).stdout == f"kate at port {kate.port}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(kate, port, number) -> None:
    kate.signal(number)
    assert kate.wait(10) == 0
    assert kate.output.count("\n") == 1


def test_ping(kate, port) -> None:
    done = pyerlnode("ping", "kate@localhost", "--cookie", "secret", port=port)
    assert (done.returncode, done.stdout, done.stderr) == (0, "pong\n", "")
    done = pyerlnode("ping", "nobody@localhost", "--cookie", "secret", port=port)
    assert (done.returncode, done.stdout) == (1, "pang\n")
    said = f"{{:nodedown, :nobody@localhost}}: EPMD on localhost, port {port}, knows no node named nobody"
    assert done.stderr == f"pyerlnode ping: {said}\n"


@pytest.mark.parametrize(
    ("peer", "cookie", "said"),
    [
        ("kate@a..b", "secret", "host 'a..b' is unknown"),
        ("kate@localhost", "wrong", "the cookies differ"),
    ],
)
def test_why_a_node_is_not_reached_is_one_line(kate, port, peer, cookie, said) -> None:
    for command in (["ping"], ["call"], ["remsh"]):
        further = ["lists", "sum", "[]"] if command == ["call"] else []
        done = pyerlnode(*command, peer, *further, "--cookie", cookie, port=port)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 1 and said in line and line.startswith(f"pyerlnode {command[0]}: ")


def test_call_of_what_is_not_exported(kate, port) -> None:
    done = pyerlnode("call", "kate@localhost", "file", "list_dir", '"/"', "--cookie", "secret", port=port)
    assert one_line(done, 1) == "pyerlnode call: :undef in :file.list_dir/1\n"


def test_call_of_the_library(kate, port) -> None:
    done = pyerlnode("call", "kate@localhost", "lists", "sum", "[1, 2]", "--cookie", "secret", port=port)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_call_of_a_node_that_is_not_there(kate, port) -> None:
    done = pyerlnode("call", "nobody@localhost", "lists", "sum", "[1, 2]", "--cookie", "secret", port=port)
    assert one_line(done, 1).startswith("pyerlnode call: {:nodedown, :nobody@localhost}: EPMD on localhost")


def test_names_without_an_epmd() -> None:
    assert "EPMD" in one_line(pyerlnode("names"), 1)


def test_epmd_serves_and_ends(port) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-m", "pyerlnode", "epmd", "--port", str(port)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == f"epmd up port={port}\n"
        node = PythonNode("late@localhost", f"{ECHO}:app", cookie="secret", epmd_port=port)
        assert pyerlnode("names", port=port).stdout.startswith("late at port ")
        assert node.stop() == 0
        assert "in use" in one_line(pyerlnode("epmd", "--port", str(port)), 1)
        daemon.terminate()
        assert daemon.wait(10) == 0
    finally:
        daemon.kill()
        daemon.wait()
        daemon.stdout.close()


def test_version_says_which_codec_runs() -> None:
    done = pyerlnode("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("pyerlnode ")
    assert done.stdout.endswith(" codec)\n")


def test_a_function_as_target_is_up_when_it_first_receives(tmp_path, port) -> None:
    target = tmp_path / "function.py"
    target.write_text(
        "import pyerlnode as erl\n"
        "from pyerlnode import Atom\n"
        "async def app():\n"
        "    erl.register('main', erl.self())\n"
        "    while True:\n"
        "        await erl.receive()\n"
    )
    node = PythonNode("kate@localhost", f"{target}:app", cookie="secret", epmd_port=port)
    assert node.stop() == 0


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("ends", "the application did not start: :survived"),
        ("kill", "the node's first process was killed"),
    ],
)
def test_what_an_exit_signal_to_the_first_process_does(tmp_path, reason, said) -> None:
    target = tmp_path / "attacked.py"
    target.write_text(
        "import pyerlnode as erl\n"
        "from pyerlnode import Atom, Exit\n"
        "async def app():\n"
        "    [first] = [p.pid for p in erl.this_process().runtime.processes() if p.owner is not None]\n"
        f"    erl.exit(first, {reason!r})\n"
        "    raise Exit(Atom('survived'))\n"
    )
    done = pyerlnode(*RUN, f"{target}:app")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"pyerlnode run: {said}"
    assert "Traceback" not in done.stderr


def test_elixir_says_where_the_module_for_mix_projects_is() -> None:
    done = pyerlnode("elixir")
    assert (done.returncode, done.stderr) == (0, "")
    source = Path(done.stdout.rstrip("\n"))
    assert source.name == "py_node.ex"
    assert source.read_text().startswith("defmodule PyNode do\n")
    assert "extra" in one_line(pyerlnode("elixir", "extra"), 2)
