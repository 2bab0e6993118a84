"""Work that does not run on the event loop, for test_blocking.py to ask for."""

import os
import threading
from typing import Any

import pyerlnode as erl
from pyerlnode import Application, Atom, GenServer, Module, Pid, blocking, in_process, on_call, on_cast, wait


class Worker(GenServer):
    """Works in threads and in other processes; whoever is told of the work is named in the request."""

    def init(self) -> None:
        self.count = 0

    @on_call
    @blocking
    def slow(self, told: Any) -> Any:
        """Wait for the gate: to the event loop that is as good as C that computes."""
        gates[erl.self()] = gate, over = threading.Event(), threading.Event()
        erl.send(told, (Atom("working"), erl.self(), erl.this_node()))
        try:
            gate.wait(10)
            erl.send(told, Atom("late"))
        finally:
            over.set()
        return Atom("done")

    @on_call
    @blocking
    def ask(self, server: Any, request: Any) -> Any:
        return wait(GenServer.call(server, request))

    @on_call
    @blocking
    def crash(self) -> None:
        raise RuntimeError("on purpose")

    @on_call
    def get(self) -> int:
        return self.count

    @on_cast
    @blocking
    def inc(self) -> None:
        self.count += 1


class Remote(GenServer):
    """Works in other processes, which take a copy of the server along."""

    def init(self) -> None:
        self.count = 0

    @on_call
    @in_process
    def add(self, n: int) -> Any:
        self.count += n
        return (self.count, os.getpid())

    @on_call
    @in_process
    def hang(self) -> None:
        print(f"working {os.getpid()}", flush=True)
        threading.Event().wait()

    @on_call
    @in_process
    def die(self) -> None:
        os._exit(3)

    @on_call
    def get(self) -> int:
        return self.count


# Of each server that is in `slow`: what it waits for, and whether its thread has come to the end.
gates: dict[Pid, tuple[threading.Event, threading.Event]] = {}
module = Module("Blocking")


@module.export
@blocking
def open_gate(pid: Pid) -> bool:
    """Let `slow` go on; whether its thread has come to the end."""
    gate, over = gates[pid]
    gate.set()
    return over.wait(5)


@module.export
@blocking
def ask_name() -> str:
    print("who is it?")
    return input("name? ").strip()


@module.export
@blocking
def ask_at_the_end() -> Any:
    try:
        return input()
    except EOFError:
        return Atom("eof")


@module.export
@in_process
def factorial(n: int) -> int:
    result = 1
    for factor in range(2, n + 1):
        result *= factor
    return result


@module.export
async def start(kind: Atom) -> Any:
    """A server that is linked to nobody."""
    return await (Worker if kind == "thread" else Remote).start()


class Hosted(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return None


app = Hosted
