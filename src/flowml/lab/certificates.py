"""Certificates of the lab's TLS servers: of different sizes, trusted by nobody."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_COMMON_NAME_CHARS = 64  # RFC 5280, ub-common-name
_VALID = datetime.timedelta(days=90)
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a server finds its certificate chain and its key (PEM)."""

    chain: Path
    key: Path


def make_certificate(folder: Path, name: str, key_kind: str, n_issuers: int) -> CertificateFiles:
    """Write the key and chain of a server.

    Parameters
    ----------
    folder
        Where the two files go.
    name
        Host name in the certificate.
    key_kind
        ``"ec"`` or ``"rsa"``; an RSA certificate makes a first flight some 600 bytes longer.
    n_issuers
        Certificates above the server's own that are sent along; 0 means self-signed.
    """
    files = CertificateFiles(folder / f"{name}.pem", folder / f"{name}.key")
    key, issuer_name, issuer_key = _key_of(key_kind), _subject(name), None
    issuers: list[x509.Certificate] = []
    for level in range(n_issuers):
        ca_key = _key_of(key_kind)
        ca_name = _subject(f"Lab Issuer {level}")
        issuers.insert(
            0, _certificate(ca_name, ca_key, issuer_name if issuers else ca_name, issuer_key or ca_key)
        )
        issuer_name, issuer_key = ca_name, ca_key
    chain = [_certificate(_subject(name), key, issuer_name, issuer_key or key), *issuers]
    files.chain.write_bytes(b"".join(c.public_bytes(serialization.Encoding.PEM) for c in chain))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


@functools.cache
def _key_of(kind: str) -> _Key:
    """The lab's key of that kind: a new one takes a tenth of a second, hundreds of servers a minute."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_COMMON_NAME_CHARS])])


def _certificate(subject: x509.Name, key: _Key, issuer: x509.Name, issuer_key: _Key) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName(subject.rdns[0].rfc4514_string()[3:].replace(" ", "-"))]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())
