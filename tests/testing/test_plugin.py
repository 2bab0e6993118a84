"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]


def loaded_after_importing(module: str, *suspects: str) -> list[str]:
    """Those of `suspects` that a fresh interpreter has loaded after importing `module`."""
    source = f"import sys, {module}; print(*[name for name in {suspects!r} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_package_needs_no_extra_to_be_imported():
    assert loaded_after_importing("pyerlnode.testing", "pytest", "pexpect") == []


def test_the_plugin_loads_nothing_before_a_test_asks_for_it():
    suspects = "pexpect", "pyerlnode.testing.beams", "pyerlnode.testing.nodes", "pyerlnode.testing.terminal"
    assert loaded_after_importing("pyerlnode.testing.plugin", *suspects) == []


def test_a_test_that_asks_for_a_beam_where_there_is_none_fails_the_run(pytester, monkeypatch):
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.setenv("PYERLNODE_BEAM_ROOTS", "")
    monkeypatch.delenv("PYERLNODE_BEAMS_REQUIRED", raising=False)
    pytester.makepyfile("def test_one(beam): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*required BEAM not found: any; found: none*"])


def test_a_distributed_test_is_skipped_where_there_is_no_erlang(pytester, monkeypatch):
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.setenv("PYERLNODE_BEAM_ROOTS", "")
    monkeypatch.delenv("PYERLNODE_BEAMS_REQUIRED", raising=False)
    pytester.makepyfile(
        """
        import pytest
        @pytest.mark.distributed
        def test_there(beam_node, other_beam): raise AssertionError
        @pytest.mark.distributed
        def test_in_python(python_node): pass
        def test_here(): pass
        """
    )
    options = "-rs", "-o", "asyncio_default_fixture_loop_scope=function"
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*there is no Erlang*"])
    pytester.runpytest_subprocess("-m", "not distributed", *options).assert_outcomes(passed=1, deselected=2)
    monkeypatch.setenv("PYERLNODE_BEAMS_REQUIRED", "27")
    result = pytester.runpytest_subprocess(*options)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*required BEAM not found: OTP 27*"])


def test_tests_run_once_per_beam_and_their_results_make_a_table(pytester, monkeypatch):
    erl = pytester.path / "erl"
    erl.write_text("#!/bin/sh\necho 31\n")
    erl.chmod(0o755)
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.setenv("PYERLNODE_BEAM_ROOTS", "")
    monkeypatch.delenv("PYERLNODE_BEAMS_REQUIRED", raising=False)
    pytester.makepyfile(
        test_connect="""
        import pytest
        @pytest.mark.distributed
        @pytest.mark.parametrize("how", ["hidden", "visible"])
        def test_ping_there(beam, other_beam, how):
            assert how == "hidden" and beam.otp == other_beam.otp == 31
        @pytest.fixture
        def broken(): raise ValueError
        def test_other(beam, broken): pass
        def test_without_any(): pass
        """
    )
    result = pytester.runpytest_subprocess(
        "--beam-matrix",
        *("--beam-results", "results.json"),
        "--strict-markers",
        "-Werror",
        *("-o", "asyncio_default_fixture_loop_scope=function"),
    )
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*results per BEAM*",
            "*otp31",
            "connect: ping there [[]otp31-hidden[]]*pass",
            "connect: ping there [[]otp31-visible[]]*FAIL",
            "connect: other*ERROR",
            "passed*1/3",
            "*1 failed, 2 passed, 1 error in*",
        ]
    )
    assert json.loads((pytester.path / "results.json").read_text())["connect: other"] == {"otp31": "ERROR"}


def test_the_parts_of_a_run_are_the_whole_run(pytester):
    pytester.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("number", range(5))
        def test_numbers(number): pass
        """
    )
    first = pytester.runpytest_subprocess("-v", "--beam-part", "1/2")
    first.assert_outcomes(passed=3, deselected=2)
    first.stdout.fnmatch_lines(["*[[]0[]]*", "*[[]2[]]*", "*[[]4[]]*"])
    second = pytester.runpytest_subprocess("-v", "--beam-part", "2/2")
    second.assert_outcomes(passed=2, deselected=3)
    second.stdout.fnmatch_lines(["*[[]1[]]*", "*[[]3[]]*"])


@pytest.mark.parametrize("part", ["3/2", "0/2", "2", "a/b", "1/"])
def test_a_part_that_there_is_not_is_refused(pytester, part):
    result = pytester.runpytest_subprocess("--beam-part", part)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*'{part}': a part is I/N, such as 1/2*"])


def test_what_a_test_has_started_is_ended_after_it_and_shown_when_it_fails(pytester):
    pytester.makepyfile(
        """
        import os, pathlib, sys
        from pyerlnode.testing import plugin
        from pyerlnode.testing.children import Child
        import pytest

        SOURCE = "import time; print('I am up'); time.sleep(60)"

        def starter(name, *, cookie, epmd_port):
            return Child(name, [sys.executable, "-uc", SOURCE], os.environ)

        @pytest.fixture
        def start(request):
            yield from plugin._factory(request, "somewhere", starter, None)

        def test_fails(start):
            child = start("kate", epmd_port=1)
            child.wait_for_output("I am up")
            pathlib.Path("pid").write_text(str(child.pid))
            assert child.label == "nobody"
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    with pytest.raises(ProcessLookupError):
        os.kill(int((pytester.path / "pid").read_text()), 0)
    result.stdout.fnmatch_lines(["*kate@somewhere*", "*----- kate@somewhere (pid *", "I am up*"])
