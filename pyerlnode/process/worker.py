"""What a worker process runs: it takes one request after the other from a pipe and answers it.

It ends when the node does: the end of the pipe is noticed by a thread of its own, whatever
is being worked on.

Proof: tests/process/test_in_process.py.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import signal
import sys
import threading
import traceback
from queue import SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import UsageError
from pyerlnode.process.reasons import stacktrace
from pyerlnode.process.workers import BODY, WORKER_MAIN, Origin, Worker, frame, read_frame
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Answer requests until the node is gone; the two pipes are named by the arguments."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker.is_here = True
    requests, replies = map(int, sys.argv[1:])
    sys.argv[1:] = []
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, inbox), daemon=True).start()
    with open(replies, "wb") as out:
        while True:
            reply = answer(inbox.get())
            sys.stdout.flush()
            out.write(frame(reply))
            out.flush()


def _read(requests: int, inbox: SimpleQueue[bytes]) -> None:
    # Without a buffer, whose lock the end of the program would have to wait for.
    with open(requests, "rb", buffering=0) as stream:
        try:
            while True:
                inbox.put(read_frame(stream))
        except EOFError:
            os._exit(0)  # the node is gone, and nobody wants what is being worked on


def answer(request: bytes) -> bytes:
    """Call what is asked for; the pickled result or exception.

    What is no `Exception`, as `SystemExit`, is not answered: it ends the process.
    """
    origin, path, call = pickle.loads(request)
    sys.path[:] = path
    try:
        function = _find(origin)
        args, kwargs, is_method = pickle.loads(call)
    except Exception as error:
        return _failed(_not_loaded(origin, error))
    try:
        value = function(*args, **kwargs)
    except Exception as error:
        return _failed(error)
    try:
        return pickle.dumps((True, value, args[0].__getstate__() if is_method else None))
    except Exception as error:
        return _failed(
            UsageError(f"{origin.name}: the result cannot be pickled: {type(error).__name__}: {error}")
        )


def _not_loaded(origin: Origin, error: Exception) -> UsageError:
    return UsageError(
        f"a worker process cannot load {origin.module}.{origin.name}: {type(error).__name__}: {error} "
        '(what starts the program belongs under `if __name__ == "__main__":`)'
    )


def _find(origin: Origin) -> Callable[..., Any]:
    found: Any = _module(origin)
    for part in origin.name.split("."):
        found = getattr(found, part)
    body: Callable[..., Any] = getattr(found, BODY)
    return body


def _module(origin: Origin) -> ModuleType:
    known = sys.modules.get(WORKER_MAIN if origin.module == "__main__" else origin.module)
    if known is not None:
        return known
    if origin.module == "__main__":
        return _main_module(str(origin.file))
    if importlib.util.find_spec(origin.module) is None and origin.file is not None:
        return _from_file(origin.module, origin.file)
    return importlib.import_module(origin.module)


def _main_module(file: str) -> ModuleType:
    """Run the program's main module under another name, and let pickles find it under both."""
    module = ModuleType(WORKER_MAIN)
    module.__file__ = file
    with open(file, "rb") as source:
        code = compile(source.read(), file, "exec")
    sys.modules["__main__"] = sys.modules[WORKER_MAIN] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[WORKER_MAIN]
        raise
    return module


def _from_file(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _failed(error: Exception) -> bytes:
    text = "".join(traceback.format_exception(error))
    stack = [_named(entry) for entry in stacktrace(error)]
    return pickle.dumps((False, _portable(error), (stack, text)))


def _named(entry: Any) -> Any:
    """An entry of the stack with the name that the main module has in the program."""
    return (Atom("__main__"), *entry[1:]) if entry[0] == WORKER_MAIN else entry


def _portable(error: Exception) -> Exception:
    """The exception itself where it can be pickled, else one that says the same."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
