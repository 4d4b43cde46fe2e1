"""A certificate of one's own, for local use: browsers warn of it once."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.home import write_private

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_VALID = timedelta(days=365)
_RENEWED_BEFORE = timedelta(days=14)


def self_signed(folder: Path, names: Sequence[str] = ("localhost", "127.0.0.1", "::1")) -> tuple[Path, Path]:
    """Find a certificate and its key in a folder, or make them.

    Parameters
    ----------
    folder : pathlib.Path
    names : sequence of str
        Host names and addresses it is for.

    Returns
    -------
    (pathlib.Path, pathlib.Path)
        Certificate, key.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not (key.exists() and _is_good(certificate, names)):
        folder.mkdir(parents=True, exist_ok=True)
        _make(certificate, key, names)
    return certificate, key


def _is_good(path: Path, names: Sequence[str]) -> bool:
    from cryptography import x509

    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(one.value) for one in alternatives}
    return set(names) <= known and found.not_valid_after_utc - datetime.now(UTC) > _RENEWED_BEFORE


def _make(certificate: Path, key: Path, names: Sequence[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # A little into the past: clocks differ.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    written = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key, written.decode())
    write_private(certificate, signed.public_bytes(serialization.Encoding.PEM).decode())
    os.chmod(certificate, 0o644)


def _name(text: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
