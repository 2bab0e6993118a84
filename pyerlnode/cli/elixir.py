"""`pyerlnode elixir`: where the Elixir module PyNode is, which Mix projects copy.

    cp $(pyerlnode elixir) lib/

Proof: tests/cli/test_command_line.py, interop/test_py_node.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyerlnode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """It has no arguments."""


def run(options: argparse.Namespace) -> int:
    print(Path(pyerlnode.__file__).parent / "elixir" / "py_node.ex")
    return 0
