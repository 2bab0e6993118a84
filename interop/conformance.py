"""A peer for black-box tests: modules, servers and processes that a suite on a BEAM drives.

    pyerlnode run --name peer@127.0.0.1 --cookie secret interop/conformance.py:app

What it hosts stands in the modules `conformance_*.py`: the functions of `Conf.Fun`, puppets,
`Conf.Server`, the supervisors, the registries and an application.  `suite/` has the same in
Elixir, and the checks that both pass.
"""

from __future__ import annotations

from typing import Any

import conformance_functions  # noqa: F401  (for what it exports)
import conformance_registry
import conformance_supervisors
from conformance_app import ConfApp
from conformance_server import Counter, Server

from pyerlnode import Application, Atom, Pid, Supervisor
from pyerlnode.services import pg


class Conformance(Application):
    """Everything that the suite expects to be there."""

    async def start(self, type: Atom, args: Any) -> Pid | None:
        pg.start()
        root = await Supervisor.start_link(
            [
                {"id": "counter", "start": (Counter.start_link, [], {"name": "conf_counter"})},
                (Server, (Atom("state"), Atom("initial")), {"name": "conf_server"}),
                *conformance_supervisors.CHILDREN,
                *conformance_registry.CHILDREN,
            ],
            strategy="one_for_one",
            max_restarts=conformance_supervisors.INTENSITY,
            name="conf_root",
        )
        await Application.start(ConfApp)
        return root


app = Conformance
