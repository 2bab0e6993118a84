"""What went wrong with TLS, in words that name the cause.

OpenSSL says whose fault it is by a code of the check that failed or by the name of an alert that
the peer sent; neither is for people.

Source: the alerts of RFC 8446, section 6.2; the codes of X509_STORE_CTX_get_error(3).
Proof: tests/node/test_tls.py, interop/test_tls.py.
"""

from __future__ import annotations

import ssl
from typing import Final

__all__ = ["handshake_fault", "lost_fault"]

_EXPIRED, _NOT_YET = 10, 9
_UNKNOWN_CA: Final = frozenset({2, 18, 19, 20, 21})
_REVOKED = 23
_OTHER_HOST: Final = frozenset({62, 64})

_CLOSED = (
    "it closed the connection during the TLS handshake: perhaps it does not accept our certificate, "
    "or speaks without TLS"
)
_NO_TLS = "it does not speak TLS"
_NO_VERSION = "the two ends have no version of TLS in common"
_NO_CLIENT_CERTIFICATE = "it wants a client certificate, and none was given"
_UNACCEPTED = "it does not accept our certificate"
# By the name that OpenSSL gives an error; ALERT: what the peer says.
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _NO_VERSION,
    "NO_SHARED_CIPHER": "the two ends have no cipher in common",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it gave no client certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _NO_CLIENT_CERTIFICATE,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refused the TLS handshake: perhaps it wants a client certificate, "
    "or the two ends have no cipher in common",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it says that our certificate was revoked",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": _UNACCEPTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _UNACCEPTED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _UNACCEPTED,
    "TLSV1_ALERT_ACCESS_DENIED": _UNACCEPTED,
}


def handshake_fault(error: OSError, timeout: float) -> str:
    """Why a TLS handshake failed, which had `timeout` seconds."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return _of_ssl(error)
    if isinstance(error, (ConnectionAbortedError, TimeoutError)):
        return f"no TLS handshake within {timeout:g} s: perhaps it speaks without TLS"
    if isinstance(error, (ConnectionError, ssl.SSLEOFError)):
        return _CLOSED
    return str(error)


def lost_fault(error: Exception) -> str:
    """Why an open connection was lost.

    With TLS 1.3 a client hears only then what the server thinks of its certificate.
    """
    return _of_ssl(error) if isinstance(error, ssl.SSLError) else str(error)


def _of_ssl(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error)
    reason = error.reason or ""
    return _REASONS.get(reason) or reason.replace("_", " ").lower() or str(error)


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return "its certificate has expired"
    if code == _NOT_YET:
        return "its certificate is not valid yet"
    if code in _UNKNOWN_CA:
        return f"its certificate is of an unknown CA ({error.verify_message})"
    if code == _REVOKED:
        return "its certificate was revoked"
    if code in _OTHER_HOST:
        return f"its certificate is for another host: {error.verify_message}"
    return f"its certificate: {error.verify_message}"
