"""The remote shell: a Python prompt inside this node, for `iex --remsh`, `erl -remsh` and `pyerlnode remsh`.

The other node is only a terminal: it serves the I/O protocol, and the shell is its client.

    shell.py        the process that the terminal is linked to; starts the next two and ends with them
    reader.py       the process that asks for lines until they are a statement
    evaluator.py    the process that runs it, whose pid `self()` gives
    names.py        what the prompt knows by name
    trace.py        exceptions as text
    completion.py   what TAB adds
    terminal.py     the other side: this program's own terminal for a shell on another node

Nothing of it can be reached unless the node was started with `remsh=True`, `--remsh`.

Proof: tests/services/test_shell.py, interop/test_remsh.py.
"""

from pyerlnode.services.shell.completion import Completion, complete
from pyerlnode.services.shell.shell import current, is_open, start

__all__ = ["Completion", "complete", "current", "is_open", "start"]
