"""Certificates of one's own, for development and tests: a CA, and what it signs.

Needs the package `cryptography`, which TLS itself does not.

Source: RFC 5280, section 4.2: what a strict verifier wants to find in a certificate.
Proof: tests/node/test_certificates.py.
"""

from __future__ import annotations

import datetime
import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING

from pyerlnode.errors import UsageError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    raise UsageError("making certificates needs the package cryptography: pip install cryptography") from None

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Authority"]

# Clocks of machines differ.
_SKEW = datetime.timedelta(hours=1)


class Authority:
    """A CA that lives as long as this object: its key is written nowhere."""

    def __init__(self, name: str = "pyerlnode development CA", *, days: float = 3650) -> None:
        """A new one, valid for `days` from now."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        public = self._key.public_key()
        builder = _builder(self._name, self._name, public, _now(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(of_ca=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, hosts: Sequence[str], *, days: float = 825, begin: datetime.datetime | None = None
    ) -> tuple[bytes, bytes]:
        """A certificate for these host names and IP addresses, and its key, both in PEM form.

        Good for servers and clients, from `begin` (default: now) on for `days`.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(self._name, _name(hosts[0]), key.public_key(), begin or _now(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(of_ca=False), critical=True)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        names = x509.SubjectAlternativeName([name for host in hosts for name in _general_names(host)])
        builder = builder.add_extension(names, critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(authority, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    begin: datetime.datetime,
    days: float,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - _SKEW)
        .not_valid_after(begin + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, of_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not of_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=of_ca,
        crl_sign=of_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_names(host: str) -> list[x509.GeneralName]:
    # OTP 25 looks for the host of a node among the names, even if it is an address.
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    with suppress(ValueError):
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    return names


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
