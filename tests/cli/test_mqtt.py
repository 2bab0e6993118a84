"""`pyerlnode mqtt`: a bridge from a configuration file."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import mosquitto_server
import pytest

from pyerlnode.testing import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "pyerlnode", "mqtt", "--sname", "bridge@localhost", "--cookie", "secret"]


@pytest.fixture
def mosquitto() -> Iterator[Callable[..., mosquitto_server.Mosquitto]]:
    yield from mosquitto_server.brokers()


def test_a_bridge_from_a_file(mosquitto: Callable[..., mosquitto_server.Mosquitto], tmp_path: Path) -> None:
    broker = mosquitto()
    (tmp_path / "handlers.py").write_text("def up(topic, payload, properties):\n    return payload.upper()\n")
    (tmp_path / "bridge.toml").write_text(
        f'[mqtt]\nbrokers = ["{broker.url}"]\n[[route]]\nfilter = "up"\nfunction = "handlers:up"\n'
    )
    with subprocess.Popen(
        [*COMMAND, "--epmd-port", str(free_port()), "bridge.toml"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    ) as bridge:  # fmt: skip
        assert bridge.stdout is not None
        assert bridge.stdout.readline().startswith("bridge@localhost up port=")
        asked = subprocess.run(
            ["mosquitto_rr", "-p", str(broker.port), "-V", "5", "-t", "up", "-e", "e", "-m", "x", "-W", "30"],
            capture_output=True, text=True, timeout=40, check=False,
        )  # fmt: skip
        bridge.terminate()
        assert (asked.stdout, asked.stderr) == ("X\n", "")
        assert bridge.wait(30) == 0


def test_the_will_of_a_bridge_that_is_killed(
    mosquitto: Callable[..., mosquitto_server.Mosquitto], tmp_path: Path
) -> None:
    broker = mosquitto()
    (tmp_path / "bridge.toml").write_text(f'[mqtt]\nbrokers = ["{broker.url}"]\n[presence]\n')
    watch = ["mosquitto_sub", "-p", str(broker.port), "-v", "-t", "pyerlnode/nodes/+", "-C", "3", "-W", "40"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        for end in (signal.SIGKILL, signal.SIGTERM):
            with subprocess.Popen(
                [*COMMAND, "--epmd-port", str(free_port()), "bridge.toml"],
                cwd=tmp_path, stdout=subprocess.DEVNULL,
            ) as bridge:  # fmt: skip
                seen = watching.stdout.readline()
                assert seen == "pyerlnode/nodes/bridge@localhost bridge@localhost\n"
                bridge.send_signal(end)
            if end is signal.SIGKILL:
                assert watching.stdout.readline() == "pyerlnode/nodes/bridge@localhost (null)\n"
    gone = subprocess.run([*watch[:-4], "-W", "1"], capture_output=True, text=True, timeout=40, check=False)
    assert gone.stdout == ""


@pytest.mark.parametrize(
    ("text", "wrong"),
    [(None, "bridge.toml: No such file or directory"), ("[mqtt]", "bridge.toml: mqtt: brokers is missing")],
)
def test_a_file_that_is_wrong(text: str | None, wrong: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "bridge.toml").write_text(text)
    done = subprocess.run(
        [*COMMAND, "--epmd-port", str(free_port()), "bridge.toml"],
        cwd=tmp_path, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"pyerlnode mqtt: {wrong}") and done.stderr.count("\n") == 1
