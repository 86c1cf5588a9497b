"""
From a host's name to a TCP connection: look it up once, have all its addresses judged, dial those and no others.

Between a check by name and a connection by name lies a second look-up, which whoever runs the name may answer otherwise (TA7).
So httpcore2, which makes the connections, is handed this in place of its own way to the network.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from socket import SOCK_STREAM, getaddrinfo
from typing import TypeVar, cast

import anyio
import anyio.lowlevel
import httpcore2

from handstamp.errors import TimedOut
from handstamp.flight import Flight
from handstamp.http.addresses import Address, parse_address

__all__ = ["Admit", "Connector", "ProxyConnector", "Resolve", "resolve"]

T = TypeVar("T")

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""All addresses of a host, in the order in which to try them. Raises httpcore2.ConnectError where it has none."""

Admit = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a host to which a connection to that port may be made. Raises where none may."""

MAX_DIALLED = 6
HEAD_START = 0.25
"""Seconds that one address has before the next is tried beside it (RFC 8305 §5)."""
RESOLVER_SECONDS = 60.0
"""What a look-up may take at most; the connection's own time-out is shorter."""


class Connector(httpcore2.AsyncNetworkBackend):
    """Opens connections to what `admit` lets through."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        # A cast, since without anyio, which we depend on, the name would be that of something else.
        self._tcp = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """As httpcore2 asks for it. `timeout`, in seconds, bounds the look-up and all attempts together."""

        async def dial(address: Address) -> httpcore2.AsyncNetworkStream:
            return await self._tcp.connect_tcp(str(address), port, None, local_address, socket_options)

        try:
            with anyio.fail_after(timeout):
                addresses = await self._admit(host, port)
                return await _race(dial, _alternate(addresses)[:MAX_DIALLED])
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error

    async def sleep(self, seconds: float) -> None:
        """Between the attempts that httpcore2 makes."""
        await anyio.sleep(seconds)


class ProxyConnector(Connector):
    """The same to a proxy, whose failures are not the server's."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await super().connect_tcp(host, port, timeout, local_address, socket_options)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise httpcore2.ProxyError("no connection") from error


async def resolve(host: str) -> Sequence[Address]:
    """
    A `Resolve`: asks the system, once.

    In a thread of its own, a daemon: a look-up cannot be broken off, and one that hangs must hold up neither an event loop nor
    the end of the program.
    """
    flight = Flight(lambda _: _look_up(host), name="handstamp-resolve")
    try:
        flight.start()
    except RuntimeError:
        # No thread starts any more once the interpreter is ending, and a refresh that is under way then still has to arrive.
        return _look_up(host)
    try:
        return await flight.join_async(RESOLVER_SECONDS)
    except TimedOut as error:
        raise httpcore2.ConnectTimeout from error


def _look_up(host: str) -> Sequence[Address]:
    try:
        found = getaddrinfo(host, None, type=SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # As an argument: httpcore2 raises it once more without its cause, and whoever words it wants to know.
        raise httpcore2.ConnectError(error) from error
    addresses = [parse_address(cast("str", sockaddr[0])) for *_, sockaddr in found]
    if not any(addresses):
        raise httpcore2.ConnectError("no address that can be read")
    return list(dict.fromkeys(filter(None, addresses)))


def _alternate(addresses: Sequence[Address]) -> list[Address]:
    """IPv6 and IPv4 by turns, the system's first choice in front: a network where one of them is dead costs one head start."""
    first = [address for address in addresses if address.version == addresses[0].version]
    second = [address for address in addresses if address.version != addresses[0].version]
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address is not None]


async def _race(
    dial: Callable[[Address], Awaitable[httpcore2.AsyncNetworkStream]], addresses: Sequence[Address]
) -> httpcore2.AsyncNetworkStream:
    """The first connection that comes about; each attempt starts when the one before has failed or had its head start."""
    if len(addresses) == 1:
        return await dial(addresses[0])
    won: list[httpcore2.AsyncNetworkStream] = []
    errors: list[Exception] = []

    async def attempt(address: Address, over: anyio.Event) -> None:
        try:
            stream = await dial(address)
        except httpcore2.NetworkError as error:
            errors.append(error)
        else:
            won.append(stream)
            attempts.cancel_scope.cancel()
        finally:
            over.set()

    try:
        async with anyio.create_task_group() as attempts:
            for address in addresses:
                over = anyio.Event()
                attempts.start_soon(attempt, address, over)
                with anyio.move_on_after(HEAD_START):
                    await over.wait()
        # Whoever is cancelled in this moment leaves by the next line, and no connection stays behind.
        await anyio.lowlevel.checkpoint_if_cancelled()
    except BaseException:
        await _close(won)
        raise
    await _close(won[1:])
    if won:
        return won[0]
    raise errors[0]


async def _close(streams: Sequence[httpcore2.AsyncNetworkStream]) -> None:
    with anyio.CancelScope(shield=True):
        for stream in streams:
            with suppress(httpcore2.NetworkError):
                await stream.aclose()
