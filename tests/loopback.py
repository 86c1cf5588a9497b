"""
Servers on a free port of 127.0.0.1 that do what a test wants of them, and remember what they were sent.

`LoopbackServer` plays one part a request, byte for byte, whatever it is asked; `LoopbackSite` answers by path, and is what a
discovery walks through; `LoopbackProxy` leads to one of them. All take a `tls` context and stop with their `with` block.
"""

import json
import select
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

__all__ = [
    "Answer",
    "LoopbackProxy",
    "LoopbackServer",
    "LoopbackSite",
    "Play",
    "answer",
    "closed_port",
    "document",
    "repeat",
    "say",
    "say_and_close",
]

TLS_HANDSHAKE = b"\x16\x03"

Play = Callable[[socket.socket, threading.Event], None]
"""Plays the server's part on one connection, after its request was read. The event is set when the test is over."""


class _Listening(ABC):
    """Accepts connections, each in a thread of its own, and reads their requests."""

    def __init__(self, tls: ssl.SSLContext | None, address: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._tls = tls
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.origin = f"{'https' if tls else 'http'}://{address}:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def asked(self) -> list[str]:
        """`GET /path` of each request, or `CONNECT mcp.example:443`, in the order of arrival."""
        return [" ".join(request.partition(b"\r\n")[0].decode().split(" ")[:2]) for request in self.requests]

    def named(self, host: str) -> str:
        """The origin under another name."""
        return f"{self.origin.partition('://')[0]}://{host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with stream:
                while request := _read_request(stream):
                    self.requests.append(request)
                    if not self._reply(stream, request):
                        return

    @abstractmethod
    def _reply(self, stream: socket.socket, request: bytes) -> bool:
        """False where that was the connection's last."""


class LoopbackServer(_Listening):
    """Plays one part a request."""

    def __init__(self, *parts: bytes | Play, tls: ssl.SSLContext | None = None) -> None:
        self._parts = list(parts)
        super().__init__(tls)

    def play(self, *parts: bytes | Play) -> None:
        """More parts, for those that must know the server's port."""
        self._parts += parts

    def _reply(self, stream: socket.socket, request: bytes) -> bool:
        if not self._parts:
            return False
        part = self._parts.pop(0)
        if callable(part):
            part(stream, self._over)
            return False
        stream.sendall(part)
        return True


class LoopbackSite(_Listening):
    """Answers a path with what a test put into `answers`; all else is 404."""

    def __init__(
        self,
        answers: "Mapping[str, Answer] | None" = None,
        *,
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`address`: another one of this machine's, in a network of the test's own."""
        self.answers = dict(answers or {})
        super().__init__(tls, address, port)

    def _reply(self, stream: socket.socket, request: bytes) -> bool:
        path = request.split(b" ", 2)[1].decode().partition("?")[0] if b" " in request else ""
        found = self.answers.get(path, Answer("404 Not Found"))
        stream.sendall(answer(found.body, found.status, *found.headers))
        return True


@dataclass(frozen=True, slots=True)
class Answer:
    status: str = "200 OK"
    body: bytes = b""
    headers: Sequence[str] = ()


def document(**members: object) -> Answer:
    """A metadata document."""
    return Answer(body=json.dumps(members).encode(), headers=("Content-Type: application/json",))


def _read_request(stream: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = stream.recv(65536)
        if not chunk or chunk.startswith(TLS_HANDSHAKE):
            return received + chunk
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    expected = int(lengths[0]) if lengths else 0
    while len(body) < expected:
        body += stream.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def say(*chunks: bytes) -> Play:
    """Sends these and then neither sends nor closes."""

    def play(stream: socket.socket, over: threading.Event) -> None:
        for chunk in chunks:
            stream.sendall(chunk)
        over.wait()

    return play


def say_and_close(*chunks: bytes) -> Play:
    def play(stream: socket.socket, over: threading.Event) -> None:
        for chunk in chunks:
            stream.sendall(chunk)

    return play


def repeat(head: bytes, chunk: bytes, every: float = 0.0) -> Play:
    """Sends the head, then the chunk for ever."""

    def play(stream: socket.socket, over: threading.Event) -> None:
        stream.sendall(head)
        while not over.wait(every):
            stream.sendall(chunk)

    return play


@contextmanager
def closed_port() -> Generator[str]:
    """The origin of a port on which nothing listens, and which nobody else gets meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


class LoopbackProxy(_Listening):
    """A proxy that tunnels to the ports of 127.0.0.1 at which a test says that hosts are; to all else it answers 502."""

    def __init__(self, places: Mapping[str, int], *, credentials: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        """`places`: `{"mcp.example:443": 4711}`. `credentials`: `user:password`, without which it answers 407."""
        self._places = places
        self._credentials = None if credentials is None else b64encode(credentials.encode())
        super().__init__(tls)

    def _reply(self, stream: socket.socket, request: bytes) -> bool:
        port = self._places.get(self.asked[-1].removeprefix("CONNECT "))
        if self._credentials is not None and b"proxy-authorization: basic " + self._credentials.lower() not in request.lower():
            stream.sendall(answer(b"", "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="x"'))
            return True
        if port is None:
            stream.sendall(answer(b"", "502 Bad Gateway"))
            return True
        with socket.create_connection(("127.0.0.1", port)) as there:
            self._open.append(there)
            stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pump(stream, there)
        return False


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Carries bytes both ways until one side ends."""
    while True:
        # What TLS has already read is nothing that `select` could see.
        held = isinstance(one, ssl.SSLSocket) and one.pending()
        for ready in [one] if held else select.select([one, other], [], [])[0]:
            chunk = ready.recv(65536)
            if not chunk:
                return
            (other if ready is one else one).sendall(chunk)
