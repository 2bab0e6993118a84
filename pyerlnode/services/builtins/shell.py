"""What iex and erl call on the node whose shell they want: `IEx`, `iex`, `shell`, and completion.

These modules are there only on a node that was started with `remsh=True`; on any other they are `undef`.

Source: user_drv.erl and group.erl of OTP's kernel, edlin_expand.erl of stdlib; IEx.CLI, iex.erl.
Proof: tests/services/test_shell.py, interop/test_remsh.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.services import shell
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.services.shell import terminal
from pyerlnode.term import Atom, Pid, Reference, Term, charlist

_YES, _NO = Atom("yes"), Atom("no")
_TITLE, _ELEMS, _OPTIONS, _HIDE = Atom("title"), Atom("elems"), Atom("options"), Atom("hide")


class _ShellModule(BuiltinModule):
    """A module of a node that is open to shells."""

    __slots__ = ()

    @property
    def is_there(self) -> bool:
        return shell.is_open()


class _AutocompleteModule(_ShellModule):
    """IEx looks for this one on the node of its terminal, too, and would send its code if it were missing."""

    __slots__ = ()

    @property
    def is_there(self) -> bool:
        return shell.is_open() or terminal.is_one()


erl_shell, edlin_expand = _ShellModule(":shell"), _ShellModule(":edlin_expand")
iex, elixir_iex = _ShellModule(":iex"), _ShellModule("IEx")
autocomplete = _AutocompleteModule("IEx.Autocomplete")


@erl_shell.export("start")
def start_for_erl(*options: Any) -> Pid:
    """A shell for a terminal of Erlang's; what its own could be told is of no interest here."""
    return shell.start()


@iex.export("start")
@elixir_iex.export("start")
def start_for_iex(options: Any = None, when_started: Any = None) -> Pid:
    """A shell for a terminal of Elixir's, which may want to be told that it runs."""
    match when_started:
        case (Atom(), "remote_start" | "sync_remote", [Pid() as parent, Reference() as ref]):
            return shell.start((parent, ref), completes=True)
    return shell.start(completes=True)


@edlin_expand.export
def expand(reversed_line: list[int], options: Any = None) -> Term:
    """Completion for erl: of before OTP 26 with one argument and a plain list of choices."""
    found = _complete(reversed_line, None)
    if options is None:
        return _answer(found, [charlist(name) for name in found.choices])
    elems: list[Term] = [(charlist(name), []) for name in found.choices]
    shown: list[Term] = [{_TITLE: [], _ELEMS: elems, _OPTIONS: [(_HIDE, _TITLE)]}] if elems else []
    return _answer(found, shown)


@autocomplete.export("expand")
def expand_for_iex(reversed_line: list[int], shell_pid: Any = None) -> Term:
    """Completion for iex; its terminal says which shell it shows, as far as it knows."""
    found = _complete(reversed_line, shell_pid)
    return _answer(found, [charlist(name) for name in found.choices])


def _complete(reversed_line: list[int], shell_pid: Term) -> shell.Completion:
    of = shell.current(shell_pid)
    if of is None:
        return shell.Completion(False, "", [])
    return shell.complete("".join(map(chr, reversed(reversed_line))), of.namespace)


def _answer(found: shell.Completion, shown: list[Term]) -> Term:
    return (_YES if found.found else _NO, charlist(found.insert), shown)
