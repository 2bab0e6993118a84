"""What is known of all applications of a runtime, readable by everybody in it at once.

The application controller writes it; asking for a value of the environment must not wait.

Source: the table `ac_tab` of application_controller.erl.
Proof: tests/otp/test_application.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.otp.application.environment import Environment
from pyerlnode.process import this_process
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from pyerlnode.otp.application.spec import ApplicationSpec
    from pyerlnode.process import Runtime

__all__ = ["ApplicationTable", "table"]


class ApplicationTable:
    """Loaded applications, the masters of those that run, and the environment."""

    def __init__(self) -> None:
        self.loaded: dict[str, ApplicationSpec] = {}
        self.masters: dict[str, Pid] = {}
        self.environment = Environment()

    def spec(self, application: Term) -> ApplicationSpec | None:
        """The specification of an application, if it is loaded."""
        return self.loaded.get(application) if type(application) is Atom else None

    def of_leader(self, leader: Pid) -> Atom | None:
        """The application whose processes have this group leader."""
        return next((Atom(name) for name, master in self.masters.items() if master == leader), None)

    def of_module(self, module: Atom) -> Atom | None:
        """The application that a module is of."""
        return next((spec.name for spec in self.loaded.values() if module in spec.keys["modules"]), None)

    def of_process(self, runtime: Runtime, pid: Pid) -> Atom | None:
        """The application that a process of this node is of."""
        process = runtime.process(pid)
        if process is None:
            return None
        return self.of_leader(process.group_leader) or self._of_name(process.name)

    def _of_name(self, name: Atom | None) -> Atom | None:
        """The application without a master, so `kernel`, that has registered a process under this name."""
        for spec in self.loaded.values():
            if name is not None and spec.callbacks is None and name in spec.keys["registered"]:
                return spec.name
        return None


_tables: PerRuntime[ApplicationTable] = PerRuntime()


def table(runtime: Runtime | None = None) -> ApplicationTable:
    """The table of a runtime; without one, that of the calling process."""
    return _tables.setdefault(runtime or this_process().runtime, ApplicationTable())
