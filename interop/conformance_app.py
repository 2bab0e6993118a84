"""The application that a suite on a BEAM finds on the peer: `conf_app`, an empty supervisor."""

from __future__ import annotations

from typing import Any, ClassVar

from pyerlnode import Application, Atom, Pid, Supervisor


class ConfApp(Application, module="Elixir.Conf.App"):
    name = "conf_app"
    description = "conformance fixture"
    vsn = "0.1.0"
    env: ClassVar = {"greeting": "hello", "depth": 3}
    registered = ("conf_app_sup",)

    async def start(self, type: Atom, args: Any) -> Pid | None:
        return await Supervisor.start_link([], strategy="one_for_one", name="conf_app_sup")
