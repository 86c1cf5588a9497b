"""
One visit to the listener: a request in, a reply out, then the connection ends.

Anybody on this machine, and any web page in the person's browser, can knock here. So a request has five seconds and is
bounded, and nothing of it is ever given back (TD7, TD9). A browser sends all cookies of 127.0.0.1, whichever port they came from,
so the head has more room than the address.
"""

from dataclasses import dataclass
from http import HTTPStatus

import anyio
import anyio.abc
import h11

__all__ = ["Reply", "Visit", "drain", "plain_reply", "read_visit", "send_reply"]

MAX_ADDRESS = 8 * 1024
MAX_HEAD = 64 * 1024
MAX_LEFTOVER = 64 * 1024
SECONDS = 5.0
LEFTOVER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A request's head."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def is_navigation(self) -> bool:
        """
        A person's tab goes there, and nobody fetches, embeds or prefetches it (TD6).

        A frame navigates too; only its destination tells it from a tab. A WebSocket asks by GET as well, and Chromium puts none
        of the headers below on it. A browser that never sends them is taken at its word.
        """
        is_tab = self.header("sec-fetch-mode") in (None, "navigate") and self.header("sec-fetch-dest") in (None, "document")
        is_early = any("prefetch" in (self.header(name) or "").lower() for name in ("sec-purpose", "purpose", "x-moz"))
        return is_tab and not is_early and self.header("upgrade") is None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a visitor gets: one answer, after which the connection closes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def plain_reply(status: int, *headers: tuple[str, str]) -> Reply:
    """A status and its name, for programs and for nobody in particular."""
    constant = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    )
    return Reply(status, (*constant, *headers), f"{HTTPStatus(status).phrase}\n".encode())


async def read_visit(stream: anyio.abc.ByteStream) -> Visit | Reply:
    """The request, or the reply to what is none. Raises EndOfStream where the visitor says nothing."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    with anyio.move_on_after(SECONDS):
        try:
            return _parse_visit(await _receive_request(connection, stream))
        except h11.RemoteProtocolError as error:
            return plain_reply(error.error_status_hint)
    return plain_reply(408)


async def send_reply(stream: anyio.abc.SocketStream, reply: Reply) -> None:
    """Sends it and ends the connection, so that the visitor reads it whole."""
    connection = h11.Connection(h11.SERVER)
    headers = [*reply.headers, ("Content-Length", str(len(reply.body))), ("Connection", "close")]
    reason = HTTPStatus(reply.status).phrase.encode()
    head = connection.send(h11.Response(status_code=reply.status, headers=headers, reason=reason))
    with anyio.move_on_after(SECONDS):
        await stream.send((head or b"") + reply.body)
        await stream.send_eof()


async def drain(stream: anyio.abc.ByteStream) -> None:
    """Takes what the visitor still sends: to close over unread bytes would reset the connection before the reply is read."""
    left = MAX_LEFTOVER
    with anyio.move_on_after(LEFTOVER_SECONDS):
        while left > 0:
            left -= len(await stream.receive())


async def _receive_request(connection: h11.Connection, stream: anyio.abc.ByteStream) -> h11.Request:
    # h11 bounds only what is incomplete; a whole request that comes at once is bounded by what we take in at all.
    left = MAX_HEAD
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return _require_short(event)
        if left == 0:
            raise h11.RemoteProtocolError("too long", error_status_hint=431)
        data = await stream.receive(left)
        left -= len(data)
        connection.receive_data(data)


def _require_short(request: h11.Request) -> h11.Request:
    if len(request.target) > MAX_ADDRESS:
        raise h11.RemoteProtocolError("too long", error_status_hint=414)
    return request


def _parse_visit(request: h11.Request) -> Visit:
    path, _, query = request.target.decode("ascii").partition("?")
    headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers)
    return Visit(request.method.decode("ascii"), path, query, headers)
