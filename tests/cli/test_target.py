"""What a target may be."""

from __future__ import annotations

import pytest

from pyerlnode.cli import target
from pyerlnode.errors import ConfigError
from pyerlnode.otp import Application, GenServer
from pyerlnode.services.modules import Module


class App(Application):
    async def start(self, type, args):
        return None


async def function() -> None:
    """As a target: started, and that is all."""


async def wants_more(argument) -> None:
    """Not as a target."""


def test_a_class_an_instance_and_a_function_are_applications() -> None:
    instance = App()
    assert isinstance(target.as_application(App, "t", "name"), App)
    assert target.as_application(instance, "t", "name") is instance
    assert isinstance(target.as_application(function, "t", "name"), Application)
    assert isinstance(target.as_application(Module("TargetOfATest"), "t", "name"), Application)
    assert isinstance(target.as_application([Server, (Server, 1)], "t", "name"), Application)


class Server(GenServer):
    def init(self, arg=None):
        self.arg = arg


def test_a_child_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match=r"target 't': a child is a class of servers.* not 42"):
        target.as_application([Server, 42], "t", "name")


@pytest.mark.parametrize("found", [wants_more, len, 42, "text", None])
def test_anything_else_is_refused_with_what_was_wanted(found) -> None:
    with pytest.raises(
        ConfigError, match=r"an async function or a Module is wanted, not|must take no arguments"
    ):
        target.as_application(found, "t", "name")


@pytest.mark.parametrize("name", [".app:app", "..package.module:app", ".:app"])
def test_a_relative_name_is_refused(name) -> None:
    with pytest.raises(ConfigError, match="relative"):
        target.load(name)


def test_a_module_that_ends_the_program_is_one_that_cannot_be_loaded(tmp_path) -> None:
    module = tmp_path / "ends.py"
    module.write_text("raise SystemExit('no licence')\n")
    with pytest.raises(ConfigError, match="SystemExit: no licence"):
        target.load(f"{module}:app")
