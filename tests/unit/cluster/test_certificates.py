"""The credentials of a cluster: valid, private, and made again only when they have to be."""

import ssl
from pathlib import Path

from cryptography import x509

from seatrial.cluster import certificates

NOW = 1_800_000_000.0
DAY = 86_400.0


def test_the_certificate_is_the_authoritys_and_names_every_host(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path / "pki", NOW, ["api.test", "192.0.2.7"])
    serving, ca = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (made.certificate_file, made.ca_file))
    serving.verify_directly_issued_by(ca)
    names = serving.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "api.test", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert {"127.0.0.1", "::1", "10.96.0.1", "192.0.2.7"} <= addresses
    ssl.create_default_context(cadata=made.ca_data.decode())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate_file, made.key_file)


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    certificates.ensure(tmp_path / "pki", NOW)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "pki").iterdir()} == {0o600}
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700


def test_they_are_used_again(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path, NOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    second = certificates.ensure(tmp_path, NOW + 300 * DAY)
    assert first == second
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_month_before_the_end_a_new_certificate_comes_from_the_same_authority(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path, NOW)
    ca, serving = first.ca_data, first.certificate_file.read_bytes()
    second = certificates.ensure(tmp_path, NOW + 340 * DAY)
    assert second.ca_data == ca
    assert second.token == first.token
    assert second.certificate_file.read_bytes() != serving


def test_a_new_host_makes_a_new_certificate(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path, NOW).certificate_file.read_bytes()
    assert certificates.ensure(tmp_path, NOW, ["api.test"]).certificate_file.read_bytes() != first


def test_a_missing_file_is_made_again(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, NOW).key_file.unlink()
    made = certificates.ensure(tmp_path, NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate_file, made.key_file)
