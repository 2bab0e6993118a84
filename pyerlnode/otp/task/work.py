"""What a task does: call a Python function, or what a module and a name stand for.

    Work.of(fetch, ("a",))                               a Python function, on this node only
    Work.of("Elixir.Chat", ("receive_message", [b"hi"]))  module, function and arguments
    Work.of(Export("Elixir.Chat", "receive_message", 1), (b"hi",))

A name is looked up by the node that the task runs on.  Elixir sends a fun as the arguments
of `erlang:apply/2`.

Source: invoke_mfa and get_running in task/supervised.ex of Elixir.
Proof: tests/otp/test_task_supervisor_wire.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp.readable import readable
from pyerlnode.otp.supervisor.child import module_of
from pyerlnode.term import Atom, Export, Fun, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.process import Runtime

__all__ = ["Work"]

_ERLANG: Final = Atom("erlang")
_APPLY: Final = Atom("apply")


@dataclass(frozen=True, slots=True)
class Work:
    """A call: `function`, or where that is None the function `name` of `module`."""

    module: Atom
    name: Atom
    args: tuple[Any, ...]
    function: Callable[..., Any] | None = None

    @classmethod
    def of(cls, function: Any, args: tuple[Any, ...], *, before: int = 0) -> Work:
        """From what a caller has written; `before` arguments are to come before `args`.

        BadArg for what cannot be called.
        """
        if isinstance(function, Export):
            if function.arity != before + len(args):
                raise BadArg(f"{function} does not take {before + len(args)} arguments")
            return cls(function.module, function.function, args)
        match function, args:
            case (str(), (str(name), [*given])):
                return cls(Atom(function), Atom(name), tuple(given))
            case _ if callable(function):
                return cls(*_name_of(function), args, function)
        raise BadArg(
            "a task is a function with its arguments, an Export with its arguments, "
            f"or module, function and a list of arguments, not {(function, *args)!r}"
        )

    @classmethod
    def from_term(cls, mfa: Term) -> Work | None:
        """From `{Module, Function, Args}`, as it was sent; None for anything else."""
        if type(mfa) is tuple:
            match mfa:
                case (Atom() as module, Atom() as name, list(args)):
                    return cls(module, name, tuple(args))
        return None

    def on(self, value: Any) -> Work:
        """The same, with `value` as the first argument."""
        return Work(self.module, self.name, (value, *self.args), self.function)

    def for_supervisor(self, local: bool) -> Any:
        """What to send to a supervisor: of this node the object itself, of another the term.

        BadArg for a Python function that another node cannot have.
        """
        if local:
            return self
        if self.function is not None:
            raise BadArg(
                f"{self.function!r} cannot run on another node: "
                "name what that node has, by module, function and arguments or by an Export"
            )
        return (self.module, self.name, list(self.args))

    def call(self, runtime: Runtime) -> Any:
        """Call it; what it returns may be a coroutine."""
        if self.function is not None:
            return self.function(*self.args)
        return runtime.apply_hook(Export(self.module, self.name, len(self.args)), list(self.args))

    # --- how it is shown ------------------------------------------------------------------

    @property
    def arity(self) -> tuple[Atom, Atom, int]:
        """Module, function and the number of arguments."""
        return (self.module, self.name, len(self.args))

    @property
    def initial_call(self) -> tuple[Atom, Atom, int]:
        """As `arity`, of the fun that is applied where that is what it does."""
        fun = self._fun()
        if isinstance(fun, Export):
            return (fun.module, fun.function, fun.arity)
        if fun is not None:
            # The name that its compiler gave it is not sent, only its number.
            return (fun.module, Atom(f"-fun.{fun.index}-"), fun.arity)
        return self.arity

    @property
    def mfa(self) -> tuple[Atom, Atom, list[Term]]:
        """Module, function and arguments as a term; what has none is shown as text."""
        return (self.module, self.name, [readable(arg) for arg in self.args])

    @property
    def running(self) -> tuple[Term, list[Term]]:
        """The function and its arguments as a report has them."""
        fun = self._fun()
        if fun is not None:
            return (fun, [])
        return (Export(*self.arity), self.mfa[2])

    def _fun(self) -> Fun | Export | None:
        """The fun, in `apply(Fun, [])`."""
        if self.module is not _ERLANG or self.name is not _APPLY or len(self.args) != 2:
            return None
        fun, args = self.args
        return fun if isinstance(fun, (Fun, Export)) and type(args) is list and not args else None


def _name_of(function: Callable[..., Any]) -> tuple[Atom, Atom]:
    owner = getattr(function, "__self__", None)
    module = module_of(owner) if isinstance(owner, type) else getattr(function, "__module__", None)
    return (Atom(str(module)), Atom(getattr(function, "__name__", type(function).__name__)))
