"""Credentials of a cluster: its own authority, a serving certificate, and the administrator's bearer token.

Files are made once per directory, mode 0600, and used again as long as they hold for a month and name every host.
Keys are EC P-256. Chance comes from the operating system: these are secrets, also in a seeded simulation.
"""

import datetime
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

VALID_DAYS, CA_VALID_DAYS, RENEW_DAYS = 365, 3650, 30
HOSTS = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "127.0.0.1",
    "::1",
    "10.96.0.1",
)


@dataclass(frozen=True)
class Credentials:
    """Where the files are, and what clients need."""

    ca_file: Path
    certificate_file: Path
    key_file: Path
    token: str

    @property
    def ca_data(self) -> bytes:
        return self.ca_file.read_bytes()


def ensure(directory: Path, now: float, hosts: Sequence[str] = ()) -> Credentials:
    """The credentials in the directory, made as far as they are missing, too old, or lack one of `hosts`."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = Credentials(
        directory / "ca.crt", directory / "apiserver.crt", directory / "apiserver.key", _token(directory)
    )
    names = tuple(dict.fromkeys((*HOSTS, *hosts)))
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if not _usable(directory, names, moment):
        _make(found, directory / "ca.key", names, moment)
        _write(directory / "apiserver.names", _stamp(names, moment).encode())
    return found


def _token(directory: Path) -> str:
    path = directory / "token"
    if not path.exists():
        _write(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def _stamp(names: Sequence[str], moment: datetime.datetime) -> str:
    """What the certificate holds for, beside it, so that a start need not parse certificates."""
    ends = moment + datetime.timedelta(days=VALID_DAYS - RENEW_DAYS)
    return "\n".join((ends.isoformat(), *names))


def _usable(directory: Path, names: Sequence[str], moment: datetime.datetime) -> bool:
    files = ("ca.crt", "ca.key", "apiserver.crt", "apiserver.key", "apiserver.names")
    if not all((directory / name).exists() for name in files):
        return False
    ends, *covered = (directory / "apiserver.names").read_text().split("\n")
    try:
        return set(names) <= set(covered) and moment < datetime.datetime.fromisoformat(ends)
    except ValueError:
        return False


def _make(wanted: Credentials, ca_key_file: Path, names: Sequence[str], moment: datetime.datetime) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    ca, ca_key = _authority(wanted.ca_file, ca_key_file, moment)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _serving_certificate(names, key, ca, ca_key, moment)
    _write(wanted.key_file, _pem(key))
    _write(wanted.certificate_file, _pem_certificate(certificate) + _pem_certificate(ca))


def _authority(
    file: Path, key_file: Path, moment: datetime.datetime
) -> tuple["x509.Certificate", "ec.EllipticCurvePrivateKey"]:
    """The authority that is there already, so that old kubeconfigs stay good, or a new one."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if file.exists() and key_file.exists():
        kept = x509.load_pem_x509_certificate(file.read_bytes())
        kept_key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if isinstance(kept_key, ec.EllipticCurvePrivateKey) and kept.not_valid_after_utc > moment:
            return kept, kept_key
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _ca_certificate(key, moment)
    _write(key_file, _pem(key))
    _write(file, _pem_certificate(certificate))
    return certificate, key


def _builder(subject: str, issuer: "x509.Name", moment: datetime.datetime, days: int) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(hours=1))
        .not_valid_after(moment + datetime.timedelta(days=days))
    )


def _name(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _ca_certificate(key: "ec.EllipticCurvePrivateKey", moment: datetime.datetime) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    public = key.public_key()
    return (
        _builder("seatrial-ca", _name("seatrial-ca"), moment, CA_VALID_DAYS)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _serving_certificate(
    names: Sequence[str],
    key: "ec.EllipticCurvePrivateKey",
    ca: "x509.Certificate",
    ca_key: "ec.EllipticCurvePrivateKey",
    moment: datetime.datetime,
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder("kube-apiserver", ca.subject, moment, VALID_DAYS)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _alternative(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: "ec.EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pem_certificate(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, readable by nobody else from the first moment."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
