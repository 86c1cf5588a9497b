"""A certificate authority for this once: for a server on this machine whose clients are told to trust it, and forget it after."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from handstamp.stores.private_files import create_private, make_directory

__all__ = ["Authority", "build_certificate", "name_of", "pem_of"]

Key = ec.EllipticCurvePrivateKey
LIFETIME = timedelta(days=7)


class Authority:
    """
    Its certificate lies in `folder`; its own key is never written, so nothing can be signed once it is gone.

    Raises StoreUnreachable where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = name_of("Handstamp's authority for tests")
        self.ca_file = folder / "ca.pem"
        """What to trust for all that it signs."""
        make_directory(folder)
        self.ca_file.unlink(missing_ok=True)
        create_private(self.ca_file, pem_of(self._sign(self._name, self._key, is_authority=True)))

    def certify(self, *hosts: str, end: datetime | None = None) -> tuple[Path, Path]:
        """A certificate for these names and addresses, and its key, in files."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name_of(hosts[0]), key, *hosts, end=end)
        chain, private = (self._folder / f"{certificate.serial_number:x}{suffix}" for suffix in (".pem", ".key"))
        create_private(chain, pem_of(certificate))
        create_private(private, pem_of(key))
        return chain, private

    def _sign(
        self, subject: x509.Name, key: Key, *hosts: str, is_authority: bool = False, end: datetime | None = None
    ) -> x509.Certificate:
        return build_certificate(subject, key, self._name, self._key, *hosts, is_authority=is_authority, end=end)


def build_certificate(
    subject: x509.Name,
    key: Key,
    issuer: x509.Name,
    issuer_key: Key,
    *hosts: str,
    is_authority: bool = False,
    end: datetime | None = None,
) -> x509.Certificate:
    """Signed by whoever `issuer` is, and good until `end`, or for a week."""
    end = end or datetime.now(UTC) + LIFETIME
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(end - 2 * LIFETIME).not_valid_after(end)
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


def name_of(common: str) -> x509.Name:
    """Whose certificate it is, or who signed it."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def pem_of(item: x509.Certificate | Key) -> bytes:
    """As it stands in a file."""
    encoding = serialization.Encoding.PEM
    if isinstance(item, x509.Certificate):
        return item.public_bytes(encoding)
    return item.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
