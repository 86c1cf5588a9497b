"""Certificates for the tests' servers: of an authority that a test may trust, or wrong in one way."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Signer", "server_context"]

A_DAY = timedelta(days=1)


class Signer:
    """A certificate authority whose files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("The tests' authority")
        self.ca_file = folder / "ca.pem"
        """What to trust for all that it signs."""
        self.ca_file.write_bytes(_pem(_build(self._name, self._key, self._name, self._key, is_authority=True)))

    def tls(self, *hosts: str, expired: bool = False) -> ssl.SSLContext:
        """A server's side, with a certificate for these names and addresses."""
        return server_context(self.certify(*hosts, expired=expired))

    def certify(self, *hosts: str, expired: bool = False) -> Path:
        """Certificate and key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(_build(_name(hosts[0]), key, self._name, self._key, *hosts, expired=expired), key)

    def self_sign(self, *hosts: str) -> Path:
        """The same, and nobody vouches for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(hosts[0])
        return self._write(_build(name, key, name, key, *hosts), key)

    def client_context(self) -> ssl.SSLContext:
        """For a test's own client, which trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _write(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
        path = self._folder / f"{certificate.serial_number:x}.pem"
        path.write_bytes(_pem(certificate) + _key_pem(key))
        return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _build(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *hosts: str,
    is_authority: bool = False,
    expired: bool = False,
) -> x509.Certificate:
    end = datetime.now(UTC) + (-A_DAY if expired else A_DAY)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(end - 3 * A_DAY).not_valid_after(end)
    builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    if is_authority:
        builder = builder.add_extension(_signs_certificates(), critical=True)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
