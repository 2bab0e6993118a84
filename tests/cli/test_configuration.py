"""Configuration files: values, environments, and what is wrong with them in one line."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.cli import configuration
from pyerlnode.errors import ConfigError
from pyerlnode.term import Atom, charlist, encode, equal


@pytest.fixture
def load(tmp_path):
    def read(text: str, env: str | None = None) -> Any:
        file = tmp_path / "chat.toml"
        file.write_text(text, encoding="utf-8")
        return configuration.load(str(file), env)

    return read


def test_values_are_terms(load) -> None:
    (values,) = load(
        """
        [chat]
        greeting = "grüß dich"
        size = 3
        ratio = 0.5
        open = true
        names = ["a", "b"]
        mode = { atom = "local" }
        supervisor = { term = '{Chat.TaskSupervisor, :"moebi@localhost"}' }
        title = { charlist = "abc" }
        nothing = { atom = "nil" }
        limits = { depth = 3, inner = { kind = { atom = "x" } } }
        [chat.more]
        of = "it"
        """
    ).values()
    expected = {
        "greeting": "grüß dich",
        "size": 3,
        "ratio": 0.5,
        "open": True,
        "names": ["a", "b"],
        "mode": Atom("local"),
        "supervisor": (Atom("Elixir.Chat.TaskSupervisor"), Atom("moebi@localhost")),
        "title": charlist("abc"),
        "nothing": None,
        "limits": {Atom("depth"): 3, Atom("inner"): {Atom("kind"): Atom("x")}},
        "more": {Atom("of"): "it"},
    }
    assert list(values) == list(expected)
    for key, value in expected.items():
        assert equal(values[key], value) or encode(values[key]) == encode(value), key


LAYERS = """
[chat]
remote_supervisor = { atom = "local" }
limits = { depth = 3, width = 4 }
size = 3

[env.dev.chat]
remote_supervisor = { term = ":kate@localhost" }
limits = { depth = 5 }

[env.dev.logger]
level = "debug"

[env.test]
"""


def test_an_environment_goes_over_the_rest(load) -> None:
    assert load(LAYERS) == load(LAYERS, "test")
    assert load(LAYERS, "test")["chat"]["remote_supervisor"] == "local"
    dev = load(LAYERS, "dev")
    assert dev["chat"] == {
        "remote_supervisor": "kate@localhost",
        "limits": {"depth": 5, "width": 4},
        "size": 3,
    }
    assert dev["logger"] == {"level": "debug"}


@pytest.mark.parametrize(
    ("text", "env", "said"),
    [
        ("[chat\nx = 1", None, "line 1"),
        ("size = 3", None, "size is no table"),
        ("env = 3", None, "env is a table"),
        ("[chat]", "prod", "no environment 'prod'; known: none"),
        (LAYERS, "prod", "no environment 'prod'; known: dev, test"),
        ("[env]\ndev = 3", "dev", "no environment 'dev'"),
        ("[chat]\nx = { term = '{:a,' }", None, "chat.x: "),
        ("[chat]\nx = inf", None, "chat.x: "),
        ("[chat]\nx = { atom = '" + "a" * 300 + "' }", None, "chat.x: "),
        (f"[chat]\nx = {'[' * 5000}", None, "config "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(load, text: str, env: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text, env)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        configuration.load(str(tmp_path / "nowhere.toml"), None)
    with pytest.raises(ConfigError, match="directory"):
        configuration.load(str(tmp_path), None)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"binary\.toml"):
        configuration.load(str(binary), None)
