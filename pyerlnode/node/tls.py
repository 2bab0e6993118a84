"""TLS under the distribution: the options file of a node, and what it makes of a connection.

    [{server, [{certfile, "cert.pem"}, {keyfile, "key.pem"}, {cacertfile, "ca.pem"},
               {verify, verify_peer}, {fail_if_no_peer_cert, true}]},
     {client, [{certfile, "cert.pem"}, {keyfile, "key.pem"}, {cacertfile, "ca.pem"},
               {verify, verify_peer}]}].

It is the file that a BEAM takes with `-ssl_dist_optfile`.  A client checks that the certificate
is for the host in the name of the node that it dials; a server checks of a client only who has
signed its certificate.  Certificates are read again when their files have changed.

Source: inet_tls_dist.erl of OTP's ssl; its User's Guide, "Using TLS for Erlang Distribution".
Proof: tests/node/test_tls_options.py, tests/node/test_tls.py, interop/test_tls.py.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from pyerlnode.errors import ConfigError, TlsError
from pyerlnode.node.names import bare_host
from pyerlnode.node.tls_faults import handshake_fault
from pyerlnode.node.tls_options import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.node.tls_options import Side

__all__ = ["SHUTDOWN_TIME", "Tls"]

logger = logging.getLogger("pyerlnode.node")

# Seconds that a peer has to answer the end of TLS before its connection is closed anyway.
SHUTDOWN_TIME = 1.0

P = TypeVar("P", bound=asyncio.BaseProtocol)

# With TLS 1.2 a BEAM wants new keys after so many records, and would give the connection up without
# them; OpenSSL forbids it unless told otherwise, by an option that Python has no name for.
_ALLOW_CLIENT_RENEGOTIATION: Final = 0x100


class Tls:
    """The options of a file; `ConfigError` of one line for what is wrong with them, or with a certificate."""

    def __init__(self, file: str) -> None:
        self.file = file
        sides = read(file)
        self._server = _Context(file, "server", sides["server"])
        self._client = _Context(file, "client", sides["client"])

    @property
    def can_listen(self) -> bool:
        """Whether there is a certificate that clients can be shown."""
        return self._server.side.certfile is not None

    def server_context(self) -> ssl.SSLContext:
        """For a connection that was accepted."""
        return self._server.current()

    async def open(
        self, make: Callable[[], P], address: str, port: int, *, host: str, timeout: float
    ) -> tuple[asyncio.Transport, P]:
        """Connect, and shake hands with whom must be `host`.

        TlsError, or OSError where not even TCP connects.
        """
        if self._client.is_blind:
            raise TlsError(
                f"TLS options {self.file}: client: without cacertfile no certificate can be verified; "
                "{verify, verify_none} would trust anybody"
            )
        try:
            return await asyncio.get_running_loop().create_connection(
                make,
                address,
                port,
                ssl=self._client.current(),
                server_hostname=bare_host(host),
                ssl_handshake_timeout=timeout,
                ssl_shutdown_timeout=SHUTDOWN_TIME,
            )
        except (ssl.SSLError, ConnectionAbortedError, ConnectionResetError) as error:
            raise TlsError(f"{host}, port {port}: {handshake_fault(error, timeout)}") from error
        except ValueError as error:
            raise TlsError(f"no certificate can be for the host {host!r}: {error}") from None


class _Context:
    """The ssl.SSLContext of one side, made anew when its files have changed."""

    def __init__(self, file: str, role: str, side: Side) -> None:
        self.side = side
        self._where = f"TLS options {file}: {role}"
        self._role = role
        self._stamps = side.stamps()
        self._context = self._make()

    @property
    def is_blind(self) -> bool:
        """Whether it is to verify, as clients do unless told otherwise, and has nothing to verify with."""
        return self._role == "client" and self.side.verify is None and self.side.cacertfile is None

    def current(self) -> ssl.SSLContext:
        """With the certificates of this moment; as it was where the new ones are not whole."""
        stamps = self.side.stamps()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._context = self._make()
            except ConfigError as error:
                logger.error("the certificates from before are kept: %s", error)
        return self._context

    def _make(self) -> ssl.SSLContext:
        side = self.side
        if self._role == "server":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.num_tickets = 0  # nobody comes back with one
            context.options |= _ALLOW_CLIENT_RENEGOTIATION
            verify = bool(side.verify)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            verify = side.verify is not False
        context.check_hostname = verify and self._role == "client"
        context.verify_mode = self._verify_mode(verify)
        context.minimum_version, context.maximum_version = min(side.versions), max(side.versions)
        self._load_authorities(context)
        self._load_certificate(context)
        return context

    def _verify_mode(self, verify: bool) -> ssl.VerifyMode:
        side = self.side
        if side.verify and side.cacertfile is None:
            raise ConfigError(f"{self._where}: verify_peer needs cacertfile")
        if side.fail_if_no_peer_cert and not verify:
            raise ConfigError(f"{self._where}: fail_if_no_peer_cert needs {{verify, verify_peer}}")
        if not verify:
            return ssl.CERT_NONE
        optional = self._role == "server" and not side.fail_if_no_peer_cert
        return ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED

    def _load_authorities(self, context: ssl.SSLContext) -> None:
        file = self.side.cacertfile
        if file is None:
            return
        try:
            context.load_verify_locations(file)
        except ssl.SSLError:
            raise ConfigError(f"{self._where}: cacertfile {file} holds no certificates (PEM)") from None
        except OSError as error:
            raise ConfigError(f"{self._where}: cacertfile {file}: {error.strerror}") from None

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        side = self.side
        if side.certfile is None:
            if side.keyfile is not None:
                raise ConfigError(f"{self._where}: keyfile without certfile")
            return
        # load_cert_chain says of neither file which it means.
        for name in ("certfile", "keyfile"):
            self._check_readable(name, getattr(side, name))
        try:
            context.load_cert_chain(side.certfile, side.keyfile, password=self._no_password)
        except ssl.SSLError as error:
            raise ConfigError(f"{self._where}: {self._fault(error)}") from None

    def _check_readable(self, name: str, file: str | None) -> None:
        if file is None:
            return
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise ConfigError(f"{self._where}: {name} {file}: {error.strerror}") from None

    def _no_password(self) -> NoReturn:
        raise ConfigError(f"{self._where}: keyfile {self._keyfile} is encrypted: a plain key is wanted")

    def _fault(self, error: ssl.SSLError) -> str:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"keyfile {self._keyfile} does not belong to certfile {self.side.certfile}"
        if error.reason is not None and error.reason.startswith(("EE_KEY", "CA_MD", "CA_KEY")):
            return f"certfile {self.side.certfile}: {error.reason.replace('_', ' ').lower()}"
        return f"no certificate in certfile {self.side.certfile}, or no key in {self._keyfile} (PEM)"

    @property
    def _keyfile(self) -> str | None:
        return self.side.keyfile or self.side.certfile
