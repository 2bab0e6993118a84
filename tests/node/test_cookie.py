"""The cookie: its sources in order, the file that is made, the files that are refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from pyerlnode.errors import ConfigError
from pyerlnode.node.cookie import Cookies, find_cookie

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str, mode: int = 0o400) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="latin-1")
    path.chmod(mode)


def test_the_argument_wins_then_the_environment_then_the_file(tmp_path: Path) -> None:
    write(tmp_path / ".erlang.cookie", "from_file\n")
    environ = {"HOME": str(tmp_path), "PYERLNODE_COOKIE": "from_env"}
    assert find_cookie("given", environ) == "given"
    assert find_cookie(None, environ) == "from_env"
    del environ["PYERLNODE_COOKIE"]
    assert find_cookie(None, environ) == "from_file"


def test_the_file_of_the_configuration_directory_is_used_where_home_has_none(tmp_path: Path) -> None:
    write(tmp_path / "config" / "erlang" / ".erlang.cookie", "CONFIGURED")
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert find_cookie(None, environ) == "CONFIGURED"
    assert not (tmp_path / ".erlang.cookie").exists()
    write(tmp_path / ".config" / "erlang" / ".erlang.cookie", "DEFAULT")
    assert find_cookie(None, {"HOME": str(tmp_path)}) == "DEFAULT"


def test_a_missing_file_is_made_at_random_and_for_the_owner_alone(tmp_path: Path) -> None:
    cookie = find_cookie(None, {"HOME": str(tmp_path)})
    path = tmp_path / ".erlang.cookie"
    assert len(cookie) == 20
    assert set(cookie) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert path.read_text() == cookie
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert find_cookie(None, {"HOME": str(tmp_path)}) == cookie
    assert os.listdir(tmp_path) == [".erlang.cookie"]


def test_two_homes_get_two_cookies(tmp_path: Path) -> None:
    made = set()
    for number in range(5):
        home = tmp_path / str(number)
        home.mkdir()
        made.add(find_cookie(None, {"HOME": str(home)}))
    assert len(made) == 5


def test_a_node_that_was_faster_has_made_the_cookie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".erlang.cookie"
    link = os.link

    def another_was_faster(source: Path, target: Path) -> None:
        write(path, "FASTER")
        link(source, target)

    monkeypatch.setattr(os, "link", another_was_faster)
    assert find_cookie(None, {"HOME": str(tmp_path)}) == "FASTER"
    assert os.listdir(tmp_path) == [".erlang.cookie"]


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o410, 0o402])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path / ".erlang.cookie", "SECRET", mode)
    with pytest.raises(ConfigError, match=rf"\.erlang\.cookie has mode {mode:04o}") as error:
        find_cookie(None, {"HOME": str(tmp_path)})
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("text", ["", "\n", "\r\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / ".erlang.cookie", text)
    with pytest.raises(ConfigError, match=r"\.erlang\.cookie is empty"):
        find_cookie(None, {"HOME": str(tmp_path)})


@pytest.mark.parametrize("text", ["two\nlines", "tab\tbed", "caf\xe9", "x" * 256])
def test_a_file_with_no_cookie_in_it_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / ".erlang.cookie", text)
    with pytest.raises(ConfigError, match=r"\.erlang\.cookie"):
        find_cookie(None, {"HOME": str(tmp_path)})


def test_spaces_belong_to_the_cookie_and_ends_of_lines_do_not(tmp_path: Path) -> None:
    write(tmp_path / ".erlang.cookie", "a b \n\n")
    assert find_cookie(None, {"HOME": str(tmp_path)}) == "a b "


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".erlang.cookie").mkdir()
    with pytest.raises(ConfigError, match="cookie file"):
        find_cookie(None, {"HOME": str(tmp_path)})


def test_a_home_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        find_cookie(None, {"HOME": str(tmp_path / "missing")})


def test_without_a_home_a_cookie_must_be_given() -> None:
    with pytest.raises(ConfigError, match="no cookie"):
        find_cookie(None, {})


@pytest.mark.parametrize("source", ["the cookie", "PYERLNODE_COOKIE"])
def test_an_empty_cookie_is_refused(source: str) -> None:
    argument = "" if source == "the cookie" else None
    with pytest.raises(ConfigError, match=f"{source} is empty"):
        find_cookie(argument, {"PYERLNODE_COOKIE": ""})


def test_single_peers_may_have_a_cookie_of_their_own() -> None:
    cookies = Cookies("ours")
    cookies.set("alex@localhost", "theirs")
    assert cookies.of("alex@localhost") == "theirs"
    assert cookies.of("moebi@localhost") == "ours"
    cookies.set(None, "new")
    assert cookies.of("moebi@localhost") == "new"
    assert cookies.of("alex@localhost") == "theirs"
    with pytest.raises(ConfigError, match="empty"):
        cookies.set(None, "")
    assert "new" not in repr(cookies) and "theirs" not in repr(cookies)
