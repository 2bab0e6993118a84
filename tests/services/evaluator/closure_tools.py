"""Closures for tests: those that real shells made, and others from abstract forms."""

from __future__ import annotations

import asyncio
import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

from pyerlnode.errors import BadArg, ErlangError, Exit, Throw
from pyerlnode.process import Runtime, receive, send
from pyerlnode.services import evaluator, io_lib
from pyerlnode.services.evaluator.service import hook
from pyerlnode.term import Atom, Fun, Pid, decode

VECTORS = Path(__file__).parents[2] / "vectors" / "closures.jsonl.xz"
UNIQ = bytes.fromhex("9b96015bcfe91c43ad2663711757a225")
OLD_UNIQ = 81571850


@cache
def rows() -> list[dict[str, Any]]:
    """All closures of the corpus."""
    with lzma.open(VECTORS, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def term(text: str) -> Any:
    """A term of the corpus, structs as maps."""
    return decode(bytes.fromhex(text), structs=False)


def from_corpus(name: str, otp: str = "27") -> Fun:
    """One closure of the corpus."""
    found = next(row for row in rows() if row["name"] == name and row["otp"] == otp)
    fun: Fun = term(found["fun_hex"])
    return fun


# --- abstract forms -----------------------------------------------------------------------


def form(tag: str, *parts: Any) -> Any:
    """`{Tag, 1, Parts...}`."""
    return (None if tag == "nil" else Atom(tag), 1, *parts)


def atom(name: str) -> Any:
    return form("atom", Atom(name))


def integer(value: int) -> Any:
    return form("integer", value)


def var(name: str) -> Any:
    return form("var", Atom(name))


def op(name: str, *operands: Any) -> Any:
    return form("op", Atom(name), *operands)


def call(callee: Any, *args: Any) -> Any:
    return form("call", callee, list(args))


def remote(module: str, name: str, *args: Any) -> Any:
    return call(form("remote", atom(module), atom(name)), *args)


def clause(patterns: list[Any], *body: Any, guard: list[Any] | None = None) -> Any:
    return form("clause", patterns, [] if guard is None else [guard], list(body))


def closure(*clauses: Any, name: str | None = None, bindings: Any = None) -> Fun:
    """A closure as Elixir's shell would send it."""
    arity = len(clauses[0][2])
    index = (43 if name is None else 20) - arity
    free = (1, {} if bindings is None else bindings, Atom("none"), Atom("none"), {}, list(clauses))
    return Fun(
        arity=arity,
        uniq=UNIQ,
        index=index,
        module="erl_eval",
        old_index=index,
        old_uniq=OLD_UNIQ,
        pid=Pid("alex@localhost", 1, 0, 1),
        free=(free if name is None else (*free, Atom(name)),),
    )


def thunk(*body: Any) -> Fun:
    """A closure without arguments."""
    return closure(clause([], *body))


# --- running ------------------------------------------------------------------------------


class Screen:
    """A group leader that keeps what is written, and answers `get_line` with `kate`."""

    def __init__(self, runtime: Runtime) -> None:
        self.text = ""
        self.process = runtime.spawn(self._serve())

    async def _serve(self) -> None:
        while True:
            message = await receive(lambda each: isinstance(each, tuple) and each[0] == "io_request")
            _, sender, ref, request = message
            send(sender, (Atom("io_reply"), ref, self._answer(request)))

    def _answer(self, request: Any) -> Any:
        match request:
            case ("get_line", _, prompt):
                self.text += _text(prompt)
                return b"kate\n"
            case ("put_chars", "unicode", "io_lib", "format", [layout, args]):
                try:
                    self.text += io_lib.format(layout, args)
                except BadArg as error:
                    return (Atom("error"), Atom(str(error.reason)))
            case ("put_chars", "unicode", data):
                self.text += _text(data)
        return Atom("ok")


def _text(data: Any) -> str:
    """Characters as they may be given: text, bytes, code points, and lists of those."""
    if isinstance(data, list):
        return "".join(map(_text, data))
    return chr(data) if isinstance(data, int) else data.decode() if isinstance(data, bytes) else str(data)


def started(name: str = "nonode@nohost") -> Runtime:
    """A runtime where closures run."""
    runtime = Runtime(name)
    runtime.apply_hook = hook
    evaluator.configure(runtime)
    return runtime


def outcome_of(error: BaseException) -> tuple[str, Any]:
    """The class and the reason of an exception, as the corpus has them."""
    if isinstance(error, Throw):
        return "throw", error.value
    if isinstance(error, Exit):
        return "exit", error.reason
    if isinstance(error, ErlangError):
        return "error", error.reason
    raise error


async def run(
    runtime: Runtime,
    fun: Any,
    args: list[Any] | None = None,
    inbox: list[Any] | None = None,
    leader: Any = None,
) -> tuple[str, Any]:
    """Apply a fun in a process of its own: `("ok", value)` or the class and the reason."""
    done: asyncio.Future[tuple[str, Any]] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        try:
            result = evaluator.apply(fun, args or [])
            value = await result if asyncio.iscoroutine(result) else result
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(("ok", value))

    process = runtime.new_process(leader)
    for message in inbox or []:
        process.put(message)
    process.begin(body())
    try:
        return await asyncio.wait_for(done, 20)
    except (Throw, Exit, ErlangError) as error:
        return outcome_of(error)
    finally:
        process.die(Atom("kill"))
