"""One file over HTTPS on this machine, for tests: with a certificate of the person's, or of an authority for this once."""

import ssl
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import cast
from urllib.parse import quote

from handstamp.cli.certificates import Authority
from handstamp.errors import UsageError
from handstamp.protocol.text import safe
from handstamp.protocol.urls import split_url

__all__ = ["Certificate", "DocumentServer", "open_server"]

Certificate = tuple[Path, Path]
"""A chain and its private key."""
ADDRESS = "127.0.0.1"
IDLE_SECONDS = 10.0


class DocumentServer(ThreadingHTTPServer):
    """Answers for one path alone, with what the file holds at that moment."""

    daemon_threads = True

    def __init__(self, file: Path, host: str, port: int, tls: ssl.SSLContext, log: Callable[[str], None]) -> None:
        self.file = file
        self.path = f"/{quote(file.name)}"
        self.log = log
        self.ca_file: Path | None = None
        self._host = host
        self._tls = tls
        super().__init__((ADDRESS, port), _Handler)

    @property
    def url(self) -> str:
        return f"https://{self._host}:{self.server_port}{self.path}"

    def run(self) -> None:
        """Until Ctrl-C, which is how it is meant to end."""
        with suppress(KeyboardInterrupt):
            self.serve_forever()

    def get_request(self) -> tuple[socket, object]:
        connection, peer = super().get_request()
        # The handshake comes with the first read, in the connection's own thread: nobody waits for a client that says nothing.
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request: object, client_address: object) -> None:
        """Mostly a client that does not trust the authority, and that is worth a line."""
        self.log(f"A connection failed: {safe(str(sys.exception()))}")


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS

    @property
    def _site(self) -> DocumentServer:
        return cast("DocumentServer", self.server)

    def do_GET(self) -> None:
        try:
            body = self._site.file.read_bytes() if self.path == self._site.path else None
        except OSError:
            body = None
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *arguments: object) -> None:
        self._site.log(safe(format % arguments))


@contextmanager
def open_server(
    file: Path,
    *,
    host: str,
    port: int,
    certificate: Certificate | None,
    folder: Path | None,
    log: Callable[[str], None],
) -> Generator[DocumentServer]:
    """Listens; `run` answers. Without a `certificate` its `ca_file` is in `folder`. Raises UsageError for what cannot be used."""
    _require_host(host)
    with ExitStack() as stack:
        authority = None
        if certificate is None:
            authority = Authority(folder or Path(stack.enter_context(TemporaryDirectory(prefix="handstamp-"))))
            certificate = authority.certify(*dict.fromkeys((host, "localhost", ADDRESS)))
        try:
            server = stack.enter_context(DocumentServer(file, host, port, _load(certificate), log))
        except OSError as error:
            raise UsageError(f"Expected to listen on port {port} of {ADDRESS}, got: {error.strerror}.") from error
        server.ca_file = None if authority is None else authority.ca_file
        yield server


def _load(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain, key = certificate
    try:
        context.load_cert_chain(chain, key, password="")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Expected a certificate in {chain} and its key, without a password, in {key}: {_reason(error)}."
        ) from error
    return context


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unreadable").replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else None) or "unreadable"


def _require_host(host: str) -> None:
    try:
        is_name = split_url(f"https://{host}").host == host
    except ValueError:
        is_name = False
    if not is_name:
        raise UsageError(f"Expected the name of a host in lower case, got {safe(host)}.")
