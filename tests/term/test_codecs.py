"""Both codecs make the same of the same bytes, valid, mutated and random, errors included.

PYERLNODE_CODEC_CASES says how many are tried; a million where there is time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyerlnode.term import IMPLEMENTATION

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
CASES = int(os.environ.get("PYERLNODE_CODEC_CASES", "20000"))

pytestmark = pytest.mark.skipif(IMPLEMENTATION == "pure", reason="there is only the pure codec")


def fuzz_codecs(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "fuzz_codecs.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.timeout(120 + CASES // 200)
def test_both_codecs_make_the_same_of_the_same_bytes() -> None:
    done = fuzz_codecs("--cases", str(CASES))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"codecs: {CASES} cases of seed 1, no difference\n"


def test_a_case_can_be_seen_alone() -> None:
    done = fuzz_codecs("--case", "17")
    assert done.returncode == 0
    assert done.stdout.startswith("codecs: --seed 1 --case 17, ")
    assert done.stdout.count("exit code 0") == 2
