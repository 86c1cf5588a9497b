"""
What the processes of the endurance runs do: each a program that uses Handstamp as its readers would.

Every one says in lines how far it is. A token is told by its fingerprint, and before it is used: from then on it counts as handed
out, and may not be lost.
"""

import asyncio
import atexit
import http.client
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import anyio
import httpx2

from handstamp.errors import HandstampError
from handstamp.http.drive import Driver
from handstamp.model import DIRECT, Token, Uptime
from handstamp.ports import Clock, ReadUptime
from handstamp.vault import Vault
from handstamp.wiring import build_guard

__all__ = ["PROGRAMS", "SharedClock", "fingerprint"]

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
MOMENT = struct.Struct("d")


class SharedClock:
    """The real time, and what one process has added to it for all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.write_bytes(MOMENT.pack(0.0))
        with path.open("rb") as file:
            self._ahead = mmap(file.fileno(), MOMENT.size, access=ACCESS_READ)

    def __call__(self) -> float:
        return time.time() + self._read()

    def read_uptime(self) -> Uptime:
        """What was added is what the machine has slept."""
        ahead = self._read()
        return Uptime("one start", time.monotonic() + ahead, ahead)

    def move(self, seconds: float) -> None:
        ahead = self._read() + seconds
        with self._path.open("r+b") as file:
            file.write(MOMENT.pack(ahead))

    def _read(self) -> float:
        (ahead,) = MOMENT.unpack(self._ahead)
        return float(ahead)


def fingerprint(token: Token | str) -> str:
    """A token itself belongs into no pipe."""
    text = token if isinstance(token, str) else token.access_token.reveal()
    return sha256(text.encode()).hexdigest()


def renew_in_a_loop(url: str) -> None:
    """Asks for a token and uses it, again and again, until it is killed. A failure is told, and then it waits for a word."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    with Vault.open() as vault:
        tell("ready")
        while True:
            try:
                token = vault.sync.token(url)
            except HandstampError as error:
                tell(f"failed {error.code}")
                hear()
                continue
            tell(f"token {fingerprint(token)}")
            use(connection, url, token)


def use(connection: http.client.HTTPConnection, url: str, token: Token) -> None:
    headers = {"Authorization": f"Bearer {token.access_token.reveal()}", "Content-Type": "application/json"}
    connection.request("POST", urlsplit(url).path, b'{"jsonrpc":"2.0","id":1,"method":"ping"}', headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        tell(f"refused {answer.status}")


def call_at_once(url: str, clock: str, tasks: str) -> None:
    """At each word makes that many calls at once, and says how many failed."""
    shared = SharedClock(Path(clock))
    asyncio.run(_call_at_once(url, shared, lambda: None, int(tasks)))


def call_after_sleep(url: str, clock: str, tasks: str) -> None:
    """The same on a machine that has slept for as long as the clock was moved."""
    shared = SharedClock(Path(clock))
    asyncio.run(_call_at_once(url, shared, shared.read_uptime, int(tasks)))


async def _call_at_once(url: str, clock: Clock, read_uptime: ReadUptime, tasks: int) -> None:
    with Vault.open() as vault:
        set_clock(vault, clock, read_uptime)
        async with httpx2.AsyncClient(auth=vault.auth(url), timeout=60, trust_env=False) as client:
            tell("ready")
            while await asyncio.to_thread(hear):
                outcomes = await asyncio.gather(*(_call(client, url) for _ in range(tasks)))
                tell(str(outcomes.count(False)))


def set_clock(vault: Vault, clock: Clock, read_uptime: ReadUptime) -> None:
    """For what it asks and for when it asked."""
    parts = vault._parts  # pyright: ignore[reportPrivateUsage]
    parts.clock, parts.read_uptime = clock, read_uptime
    parts.http = lambda named: Driver(build_guard(named, DIRECT).open_transport, clock=clock, read_uptime=read_uptime)


async def _call(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        response = await client.post(url, json=PING)
    except Exception as error:  # whatever it is, it is a failure
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return False
    return response.status_code == 200


def command(*arguments: str) -> None:
    """Our own program, as its script starts it."""
    from handstamp.cli import main

    sys.argv[1:] = arguments
    main()


def ask_and_exit(url: str) -> None:
    """A program with a thread of its own, which ends at a word whatever that thread is about. It installs nothing."""
    vault = Vault.open()
    atexit.register(vault.close)
    threading.Thread(target=_ask, args=(vault, url), daemon=True).start()
    tell("ready")
    hear()
    sys.exit(3)


def ask(url: str) -> None:
    """A program that knows no signals: Ctrl-C ends it with a traceback, as Python does."""
    sys.excepthook = lambda kind, error, trace: None
    with Vault.open() as vault:
        tell("ready")
        _ask(vault, url)


def ask_in_loop(url: str) -> None:
    """The same with an event loop, which Ctrl-C cancels."""
    sys.excepthook = lambda kind, error, trace: None
    with Vault.open() as vault:
        asyncio.run(_ask_in_loop(vault, url))


async def _ask_in_loop(vault: Vault, url: str) -> None:
    with suppress(HandstampError):
        await vault.token(url)


def ask_in_scope(url: str) -> None:
    """One that gives up waiting at a word, and then ends."""
    with Vault.open() as vault:
        asyncio.run(_ask_in_scope(vault, url))


async def _ask_in_scope(vault: Vault, url: str) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_ask_in_loop, vault, url)
        await asyncio.to_thread(hear)
        group.cancel_scope.cancel()


def ask_at_each_word(url: str) -> None:
    """One that lives on whatever it is told; the word `close` has it close its files meanwhile."""
    with Vault.open() as vault:
        tell("ready")
        while word := hear():
            if word == b"close\n":
                vault.close()
                tell("closed")
            else:
                threading.Thread(target=_ask, args=(vault, url)).start()


def _ask(vault: Vault, url: str) -> None:
    try:
        tell(f"token {fingerprint(vault.sync.token(url))}")
    except HandstampError as error:
        tell(f"failed {error.code}")


def tell(line: str) -> None:
    """In one piece, or not at all."""
    os.write(1, f"{line}\n".encode())


def hear() -> bytes:
    """The next word; nothing where nobody says one any more."""
    return os.read(0, 64)


PROGRAMS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        program.__name__: program
        for program in (
            renew_in_a_loop,
            call_at_once,
            call_after_sleep,
            command,
            ask_and_exit,
            ask,
            ask_in_loop,
            ask_in_scope,
            ask_at_each_word,
        )
    }
)
