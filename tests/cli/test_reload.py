"""`pyerlnode run --reload`: a file is written, and the servers of the running node follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.testing import PythonNode, free_port

if TYPE_CHECKING:
    from pathlib import Path

SERVER = """
import sys
from pyerlnode import GenServer

class Counter(GenServer):
    def init(self):
        self.count = 3

    def code_change(self, old_version, extra):
        self.count += 1
        print("VERSION", self.count, file=sys.stderr, flush=True)
"""
MAIN = """
from server import Counter
children = [Counter]
"""


def test_a_changed_file_is_loaded_again(tmp_path: Path) -> None:
    source = tmp_path / "server.py"
    source.write_text(SERVER)
    (tmp_path / "main.py").write_text(MAIN)
    node = PythonNode(
        "kate@localhost",
        f"{tmp_path / 'main.py'}:children",
        cookie="secret",
        epmd_port=free_port(),
        options=("--reload",),
    )
    source.write_text(SERVER.replace("VERSION", "second version"))
    node.wait_for_output("second version 4\n")
    source.write_text("class Counter(:\n")
    node.wait_for_output("server was not loaded again, the old code goes on: SyntaxError")
    source.write_text(SERVER.replace("VERSION", "the third version"))
    node.wait_for_output("the third version 5\n")
    assert node.stop() == 0
    assert "Traceback" not in node.transcript
