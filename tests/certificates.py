"""Certificates for the tests' servers: of an authority that a test may trust, or wrong in one way."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from handstamp.cli.certificates import Authority, build_certificate, name_of, pem_of

__all__ = ["Signer", "server_context"]


class Signer:
    """A certificate authority whose files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority(folder)
        self.ca_file = self._authority.ca_file
        """What to trust for all that it signs."""

    def tls(self, *hosts: str, expired: bool = False) -> ssl.SSLContext:
        """A server's side, with a certificate for these names and addresses."""
        return server_context(self.certify(*hosts, expired=expired))

    def certify(self, *hosts: str, expired: bool = False) -> Path:
        """Certificate and key in one file."""
        chain, key = self._authority.certify(*hosts, end=datetime.now(UTC) - timedelta(days=1) if expired else None)
        return self._join(chain.read_bytes() + key.read_bytes(), chain.stem)

    def self_sign(self, *hosts: str) -> Path:
        """The same, and nobody vouches for it."""
        key, name = ec.generate_private_key(ec.SECP256R1()), name_of(hosts[0])
        certificate = build_certificate(name, key, name, key, *hosts)
        return self._join(pem_of(certificate) + pem_of(key), f"{certificate.serial_number:x}")

    def client_context(self) -> ssl.SSLContext:
        """For a test's own client, which trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _join(self, content: bytes, name: str) -> Path:
        path = self._folder / f"{name}.both.pem"
        path.write_bytes(content)
        return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
