"""Text on its way to a descriptor that may take it slowly, or not at all.

A pipe that nobody reads is full after 64 KiB, and whoever writes on it then stands still.  An
`Outlet` writes only what the descriptor takes now; the rest waits here, in order, until the
event loop says that there is room, while everything else goes on.

    outlet.write(text)          # returns at once
    await outlet.drained()      # all of it has been taken; OSError if the descriptor failed

The descriptor keeps its mode: it may be shared with other programs, for which it must go on
to block.  Without that mode it is asked first, and gets no more than fits then.

Source: POSIX, poll and write: what is writable takes PIPE_BUF bytes without waiting.
Proof: tests/services/test_outlet.py, tests/services/test_full_pipe.py, interop/test_io.py.
"""

from __future__ import annotations

import asyncio
import os
import select
import stat
from collections import deque
from contextlib import contextmanager, suppress
from io import TextIOWrapper, UnsupportedOperation
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Outlet"]

_CAN_ASK: Final = hasattr(select, "poll") and os.linesep == "\n"
_PORTION: Final = getattr(select, "PIPE_BUF", 512)
# Portions that are written before the event loop gets control back.
_PORTIONS: Final = 64


class Outlet:
    """One text stream, written as fast as its descriptor takes it and never waited for.

    A stream without a descriptor (an `io.StringIO`, a notebook's) is written at once, and so
    is every stream while no event loop runs: then nothing else could go on.
    """

    def __init__(self, stream: TextIO, *, alone: bool = True) -> None:
        """`alone`: what waits is dropped when those who wait for it are gone; else it goes on to leave."""
        self._stream = stream
        self._alone = alone
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[memoryview] = deque()
        # Bytes that ever came and ever left: who waits knows by them when it is his turn.
        self._came = self._left = 0
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        # A duplicate of the descriptor: a loop keeps one callback for each number.
        self._watched: int | None = None
        self._soon: asyncio.Handle | None = None

    @property
    def waiting(self) -> int:
        """Bytes that have not been taken yet."""
        return self._came - self._left

    def write(self, text: str) -> None:
        """Write `text`, or what can be written of it now; OSError or ValueError if nothing ever can.

        In another thread than the loop's it is handed to that one.
        """
        loop = _running_loop()
        if loop is None and self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self.write, text)
            return
        if loop is None or descriptor(self._stream) is None:
            self._stream.write(text)
            self._stream.flush()
            return
        self._loop = loop
        self._put(text.encode(self._stream.encoding or "utf-8", "backslashreplace"))

    def _put(self, data: bytes) -> None:
        if not data:
            return
        self._came += len(data)
        self._waiting.append(memoryview(data))
        if self._watched is None and self._soon is None:
            try:
                self._go_on()
            except (OSError, ValueError):
                self._drop()
                raise

    async def drained(self) -> None:
        """Wait until all that was written so far is taken; raises the OSError that prevents it."""
        if not self._waiting:
            return
        waiter = (self._came, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await waiter[1]
        finally:
            with suppress(ValueError):
                self._waiters.remove(waiter)
            if self._alone and not self._waiters:
                self.close()

    def close(self) -> None:
        """Write what is taken at once, and drop the rest."""
        self._unwatch()
        if self._waiting:
            with suppress(OSError, ValueError), _target(self._stream) as (fd, portion):
                self._write_some(fd, portion)
        self._drop()

    # --- writing ----------------------------------------------------------------------

    def _pump(self) -> None:
        """Called by the loop when there may be room."""
        self._soon = None
        try:
            self._go_on()
        except (OSError, ValueError) as error:
            self._fail(error)

    def _go_on(self) -> None:
        """Write what is taken now, and have the rest written later."""
        with _target(self._stream) as (fd, portion):
            if not self._write_some(fd, portion):
                self._watch(fd)
                return
        self._unwatch()
        if self._waiting and self._loop is not None:
            self._soon = self._loop.call_soon(self._pump)

    def _write_some(self, fd: int, portion: int) -> bool:
        """Write for a bounded while; False if there is no room for more."""
        return all(self._write_portion(fd, portion) for _ in range(_PORTIONS) if self._waiting)

    def _write_portion(self, fd: int, portion: int) -> bool:
        """Write at most `portion` bytes; False if there is no room."""
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        if not poll.poll(0):
            return False
        self._stream.flush()  # what the program has written there itself comes first
        try:
            self._taken(os.write(fd, self._waiting[0][:portion]))
        except BlockingIOError:
            return False
        return True

    def _taken(self, count: int) -> None:
        self._left += count
        first = self._waiting[0]
        if count == len(first):
            self._waiting.popleft()
        else:
            self._waiting[0] = first[count:]
        while self._waiters and self._waiters[0][0] <= self._left:
            _, waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        waiters, self._waiters = self._waiters, deque()
        self._drop()
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _drop(self) -> None:
        self._unwatch()
        self._waiting.clear()
        self._left = self._came

    # --- waiting ----------------------------------------------------------------------

    def _watch(self, fd: int) -> None:
        if self._watched is None and self._loop is not None:
            self._watched = os.dup(fd)
            self._loop.add_writer(self._watched, self._pump)

    def _unwatch(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._watched is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_writer(self._watched)
        os.close(self._watched)
        self._watched = None


def descriptor(stream: TextIO) -> int | None:
    """Where `stream` writes to; None if that is no descriptor, or none that can be asked for room.

    ValueError if it is closed.
    """
    # Other classes (of notebooks, say) may name a descriptor and write elsewhere.
    if not (_CAN_ASK and isinstance(stream, TextIOWrapper)):
        return None
    try:
        return stream.fileno()
    except UnsupportedOperation:
        return None


@contextmanager
def _target(stream: TextIO) -> Iterator[tuple[int, int]]:
    """The descriptor to write on, and how many bytes at once it takes when it is writable."""
    fd = descriptor(stream)
    assert fd is not None
    mode = os.fstat(fd).st_mode
    own = _own_terminal(fd) if stat.S_ISCHR(mode) else None
    try:
        # A file takes everything; no event loop would watch one.
        yield (fd if own is None else own), (2**30 if stat.S_ISREG(mode) else _PORTION)
    finally:
        if own is not None:
            os.close(own)


def _own_terminal(fd: int) -> int | None:
    """The terminal behind `fd`, opened anew: one with a single free byte is writable, too."""
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
