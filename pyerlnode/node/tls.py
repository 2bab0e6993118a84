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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from pyerlnode.errors import ConfigError, TermSyntaxError, TlsError
from pyerlnode.node.names import bare_host
from pyerlnode.node.tls_faults import handshake_fault
from pyerlnode.term import Term, parse_erlang

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SHUTDOWN_TIME", "Side", "Tls"]

logger = logging.getLogger("pyerlnode.node")

# Seconds that a peer has to answer the end of TLS before its connection is closed anyway.
SHUTDOWN_TIME = 1.0

P = TypeVar("P", bound=asyncio.BaseProtocol)

_FILES: Final = ("certfile", "keyfile", "cacertfile")
_KEYS: Final = (*_FILES, "verify", "fail_if_no_peer_cert", "versions")
_SIDES: Final = ("server", "client")
_VERSIONS: Final = {
    "tlsv1.2": ssl.TLSVersion.TLSv1_2,
    "tlsv1.3": ssl.TLSVersion.TLSv1_3,
}
# BEAMs know these, too; here they only may stand beside the others.
_OLD_VERSIONS: Final = ("tlsv1", "tlsv1.1")
_CHARACTERS: Final = range(1, 0x110000)
# With TLS 1.2 a BEAM wants new keys after so many records, and would give the connection up without
# them; OpenSSL forbids it unless told otherwise, by an option that Python has no name for.
_ALLOW_CLIENT_RENEGOTIATION: Final = 0x100
# When a file last changed, and how large it was.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Side:
    """What one end is told; None where the file says nothing."""

    certfile: str | None = None
    #: the key may stand in `certfile`
    keyfile: str | None = None
    cacertfile: str | None = None
    #: whether the other end must prove who it is; a client does ask for that, a server does not
    verify: bool | None = None
    fail_if_no_peer_cert: bool = False
    versions: tuple[ssl.TLSVersion, ...] = tuple(_VERSIONS.values())

    def stamps(self) -> list[Stamp]:
        """Something that changes when one of the files does."""
        return [_stamp(file) for name in _FILES if (file := getattr(self, name)) is not None]


class Tls:
    """The options of a file; `ConfigError` of one line for what is wrong with them, or with a certificate."""

    def __init__(self, file: str) -> None:
        self.file = file
        sides = _read(file)
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


def _stamp(file: str) -> Stamp:
    try:
        status = Path(file).stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


# --- the file ---------------------------------------------------------------------------------


def _read(file: str) -> dict[str, Side]:
    sides = dict.fromkeys(_SIDES, Side())
    seen = _proplist(_term(file), f"TLS options {file}", "[{server, [...]}, {client, [...]}]", _SIDES)
    for name, options in seen.items():
        sides[name] = _side(options, f"TLS options {file}: {name}")
    return sides


def _term(file: str) -> Term:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"TLS options {file}: {error.strerror}") from None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        return parse_erlang(text)
    except TermSyntaxError as error:
        raise ConfigError(f"TLS options {file}: no Erlang term: {error}") from None


def _proplist(term: Any, where: str, wanted: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(term, list):
        raise ConfigError(f"{where}: {wanted} is wanted")
    found: dict[str, Any] = {}
    for element in term:
        match element:
            case (str(key), value):
                pass
            case _:
                raise ConfigError(f"{where}: {wanted} is wanted")
        if key not in keys:
            raise ConfigError(f"{where}: {key} is not known; {', '.join(keys)} are")
        if key in found:
            raise ConfigError(f"{where}: {key} is given twice")
        found[key] = value
    return found


def _side(term: Any, where: str) -> Side:
    options = _proplist(term, where, "a list of {key, value}", _KEYS)
    for name in _FILES:
        if name in options:
            options[name] = _path(options[name], f"{where}: {name}")
    if "verify" in options:
        choices = {"verify_peer": True, "verify_none": False}
        options["verify"] = _choice(options["verify"], f"{where}: verify", choices)
    if "fail_if_no_peer_cert" in options:
        truth = options["fail_if_no_peer_cert"]
        if not isinstance(truth, bool):
            raise ConfigError(f"{where}: fail_if_no_peer_cert: true or false is wanted")
    if "versions" in options:
        options["versions"] = _versions(options["versions"], f"{where}: versions")
    return Side(**options)


def _path(term: Any, where: str) -> str:
    """A file name: a string, that is a list of characters, or a binary."""
    if (
        isinstance(term, list)
        and term
        and all(isinstance(each, int) and 0 < each < 0x110000 for each in term)
    ):
        return "".join(map(chr, term))
    if isinstance(term, bytes) and term:
        return term.decode(errors="surrogateescape")
    raise ConfigError(f"{where}: the name of a file is wanted")


def _choice(term: Any, where: str, choices: dict[str, bool]) -> bool:
    if isinstance(term, str) and term in choices:
        return choices[term]
    raise ConfigError(f"{where}: {' or '.join(choices)} is wanted")


def _versions(term: Any, where: str) -> tuple[ssl.TLSVersion, ...]:
    known = (*_OLD_VERSIONS, *_VERSIONS)
    if not isinstance(term, list) or not all(isinstance(each, str) and each in known for each in term):
        raise ConfigError(f"{where}: a list of {', '.join(known)} is wanted")
    versions = tuple(_VERSIONS[each] for each in term if each in _VERSIONS)
    if not versions:
        raise ConfigError(f"{where}: tlsv1.2 or tlsv1.3 is needed")
    return versions
