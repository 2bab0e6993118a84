"""From abstract forms to nodes: a driver and two tables, of expressions and of patterns.

A compiler of one kind of form is a generator that yields the parts that it wants compiled
and is sent what came of them: forms may be nested as deep as memory lets them.  One that
has no parts is a plain function.

    @expression("tuple")
    def tuple_(form): ...
        nodes = yield from expressions(form[2])

What is no form is `function_clause` of `erl_eval:expr/6`, as on a BEAM.

Source: "The Abstract Format" of the ERTS user's guide.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from types import GeneratorType
from typing import Any, Final, TypeAlias

from pyerlnode.errors import ErlangError
from pyerlnode.term import Atom, Term

# Yields (table, form), is sent what that was compiled to, returns what its own form is compiled to.
Compiling: TypeAlias = Generator["tuple[Table, Term]", Any, Any]
Compiler: TypeAlias = Callable[[Any], Any]
Table: TypeAlias = dict[Any, Compiler]

EXPRESSIONS: Final[Table] = {}
PATTERNS: Final[Table] = {}

_FUNCTION_CLAUSE, _ERL_EVAL, _EXPR = Atom("function_clause"), Atom("erl_eval"), Atom("expr")
# What a compiler raises for a tuple that only looks like a form.
_MALFORMED: Final = (IndexError, TypeError, ValueError, KeyError, AttributeError)


def expression(*tags: str) -> Callable[[Compiler], Compiler]:
    """Let a generator function compile the expressions with these tags."""
    return _into(EXPRESSIONS, tags)


def pattern(*tags: str) -> Callable[[Compiler], Compiler]:
    """Let a generator function compile the patterns with these tags."""
    return _into(PATTERNS, tags)


def _into(table: Table, tags: Sequence[str]) -> Callable[[Compiler], Compiler]:
    def take(compiler: Compiler) -> Compiler:
        # The tag `nil` is an atom that Python has a value for.
        table.update((None if tag == "nil" else Atom(tag), compiler) for tag in tags)
        return compiler

    return take


def expressions(forms: Term) -> Compiling:
    """Compile several expressions; `yield from` it."""
    made = []
    for form in proper(forms):
        made.append((yield EXPRESSIONS, form))
    return made


def patterns(forms: Term) -> Compiling:
    """Compile several patterns; `yield from` it."""
    made = []
    for form in proper(forms):
        made.append((yield PATTERNS, form))
    return made


def proper(forms: Term) -> list[Any]:
    """A list, as it is; TypeError for anything else, and that is no form."""
    if type(forms) is not list:
        raise TypeError("a list of forms is wanted")
    return forms


def tag_of(form: Term) -> Term:
    """The tag of a form; TypeError for what is none."""
    if type(form) is not tuple or len(form) < 2 or not (form[0] is None or type(form[0]) is Atom):
        raise TypeError("no abstract form")
    return form[0]


def compile_form(form: Term, table: Table = EXPRESSIONS) -> Any:
    """Compile a form, without recursion; ErlangError for what is none."""
    stack: list[Compiling] = []
    value: Any = None
    asked: tuple[Table, Term] | None = (table, form)
    try:
        while True:
            if asked is not None:
                table, form = asked
                value, asked = table[tag_of(form)](form), None
                if type(value) is GeneratorType:
                    stack.append(value)
                    value = None
            if not stack:
                return value
            try:
                asked = stack[-1].send(value)
            except StopIteration as done:
                stack.pop()
                value = done.value
    except _MALFORMED:
        raise ErlangError(_FUNCTION_CLAUSE, [(_ERL_EVAL, _EXPR, [form], [])]) from None
