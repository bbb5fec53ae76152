from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from flowml.lab.certificates import make_certificate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("key_kind", ["ec", "rsa"])
@pytest.mark.parametrize("n_issuers", [0, 1, 2])
def test_each_certificate_of_a_chain_is_signed_by_the_next(
    tmp_path: Path, key_kind: str, n_issuers: int
) -> None:
    files = make_certificate(tmp_path, "pool-1", key_kind, n_issuers)
    chain = x509.load_pem_x509_certificates(files.chain.read_bytes())
    assert len(chain) == n_issuers + 1
    for certificate, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        certificate.verify_directly_issued_by(issuer)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.chain, files.key)


def test_a_long_name_is_cut_where_a_common_name_ends(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "pool" * 20, "ec", 1)
    certificate, _ = x509.load_pem_x509_certificates(files.chain.read_bytes())
    (name,) = certificate.subject
    assert name.value == "pool" * 16
