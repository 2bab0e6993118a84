"""Finding BEAMs, with programs of our own in their place: what a BEAM answers is asked in interop/."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyerlnode.testing import Beam, HarnessError
from pyerlnode.testing import beams as module


@pytest.fixture
def fake_erl(tmp_path, monkeypatch):
    """A directory that is the whole PATH, with an `erl` that claims a release and no `elixir`."""

    def make(release: str, code: int = 0) -> Path:
        program = tmp_path / "erl"
        program.write_text(f"#!/bin/sh\necho '{release}'\necho 'some words' >&2\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("PYERLNODE_BEAM_ROOTS", "")
        monkeypatch.delenv("PYERLNODE_BEAMS_REQUIRED", raising=False)
        return tmp_path

    return make


def test_the_release_is_asked_from_the_beam(fake_erl):
    fake_erl("31")
    assert module.discover("all") == [Beam("otp31", 31, None)]


def test_a_required_release_that_is_missing_is_an_error(fake_erl, monkeypatch):
    fake_erl("25")
    monkeypatch.setenv("PYERLNODE_BEAMS_REQUIRED", "25,27,29")
    with pytest.raises(HarnessError, match=r"not found: OTP 27, 29; found: otp25"):
        module.discover("local")


def test_no_beam_at_all_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYERLNODE_BEAM_ROOTS", "")
    monkeypatch.delenv("PYERLNODE_BEAMS_REQUIRED", raising=False)
    with pytest.raises(HarnessError, match="not found: any; found: none"):
        module.discover("all")


def test_a_beam_that_fails_is_an_error_with_its_words(fake_erl):
    fake_erl("25", code=3)
    with pytest.raises(HarnessError, match="exited with 3: some words"):
        module.discover("local")


def test_a_root_without_erlang_is_an_error(fake_erl, tmp_path, monkeypatch):
    fake_erl("25")
    monkeypatch.setenv("PYERLNODE_BEAM_ROOTS", str(tmp_path))
    with pytest.raises(HarnessError, match="has no usr/bin/erl"):
        module.discover("chroot")


def test_an_unknown_kind_is_an_error():
    with pytest.raises(HarnessError, match="expected one of local, chroot, docker, all"):
        module.discover("vm")


def test_programs_of_a_root_see_a_home_inside_it_and_find_localhost(tmp_path):
    (tmp_path / "tmp").mkdir()
    beam = Beam("otp27", 27, None, tmp_path, ("chroot", str(tmp_path)))
    outside, inside = beam.make_home()
    assert outside == Path(f"{tmp_path}{inside}") and outside.is_dir()
    assert '{host, {127,0,0,1}, ["localhost"' in (outside / "inetrc").read_text()
    assert beam.environment(inside)["ERL_INETRC"] == f"{inside}/inetrc"
    assert beam.command("erl", "-x") == ["chroot", str(tmp_path), "erl", "-x"]


def test_two_installations_of_one_release_have_two_names():
    local = Beam("otp27", 27, None)
    inside = Beam("otp27", 27, None, Path("/roots/trixie"), ("chroot",))
    assert [b.name for b in module._with_unique_names([local, inside])] == ["otp27", "otp27-trixie"]
