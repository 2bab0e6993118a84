"""Nodes of a real BEAM that a test can tell what to do.

`BeamNode` starts `elixir` (or `erl`) as a distributed node and sends it a small evaluator
(evaluator.erl) through a pair of pipes; from then on every `eval_elixir` and `eval_erlang`
is a packet there and a packet back.  So the test reaches into the node without a connection
to it, nothing but the node itself shows up in `nodes()`, and standard input and output stay
the node's own.

Proof: interop/test_harness.py.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shlex
import shutil
import struct
import threading
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from pyerlnode.protocol.names import is_long_host
from pyerlnode.testing.children import Child, HarnessError, tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyerlnode.testing.beams import Beam

_LENGTH = struct.Struct(">I")

# Reads the evaluator's source from the pipes, compiles it in memory and starts it.
_BOOT = """
Forms = fun Forms(Text, Seen) ->
    case erl_scan:tokens([], Text, 1) of
        {done, {ok, Tokens, _}, Rest} ->
            {ok, Form} = erl_parse:parse_form(Tokens), Forms(Rest, [Form | Seen]);
        {more, _} -> lists:reverse(Seen)
    end end,
Port = open_port({fd, REQUESTS, ANSWERS}, [{packet, 4}, binary, eof]),
Source = receive {Port, {data, Data}} -> binary_to_list(Data) end,
{ok, Module, Code} = compile:forms(Forms(Source, [])),
{module, Module} = code:load_binary(Module, "evaluator.erl", Code),
Module:start(Port).
"""
_BOOT_IN_ELIXIR = """
{:ok, tokens, _} = :erl_scan.string(:base64.decode_to_string("BOOT"))
{:ok, expressions} = :erl_parse.parse_exprs(tokens)
:erl_eval.exprs(expressions, [])
"""


class BeamError(HarnessError):
    """The BEAM raised where a value was expected.

    `kind` is `error`, `exit`, `throw`, `down` (the evaluating process was ended by an exit
    signal) or `timeout`; `etf` is the reason in external term format, empty for a timeout.
    """

    def __init__(self, message: str, *, kind: str, etf: bytes = b"") -> None:
        super().__init__(message)
        self.kind = kind
        self.etf = etf


@dataclass(frozen=True)
class Result:
    """What an evaluation gave: external term format (from 131 on) and the BEAM's own text of it.

    The text of a term of more than a million bytes is cut short, as the BEAM's shells do.
    """

    etf: bytes
    text: str

    @property
    def term(self) -> object:
        """The value, decoded by `pyerlnode.term`."""
        from pyerlnode.term import decode

        return decode(self.etf)

    def __str__(self) -> str:
        return self.text


class BeamNode(Child):
    """A running node; `name` is NAME@HOST.  Variables, links and mailbox live on between evaluations."""

    def __init__(
        self,
        beam: Beam,
        name: str,
        *,
        cookie: str,
        epmd_port: int,
        hidden: bool = False,
        language: str | None = None,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        timeout: float = 20.0,
    ) -> None:
        """Start the node and wait until it is up.

        `language` is `elixir` or `erlang` (default: elixir where the BEAM has it); `flags`
        are emulator flags such as ("-kernel", "net_ticktime", "4").  Raises HarnessError
        with the node's output when it is not up after `timeout` seconds.
        """
        self.beam = beam
        self.name = name
        self._answers: dict[str, list[bytes]] = {}
        self._abandoned: set[str] = set()
        self._ready: list[bytes] | None = None
        self._ids = map(str, itertools.count(1))
        self._write_lock = threading.Lock()
        self._home, inside = beam.make_home()
        variables = distribution_environment(epmd_port, flags) | dict(environment or {})
        requests, self._requests = os.pipe()
        answers, theirs = os.pipe()
        boot = _BOOT.replace("REQUESTS", str(requests)).replace("ANSWERS", str(theirs))
        self._answer_reader = threading.Thread(target=self._read_answers, args=(answers,), daemon=True)
        try:
            super().__init__(
                f"{name} on {beam.name}",
                beam.command(*_command(beam, name, cookie, hidden, language, boot)),
                beam.environment(inside, variables),
                pass_fds=(requests, theirs),
            )
        except BaseException:
            os.close(answers)
            self.close()
            raise
        finally:
            os.close(requests)
            os.close(theirs)
        try:
            self._answer_reader.start()
            self._boot(timeout)
        except BaseException:
            self.close()
            raise

    def eval_elixir(self, source: str, *, timeout: float = 15.0, process: str = "main") -> Result:
        """Evaluate Elixir source in the node; the last expression's value.

        Evaluations with the same `process` share one Erlang process; another word is
        another process, so that threads of a test can wait in several at once.  Raises
        BeamError with what the BEAM says; after `timeout` seconds the process is killed.
        """
        return self._eval("elixir", source, timeout, process)

    def eval_erlang(self, source: str, *, timeout: float = 15.0, process: str = "main") -> Result:
        """Evaluate Erlang expressions (the final dot may be left out) as `eval_elixir` does."""
        return self._eval("erlang", source, timeout, process)

    async def eval_elixir_async(self, source: str, *, timeout: float = 15.0, process: str = "main") -> Result:
        """`eval_elixir` for a test whose event loop has to go on, because it runs the peer."""
        return await asyncio.to_thread(self._eval, "elixir", source, timeout, process)

    async def eval_erlang_async(self, source: str, *, timeout: float = 15.0, process: str = "main") -> Result:
        """`eval_erlang` for a test whose event loop has to go on."""
        return await asyncio.to_thread(self._eval, "erlang", source, timeout, process)

    def stop(self, timeout: float = 10.0) -> int:
        """End the node as `init:stop()` does, applications first; the exit code."""
        self._request(b"stop")
        return self.wait(timeout)

    def close(self) -> None:
        if hasattr(self, "_popen"):
            super().close()
        if self._answer_reader.ident is not None:
            self._answer_reader.join(5.0)
        with self._write_lock:
            if self._requests >= 0:
                os.close(self._requests)
                self._requests = -1
        shutil.rmtree(self._home, ignore_errors=True)

    def _boot(self, timeout: float) -> None:
        self._write(files("pyerlnode.testing").joinpath("evaluator.erl").read_bytes())
        with self._changed:
            done = self._changed.wait_for(lambda: self._ready is not None or self._ended, timeout)
        if self._ready is None:
            why = "it has ended" if done else f"not after {timeout} s"
            raise HarnessError(f"{self.label} did not start: {why}{tail(self.output)}")
        self.os_pid = int(self._ready[0])
        self.name = self._ready[1].decode()

    def _eval(self, language: str, source: str, timeout: float, process: str) -> Result:
        request, since = next(self._ids), self.mark()
        self._request(b"eval", request.encode(), process.encode(), language.encode(), source.encode())
        with self._changed:
            self._changed.wait_for(lambda: request in self._answers or self._ended, timeout)
            answer = self._answers.pop(request, None)
            if answer is None and not self._ended:
                self._abandoned.add(request)
        if answer is None:
            raise self._no_answer(source, timeout, process, since)
        return self._result(answer, source, since)

    def _no_answer(self, source: str, timeout: float, process: str, since: int) -> HarnessError:
        output = self.output[since:]
        if not self.alive:
            return HarnessError(f"{self.label} ended while evaluating: {source}{tail(output)}")
        self._request(b"cancel", process.encode())
        message = f"{self.label}: no answer after {timeout} s to: {source}{tail(output)}"
        return BeamError(message, kind="timeout")

    def _result(self, answer: list[bytes], source: str, since: int) -> Result:
        etf, text = answer[1], answer[2].decode(errors="replace")
        if answer[0] == b"ok":
            return Result(etf, text)
        output = self.output[since:]
        message = f"{self.label}: {text}\nin: {source}{tail(output) if output.strip() else ''}"
        raise BeamError(message, kind=answer[3].decode(), etf=etf)

    def _request(self, *fields: bytes) -> None:
        self._write(b"".join(_LENGTH.pack(len(field)) + field for field in fields))

    def _write(self, packet: bytes) -> None:
        data = memoryview(_LENGTH.pack(len(packet)) + packet)
        with self._write_lock:
            try:
                while data:
                    data = data[os.write(self._requests, data) :]
            except OSError:
                ended = f"{self.label} has ended (exit code {self.returncode})"
                raise HarnessError(f"{ended}{tail(self.output)}") from None

    def _read_answers(self, pipe: int) -> None:
        with open(pipe, "rb") as answers:
            while len(length := answers.read(4)) == 4:
                packet = answers.read(_LENGTH.unpack(length)[0])
                fields, at = [], 0
                while at < len(packet):
                    end = at + 4 + _LENGTH.unpack_from(packet, at)[0]
                    fields.append(packet[at + 4 : end])
                    at = end
                if fields:
                    self._take_answer(fields)

    def _take_answer(self, fields: list[bytes]) -> None:
        with self._changed:
            if fields[0] == b"ready":
                self._ready = fields[1:]
            elif (request := fields[1].decode()) in self._abandoned:
                self._abandoned.discard(request)
            else:
                self._answers[request] = [fields[0], *fields[2:]]
            self._changed.notify_all()


def distribution_environment(epmd_port: int, flags: Sequence[str] = ()) -> dict[str, str]:
    """Environment variables that give a BEAM its EPMD and emulator flags.

    A BEAM may not start an EPMD by itself: that one would outlive the test.
    """
    # erlexec splits this variable as a shell splits words, without the length limits and
    # quoting of Elixir's --erl option.
    return {"ERL_EPMD_PORT": str(epmd_port), "ERL_ZFLAGS": shlex.join(["-start_epmd", "false", *flags])}


def name_option(name: str, dashes: str = "--") -> list[str]:
    """The option that starts a node of this name: a host with a dot, or an IPv6 address, needs long names."""
    return [f"{dashes}name" if is_long_host(name.partition("@")[2]) else f"{dashes}sname", name]


def _command(beam: Beam, name: str, cookie: str, hidden: bool, language: str | None, boot: str) -> list[str]:
    if language is None:
        language = "elixir" if beam.elixir else "erlang"
    if language == "erlang":
        options = ["-noshell", *name_option(name, "-"), "-setcookie", cookie]
        return ["erl", *options, *(["-hidden"] if hidden else []), "-eval", boot]
    if language != "elixir" or beam.elixir is None:
        raise HarnessError(f"{beam.name} cannot run a node in {language!r}")
    program = _BOOT_IN_ELIXIR.replace("BOOT", base64.b64encode(boot.encode()).decode())
    options = [*name_option(name), "--cookie", cookie, *(["--hidden"] if hidden else [])]
    return ["elixir", *options, "--no-halt", "-e", program]
