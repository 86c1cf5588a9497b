"""(g) What a hostile answer costs: peak memory and time of our driver and of `httpx2.get`, each in a process of its own."""

import json
import resource
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from measuring import Row, Rows

MEGABYTE = 1024 * 1024
LIMIT = 2048 * MEGABYTE
"""Of address space in the processes that are measured: 10 GB would not fit into every machine."""
GOAL_MEGABYTES = 8
DEADLINE = 10.0
DRIP_SECONDS = 30.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Send = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one answer for one client."""

    megabytes: float
    """Peak of the resident memory, above what it was before."""
    seconds: float
    outcome: str

    def __str__(self) -> str:
        return f"+{self.megabytes:.1f} MiB, {self.seconds:.1f} s: {self.outcome}"


def run(pairs: int) -> Rows:
    """Once each: a peak has no median, and the drip alone takes forty seconds."""
    answers: dict[str, Send] = {
        "a gzip bomb of 261 KB": send_bomb,
        "an answer of 10 GB": send_without_end,
        "a byte every 100 ms": drip,
    }
    return [compare(what, send) for what, send in answers.items()]


def compare(what: str, send: Send) -> Row:
    with serving(send) as url:
        ours, peer = measure("ours", url), measure("httpx2.get", url)
    return Row(
        f"(g) {what}: peak memory, time",
        ours=str(ours),
        peer=f"httpx2.get {peer}",
        goal=f"≤ {GOAL_MEGABYTES} MiB, ≤ {DEADLINE:.0f} s",
        met=ours.megabytes <= GOAL_MEGABYTES and ours.seconds <= DEADLINE + 1,
    )


def measure(client: str, url: str) -> Cost:
    done = subprocess.run([sys.executable, __file__, client, url], capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def fetch(client: str, url: str) -> None:
    """The process that is measured: one request, and what it cost as JSON."""
    get = prepare(client, url)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    forget_peak()
    before, began = peak(), time.monotonic()
    try:
        outcome = get()
    except MemoryError:
        outcome = f"stopped by the limit of {LIMIT // MEGABYTE} MiB"
    except Exception as error:
        outcome = type(error).__name__
    cost = {"megabytes": (peak() - before) / 1024, "seconds": time.monotonic() - began, "outcome": outcome}
    sys.stdout.write(json.dumps(cost))


def prepare(client: str, url: str) -> Callable[[], str]:
    import httpx2

    if client == "httpx2.get":
        return lambda: f"took it all, {len(httpx2.get(url).content)} bytes"
    from handstamp.http.drive import Driver
    from handstamp.http.guard import Guard
    from handstamp.model import Named
    from handstamp.protocol.exchange import Exchange, Purpose, Request

    def ask() -> Exchange[str]:
        response = yield Request("GET", url, Purpose.AUTHORIZATION_SERVER)
        return f"took it all, {len(response.body)} bytes"

    driver = Driver(Guard(Named(url)).open_transport)
    return lambda: driver.run_blocking(ask(), deadline=DEADLINE)


def forget_peak() -> None:
    """Importing takes more for a moment than it keeps, and what an answer takes would hide below that (Linux, proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """KiB of resident memory, at most, since the peak was forgotten."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def send_bomb(visitor: socket.socket) -> None:
    coder = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    zeros = bytes(MEGABYTE)
    bomb = b"".join([coder.compress(zeros) for _ in range(256)] + [coder.flush()])
    visitor.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)


def send_without_end(visitor: socket.socket) -> None:
    chunk = b" " * MEGABYTE
    visitor.sendall(HEAD + b"Content-Length: 10000000000\r\n\r\n")
    for _ in range(10_000_000_000 // MEGABYTE):
        visitor.sendall(chunk)


def drip(visitor: socket.socket) -> None:
    visitor.sendall(HEAD + b"Connection: close\r\n\r\n")
    ends_at = time.monotonic() + DRIP_SECONDS
    while time.monotonic() < ends_at:
        visitor.sendall(b" ")
        time.sleep(0.1)


@contextmanager
def serving(send: Send) -> Generator[str]:
    """The URL of a server that sends this to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener, send))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def accept(listener: socket.socket, send: Send) -> None:
    while True:
        try:
            visitor, _ = listener.accept()
        except OSError:
            return
        with visitor, suppress(OSError):
            visitor.recv(65536)
            send(visitor)


if __name__ == "__main__":
    fetch(*sys.argv[1:])
