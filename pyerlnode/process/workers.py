"""Worker processes, as the node sees them: one for each thread of the pool, started when first needed.

The thread writes a pickled request into a pipe and reads the answer from another, so a
worker that ends, however it ends, is noticed by the end of the pipe, and is waited for by
the thread that it belongs to.  Killing it is all that the event loop does.

A worker has its own process group, so that Ctrl-C at the terminal is the node's alone, and
ends by itself when the node is gone.

Proof: tests/process/test_in_process.py.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from pyerlnode.errors import UsageError, WorkerDied
from pyerlnode.process.reasons import WORKER_STACK
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BODY", "Origin", "Task", "Worker", "frame", "read_frame"]

# The attribute of a marked function that holds what was marked.
BODY: Final = "__pyerlnode_body__"
# The name that the program's main module has in a worker, where its `if __name__ == "__main__"` is false.
WORKER_MAIN: Final = "__mp_main__"

# How long a worker that has closed its pipe may take to end, in seconds.
EXIT_TIME = 1.0

_COMMAND = "import sys; sys.path[:] = {path}; from pyerlnode.process.worker import main; main()"
_LENGTH = 8


class Origin(NamedTuple):
    """Where a worker finds a function."""

    module: str
    file: str | None
    name: str


class WorkerTraceback(Exception):
    """The cause of an exception that a worker process has raised: its traceback there, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Task:
    """A function with its arguments, on its way to a worker and back."""

    __slots__ = ("_args", "_instance", "_kwargs", "_origin")

    def __init__(
        self, marked: Callable[..., Any], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if Worker.is_here:
            raise UsageError(
                f"{function.__qualname__} is called while a worker process imports its module: "
                'what starts the program belongs under `if __name__ == "__main__":`'
            )
        self._origin = _origin(function)
        self._args, self._kwargs = args, kwargs
        # A method brings back what it has changed.
        method = bool(args) and getattr(type(args[0]), function.__name__, None) is marked
        self._instance = args[0] if method else None

    def request(self) -> bytes:
        """Pickled; UsageError for what cannot be."""
        try:
            call = pickle.dumps((self._args, self._kwargs, self._instance is not None))
        except Exception as error:  # whatever the classes of the arguments raise
            raise UsageError(
                f"{self._origin.name}: an argument cannot be pickled for the worker process: "
                f"{type(error).__name__}: {error}"
            ) from error
        return pickle.dumps((self._origin, sys.path, call))

    def take(self, answer: bytes) -> Any:
        """What the function has returned, or raises what it has raised; the instance is changed."""
        try:
            done, value, more = _Unpickler(io.BytesIO(answer)).load()
        except Exception as error:
            raise UsageError(
                f"{self._origin.name}: what the worker process has answered cannot be unpickled: "
                f"{type(error).__name__}: {error}"
            ) from error
        if done:
            if self._instance is not None:
                set_state(self._instance, more)
            return value
        stack, text = more
        setattr(value, WORKER_STACK, stack)
        raise value from WorkerTraceback(text)


class _Unpickler(pickle.Unpickler):
    """Finds the classes of the program's main module, which has another name in a worker."""

    def find_class(self, module: str, name: str, /) -> Any:
        return super().find_class("__main__" if module == WORKER_MAIN else module, name)


def set_state(instance: Any, state: Any) -> None:
    """Make the attributes of an object those that `__getstate__` of its copy has given."""
    take = getattr(instance, "__setstate__", None)
    if take is not None:
        take(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if hasattr(instance, "__dict__"):
        instance.__dict__.clear()
        instance.__dict__.update(attributes or {})
    for name, value in (slots or {}).items():
        setattr(instance, name, value)


def _origin(function: Any) -> Origin:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if function.__module__ == "__main__" and file is None:
        raise UsageError(
            f"{function.__qualname__}: a worker process cannot import what was typed in; put it in a file"
        )
    return Origin(function.__module__, None if file is None else os.path.abspath(file), function.__qualname__)


# --- frames: eight bytes of length, then the pickle -----------------------------------------


def frame(data: bytes) -> bytes:
    """`data` with its length before it."""
    return len(data).to_bytes(_LENGTH, "big") + data


def read_frame(stream: IO[bytes]) -> bytes:
    """The next one; EOFError where the other end is gone."""
    return _exactly(stream, int.from_bytes(_exactly(stream, _LENGTH), "big"))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    parts = []
    while size:
        part = stream.read(size)
        if not part:
            raise EOFError("the other end of the pipe is closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# --- one worker ---------------------------------------------------------------------------------


class Worker:
    """The runner of one thread: a process that is there from the first request until it dies."""

    __slots__ = ("_lock", "_process", "_replies", "_requests")
    is_here: ClassVar[bool] = False  # this very process is one

    def __init__(self) -> None:
        self._lock = threading.Lock()  # over the process's beginning and its end
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: Any = None
        self._replies: Any = None

    def ask(self, task: Task, check: Callable[[], None]) -> bytes:
        """Send the task and wait for the answer, in the thread; WorkerDied if there is none.

        `check` raises when the task is not wanted any more: nothing is begun then.
        """
        request = frame(task.request())
        process = self._running(check)
        try:
            self._requests.write(request)
            self._requests.flush()
            return read_frame(self._replies)
        except (OSError, EOFError):
            raise _died(self._ended(process)) from None

    def stop(self) -> bool:
        with self._lock:
            if self._process is not None:
                self._process.kill()
        return True

    def close(self) -> None:
        """Kill it and wait until it is gone, which it is at once; called in the thread."""
        with self._lock:
            process = self._process
        if process is not None:
            process.kill()
            self._ended(process)

    def _running(self, check: Callable[[], None]) -> subprocess.Popen[bytes]:
        with self._lock:
            check()
            if self._process is None:
                self._process = self._start()
            return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        command = _COMMAND.format(path=repr(sys.path))
        there_in, requests = os.pipe()
        replies, there_out = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", command, str(there_in), str(there_out)],
                stdin=subprocess.DEVNULL,
                pass_fds=(there_in, there_out),
                process_group=0,
            )
        except BaseException:
            os.close(requests)
            os.close(replies)
            raise
        finally:
            os.close(there_in)
            os.close(there_out)
        self._requests = open(requests, "wb")  # noqa: SIM115  # open for as long as the process is there
        self._replies = open(replies, "rb")  # noqa: SIM115
        return process

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """Clear away what is left of it; what it ended with, negative for a signal."""
        with self._lock:
            self._process = None
        try:
            status = process.wait(EXIT_TIME)  # the pipe is closed a little before the end
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._replies.close()
        with suppress(BrokenPipeError):  # what it has not read is lost
            self._requests.close()
        return status


def _died(status: int) -> WorkerDied:
    if status < 0:
        return WorkerDied((Atom("worker_died"), (Atom("signal"), -status)))
    return WorkerDied((Atom("worker_died"), (Atom("exit_status"), status)))
