"""Which codec runs, and that a value of one is a value of the other."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest

from pyerlnode.term import IMPLEMENTATION, Atom, ImproperList, Pid, Port, Reference

VALUES = [
    Atom("ok"),
    Pid("a@h", 1, 2, 3),
    Port("a@h", 1, 2),
    Reference("a@h", 1, (2, 3)),
    ImproperList([1], 2),
]


def python(program: str, **environment: str) -> str:
    """What the program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return done.stdout.strip()


@pytest.mark.skipif(
    os.environ.get("PYERLNODE_NATIVE_REQUIRED") != "1", reason="PYERLNODE_NATIVE_REQUIRED is not 1"
)
def test_the_native_codec_is_the_one_that_is_tested() -> None:
    assert IMPLEMENTATION == "native"


def test_the_pure_codec_can_be_asked_for() -> None:
    program = "import pyerlnode.term as t; print(t.IMPLEMENTATION, t.encode.__module__, t.Pid.__module__)"
    assert python(program, PYERLNODE_PURE="1") == "pure pyerlnode.term._encode pyerlnode.term.types"


def test_a_native_codec_that_is_not_there_is_done_without() -> None:
    program = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pyerlnode.term._native':\n"
        "            raise ModuleNotFoundError(f'no {name}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import pyerlnode.term as t\n"
        "print(t.IMPLEMENTATION)"
    )
    assert python(program, PYERLNODE_PURE="") == "pure"


def test_a_native_codec_that_cannot_be_loaded_is_an_error() -> None:
    program = (
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pyerlnode.term._native':\n"
        "            raise ModuleNotFoundError('no hashlib', name='hashlib')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "try:\n"
        "    import pyerlnode.term\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error)"
    )
    assert python(program, PYERLNODE_PURE="") == "no hashlib"


@pytest.mark.parametrize("pure", ["", "1"])
def test_what_one_codec_pickled_the_other_reads(pure: str) -> None:
    program = (
        "import pickle, sys\n"
        f"values = pickle.loads(bytes.fromhex({pickle.dumps(VALUES).hex()!r}))\n"
        "print(values, pickle.dumps(values).hex(), sep='\\n')"
    )
    shown, pickled = python(program, PYERLNODE_PURE=pure).splitlines()
    assert shown == repr(VALUES)
    assert pickle.loads(bytes.fromhex(pickled)) == VALUES


@pytest.mark.parametrize("pure", ["", "1"])
def test_a_class_looks_the_same(pure: str) -> None:
    program = (
        "import pyerlnode.term as t\n"
        "print(t.Atom, t.Pid, t.Port, t.Reference, t.ImproperList)\n"
        "print([k.__match_args__ for k in (t.Pid, t.Port, t.Reference, t.ImproperList)])"
    )
    kinds = (Pid, Port, Reference, ImproperList)
    expected = [f"{Atom} " + " ".join(map(str, kinds)), str([kind.__match_args__ for kind in kinds])]
    assert python(program, PYERLNODE_PURE=pure).splitlines() == expected
