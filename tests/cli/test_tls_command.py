"""`pyerlnode tls init`, and nodes of the command that take what it has made."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tls_files import write_options

from pyerlnode.cli.main import main
from pyerlnode.testing import PythonNode, free_port

ECHO = str(Path(__file__).parent.parent.parent / "interop" / "echo.py")


@pytest.fixture
def options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["tls", "init", str(tmp_path / "tls"), "--host", "localhost"]) == 0
    return capsys.readouterr().out.strip()


def client(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pyerlnode",
        arguments[0],
        "--cookie",
        "secret",
        "--epmd-port",
        str(port),
    ]
    return subprocess.run([*command, *arguments[1:]], capture_output=True, text=True, timeout=40)


def test_the_files_are_made_once_and_the_key_is_secret(
    options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "tls"
    assert options == str(directory / "ssl_dist.conf")
    assert sorted(file.name for file in directory.iterdir()) == [
        "ca.pem",
        "cert.pem",
        "key.pem",
        "ssl_dist.conf",
    ]
    assert stat.S_IMODE((directory / "key.pem").stat().st_mode) == 0o600
    before = (directory / "key.pem").read_bytes()
    assert main(["tls", "init", str(directory), "--host", "localhost"]) == 1
    assert "has ca.pem and cert.pem and key.pem and ssl_dist.conf already" in capsys.readouterr().err
    assert (directory / "key.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "k\u00e4te"], "--host k\u00e4te"),
        (["--host", "box", "--days", "0"], "--days is 0"),
    ],
)
def test_what_no_certificate_can_say_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["tls", "init", str(tmp_path / "tls"), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_without_the_package_that_makes_certificates_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.delitem(sys.modules, "pyerlnode.node.certificates", raising=False)
    assert main(["tls", "init", str(tmp_path / "tls"), "--host", "box"]) == 2
    assert "pip install cryptography" in capsys.readouterr().err


def test_a_node_and_its_clients_with_tls(options: str, tmp_path: Path) -> None:
    port = free_port()
    expired = write_options(tmp_path / "expired", client="expired")
    with PythonNode(
        "kate@localhost", f"{ECHO}:app", cookie="secret", epmd_port=port, options=("--tls", options)
    ) as kate:
        done = client(port, "ping", "--tls", options, "kate@localhost")
        assert (done.stdout, done.stderr, done.returncode) == ("pong\n", "", 0)
        done = client(port, "call", "--tls", options, "kate@localhost", ":erlang", "node")
        assert (done.stdout, done.stderr, done.returncode) == (":kate@localhost\n", "", 0)
        done = client(port, "ping", "kate@localhost")
        assert (done.stdout, done.returncode) == ("pang\n", 1)
        kate.wait_for_output("it does not speak TLS")
        done = client(port, "ping", "--tls", expired, "kate@localhost")
        assert (done.stdout, done.returncode) == ("pang\n", 1)
        # Another CA signed kate's certificate.
        (line,) = done.stderr.splitlines()
        assert "its certificate is of an unknown CA" in line
        done = client(port, "ping", "--tls", str(tmp_path / "none.conf"), "kate@localhost")
        assert (done.stdout, done.returncode) == ("", 2)
        assert done.stderr.count("\n") == 1 and "none.conf: No such file" in done.stderr
        assert kate.stop() == 0
