"""Asking EPMD, and staying registered with it.

`find` and `names` are single questions.  `EpmdKeeper` keeps one node registered for
as long as it lives: EPMD may be restarted, killed, or replaced by the daemon of
another node.  Where no EPMD answers at all, the keeper serves one itself; when that
node ends, one of those who were registered there binds the port, and the others find
it.  The creation is that of the first registration: it is part of the node's pids.

Source: ERTS manual, "Distribution Protocol", EPMD Protocol; erl_epmd.erl of OTP's
kernel (10 s for an answer, registering again every 2 s).
Proof: tests/node/test_epmd_client.py, tests/node/test_epmd_keeper.py.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from pyerlnode.errors import EpmdError, NameTaken, NoEpmd
from pyerlnode.node import hosts
from pyerlnode.node.epmd_server import EpmdServer
from pyerlnode.protocol.epmd import (
    Alive2Reply,
    Alive2Request,
    NamesReply,
    NamesRequest,
    PortReply,
    PortRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyerlnode.protocol.epmd import EpmdRequest, Registration

__all__ = ["EpmdKeeper", "find", "names"]

logger = logging.getLogger("pyerlnode.epmd")

R = TypeVar("R")

# Seconds for each step: connecting, and the answer.
ANSWER_TIME = 10.0
# Longest time between two attempts to be registered again.
RETRY = 1.0
# An answer that is longer is none.
_MAX_ANSWER = 16 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "::1")
# Times that the first registration looks who serves EPMD now: this node, or one that was faster.
_ROUNDS = 20
# Seconds that EPMD may take to notice that a node leaves.
_GOODBYE = 1.0


async def find(name: str, host: str, port: int, *, ipv6: bool = False) -> tuple[list[str], int]:
    """The addresses of `host` and the port on which its node `name` (without `@host`) listens.

    The address at which EPMD answered comes first.  EpmdError says whether EPMD or the
    name is missing, OSError that the host is unknown.
    """
    addresses = await hosts.resolve(host, ipv6=ipv6)
    data, address = await _ask(PortRequest(name), host, addresses, port, PortReply.decode)
    if data.node is None:
        raise EpmdError(f"EPMD on {host}, port {port}, knows no node named {name}")
    return [address, *(other for other in addresses if other != address)], data.node.port


async def names(host: str, port: int) -> list[tuple[str, int]]:
    """Names and ports of all nodes of `host`; EpmdError where no EPMD answers."""
    addresses = await hosts.resolve(host)
    reply, _ = await _ask(NamesRequest(), host, addresses, port, _names_at_close)
    return reply.nodes


def _names_at_close(data: bytes, *, closed: bool) -> NamesReply | None:
    return NamesReply.decode(data) if closed else None


async def _ask(
    request: EpmdRequest,
    host: str,
    addresses: Sequence[str],
    port: int,
    decode: Callable[..., R | None],
) -> tuple[R, str]:
    """Send one request; the decoded answer and the address that gave it."""
    reader, writer, address = await _open(host, addresses, port)
    try:
        writer.write(request.encode())
        return await _read(reader, host, port, decode), address
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _open(
    host: str, addresses: Sequence[str], port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    try:
        async with asyncio.timeout(ANSWER_TIME):
            return await hosts.open_streams(addresses, port)
    except TimeoutError:
        raise EpmdError(f"no EPMD on {host}, port {port}: no connection within {ANSWER_TIME:g} s") from None
    except OSError as error:
        raise NoEpmd(f"no EPMD on {host}: {error}") from error


async def _read(reader: asyncio.StreamReader, host: str, port: int, decode: Callable[..., R | None]) -> R:
    """Collect bytes until `decode` makes an answer of them."""
    data = b""
    try:
        async with asyncio.timeout(ANSWER_TIME):
            while len(data) <= _MAX_ANSWER:
                more = await reader.read(65536)
                data += more
                answer = decode(data, closed=not more)
                if answer is not None:
                    return answer
    except TimeoutError:
        raise EpmdError(f"EPMD on {host}, port {port}: no answer within {ANSWER_TIME:g} s") from None
    except OSError as error:
        raise EpmdError(f"EPMD on {host}, port {port}: {error}") from error
    raise EpmdError(f"EPMD on {host}, port {port}: an answer of more than {_MAX_ANSWER} bytes")


class EpmdKeeper:
    """Keeps one node registered with the EPMD of this machine, whoever serves it."""

    def __init__(
        self,
        registration: Registration,
        port: int,
        *,
        serve: bool = True,
        addresses: Sequence[str] = _LOOPBACK,
        relaxed: bool = False,
        ipv6: bool = False,
        retry: float = RETRY,
    ) -> None:
        """`serve`: where no EPMD answers, be one, on `addresses` (`relaxed`: see EpmdServer).

        It is looked for on 127.0.0.1 first, with `ipv6` on ::1.
        """
        self.creation = 0
        #: the daemon in this process, while it is the one that serves
        self.server: EpmdServer | None = None
        self._registration = registration
        self._port = port
        self._serve = serve
        self._addresses = addresses
        self._relaxed = relaxed
        self._loopback = _LOOPBACK[::-1] if ipv6 else _LOOPBACK
        self._retry = retry
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def registered(self) -> bool:
        """Whether EPMD knows the node at this moment, as far as we have heard."""
        return self._writer is not None

    async def start(self) -> int:
        """Register; the creation of this life of the node.

        Raises NameTaken, or EpmdError where EPMD neither answers nor can be served here.
        """
        reader, self.creation = await self._register_somewhere()
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(
            self._keep(reader), name=f"epmd registration of {self._registration.name}"
        )
        return self.creation

    async def close(self) -> None:
        """Give the registration up, and the daemon if it runs here."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await self._leave()
        await self._unregistered()
        await self._serve_no_more()

    async def _leave(self) -> None:
        """Wait until EPMD has seen that we go: whoever is told next that the name is free finds it free."""
        if self._writer is None or self._reader is None:
            return
        try:
            self._writer.write_eof()
            async with asyncio.timeout(_GOODBYE):
                await _until_closed(self._reader)
        except OSError:
            logger.debug("EPMD did not answer the end of a registration")

    async def _unregistered(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await _close(writer)

    async def _serve_no_more(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            await server.close()

    # --- registering --------------------------------------------------------------------

    async def _register_somewhere(self) -> tuple[asyncio.StreamReader, int]:
        """Register with who serves EPMD; serve it where nobody does."""
        for _ in range(_ROUNDS):
            try:
                return await self._register()
            except NoEpmd:
                if not self._serve:
                    raise
            if not await self._try_to_serve():
                # Somebody else has bound the port and does not listen yet, or has just let go of it.
                await asyncio.sleep(random.uniform(0.01, 0.1))
        raise EpmdError(f"EPMD's port {self._port} is in use, but no EPMD answers there")

    async def _register(self) -> tuple[asyncio.StreamReader, int]:
        reader, writer, _ = await _open("this machine", self._loopback, self._port)
        try:
            writer.write(Alive2Request(self._registration).encode())
            reply = await _read(reader, "this machine", self._port, Alive2Reply.decode)
            if reply.result != 0:
                taken = f"the name {self._registration.name} is taken"
                raise NameTaken(f"{taken}: EPMD on port {self._port} has a living node under it")
        except BaseException:
            await _close(writer)
            raise
        self._reader, self._writer = reader, writer
        return reader, reply.creation

    async def _try_to_serve(self) -> bool:
        await self._serve_no_more()
        server = EpmdServer(self._port, self._addresses, relaxed=self._relaxed)
        try:
            await server.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise EpmdError(f"no EPMD answers, and none can be served: {error}") from error
        self.server = server
        logger.info("serving EPMD on port %d", self._port)
        return True

    # --- staying registered -------------------------------------------------------------

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        while True:
            await _until_closed(reader)
            logger.info("EPMD on port %d is gone", self._port)
            await self._unregistered()
            reader = await self._register_again()
            logger.info("%s is registered again", self._registration.name)

    async def _register_again(self) -> asyncio.StreamReader:
        """Try until it works; the new creation is of no interest, our pids have the old one."""
        told = ""
        # Those who lost the same daemon should not all bind its port in the same moment.
        await asyncio.sleep(random.uniform(0, 0.1))
        while True:
            try:
                reader, _ = await self._register_somewhere()
            except EpmdError as error:
                if str(error) != told:
                    told = str(error)
                    logger.warning("%s is not registered: %s", self._registration.name, told)
                await asyncio.sleep(random.uniform(0.5, 1.0) * self._retry)
            else:
                return reader


async def _until_closed(reader: asyncio.StreamReader) -> None:
    """EPMD sends nothing more on this connection; it only closes it when it ends."""
    try:
        while await reader.read(4096):
            pass
    except OSError:
        return
