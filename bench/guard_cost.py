"""(f) What the address guard adds to the CPU time of a request: over a new connection, and over one that was kept."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx2

from certificates import Signer
from handstamp.http.guard import Guard
from handstamp.model import Named
from measuring import Row, Rows, in_turns, ratio_of
from slow_server import content_length

SLICES, REQUESTS = 30, 20
GOALS = {"new": 1.5, "kept": 1.1}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Open = Callable[[], httpx2.AsyncBaseTransport]


def run(pairs: int) -> Rows:
    with TemporaryDirectory(prefix="handstamp-bench-") as folder, asyncio.Runner() as runner:
        signer = Signer(Path(folder))
        port = runner.run(serve(signer.tls(*hosts())))
        return [row for host, what in hosts().items() for row in compare(runner, signer, f"https://{host}:{port}/", what, pairs)]


def hosts() -> dict[str, str]:
    """An address, and a name that the system looks up, where this machine's own leads to itself."""
    name = socket.gethostname()
    try:
        is_own = socket.gethostbyname(name).startswith("127.")
    except OSError:
        is_own = False
    return {"127.0.0.1": "an address", **({name: "a name"} if is_own else {})}


def compare(runner: asyncio.Runner, signer: Signer, url: str, what: str, pairs: int) -> Rows:
    opens: dict[str, Open] = {
        "plain": partial(httpx2.AsyncHTTPTransport, verify=signer.client_context(), trust_env=False),
        "guarded": Guard(Named(url), ca_file=str(signer.ca_file)).open_transport,
    }
    subjects = {
        f"{name} {way}": partial(measure, runner, opened, url, keep=way == "kept")
        for name, opened in opens.items()
        for way in GOALS
    }
    took = in_turns(pairs, subjects, slices=SLICES)
    return [describe(what, way, took[f"guarded {way}"], took[f"plain {way}"]) for way in GOALS]


def describe(what: str, way: str, ours: list[float], plain: list[float]) -> Row:
    ratio = ratio_of(ours, plain)
    return Row(
        f"(f) CPU of a request over a {way} connection to {what}",
        ours=f"{median(ours) * 1e6:.0f} µs",
        baseline=f"no guard {median(plain) * 1e6:.0f} µs",
        ratio=ratio,
        goal=f"≤ {GOALS[way]:.2f} × baseline",
        met=ratio.median <= GOALS[way],
    )


def measure(runner: asyncio.Runner, opened: Open, url: str, *, keep: bool) -> float:
    return runner.run(requests(opened, url, keep=keep))


async def requests(opened: Open, url: str, *, keep: bool) -> float:
    """CPU seconds of one, all threads; the server's are in it, the same for both."""
    headers = {} if keep else {"Connection": "close"}
    async with opened() as transport:
        if keep:
            await fetch(transport, httpx2.Request("GET", url))
        began = time.process_time()
        for _ in range(REQUESTS):
            await fetch(transport, httpx2.Request("GET", url, headers=headers))
        return (time.process_time() - began) / REQUESTS


async def fetch(transport: httpx2.AsyncBaseTransport, request: httpx2.Request) -> None:
    response = await transport.handle_async_request(request)
    async for _ in response.aiter_raw():
        pass
    await response.aclose()


async def serve(tls: ssl.SSLContext) -> int:
    """A server on loopback in this event loop; gives its port. It ends with the loop."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    SERVERS.append(server)
    port: int = server.sockets[0].getsockname()[1]
    return port


SERVERS: list[asyncio.Server] = []
"""Kept, or the collector would close them."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(content_length(head))
            writer.write(ANSWER)
            await writer.drain()
            if b"connection: close" in head.lower():
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()
