"""
(d) Eight processes of 50 tasks each notice one expiry at a server that rotates refresh tokens and revokes all at a second use.

Run as a program this file is one of the eight: it reads `CALLS ACCOUNT` from stdin, makes that many calls at once, and writes how
many failed.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import httpx2

from authority import Authority, Knobs
from handstamp.model import Secret, Token
from handstamp.stores.sqlite import SqliteStore
from handstamp.vault import Vault
from homes import grant_for, temporary_home
from measuring import Row, Rows
from started import Program, programs, tell

PROCESSES = 8
TASKS = 50
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def run(pairs: int) -> Rows:
    with Authority(Knobs(clients={"bench": ""})) as authority, temporary_home() as home:
        store = home.store()
        store.prepare()
        with programs(__file__, [[authority.server_url]] * PROCESSES, home.environment()) as eight:
            by_clock = [expire_by_clock(authority, store, eight, f"clock-{turn}") for turn in range(pairs)]
            by_server = [expire_at_server(authority, store, eight, f"server-{turn}") for turn in range(pairs)]
        store.close()
    return [*rows("by the clock", by_clock), *rows("at the server, 401", by_server)]


def rows(how: str, outcomes: Sequence[tuple[int, int]]) -> Rows:
    refreshes = [refreshed for refreshed, _ in outcomes]
    failures = sum(failed for _, failed in outcomes)
    seen = "–".join(str(number) for number in sorted({min(refreshes), max(refreshes)}))
    what = f"(d) {PROCESSES} processes × {TASKS} tasks, {len(outcomes)} expiries {how}:"
    return [
        Row(f"{what} refreshes each", ours=seen, goal="1", met=set(refreshes) == {1}),
        Row(f"{what} failures", ours=str(failures), goal="0", met=failures == 0),
    ]


def expire_by_clock(authority: Authority, store: SqliteStore, eight: Sequence[Program], account: str) -> tuple[int, int]:
    """Refreshes seen and calls failed, where all find an old token."""
    now = time.time()
    store_token(authority, store, account, obtained_at=now - 3700, expires_at=now - 100)
    return burst(authority, eight, account)


def expire_at_server(authority: Authority, store: SqliteStore, eight: Sequence[Program], account: str) -> tuple[int, int]:
    """The same, where all have used the token, and all meet a 401 though their clocks call it good."""
    now = time.time()
    store_token(authority, store, account, obtained_at=now, expires_at=now + 3600)
    refreshed, failed = burst(authority, eight, account, calls=1)
    assert (refreshed, failed) == (0, 0)
    authority.expire_access_tokens()
    return burst(authority, eight, account)


def store_token(authority: Authority, store: SqliteStore, account: str, *, obtained_at: float, expires_at: float) -> None:
    issued = authority.grant("bench")
    assert issued.refresh_token is not None
    token = Token(Secret(issued.access.token), obtained_at, expires_at, Secret(issued.refresh_token))
    grant = grant_for(authority.server_url, token, issuer=authority.issuer, account=account)
    store.save_grant(replace(grant, granted_at=obtained_at))


def burst(authority: Authority, eight: Sequence[Program], account: str, calls: int = TASKS) -> tuple[int, int]:
    before = authority.refreshes
    for program in eight:
        program.say(f"{calls} {account}")
    failed = sum(int(program.hear()) for program in eight)
    return authority.refreshes - before, failed


async def be_one_of_eight(url: str) -> None:
    with Vault.open() as vault:
        tell("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            calls, account = line.split()
            async with httpx2.AsyncClient(auth=vault.auth(url, account=account), timeout=60, trust_env=False) as http:
                outcomes = await asyncio.gather(*(call(http, url) for _ in range(int(calls))))
            tell(str(outcomes.count(False)))


async def call(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        response = await http.post(url, json=PING)
    except Exception as error:  # whatever it is, it is a failure
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return False
    return response.status_code == 200


if __name__ == "__main__":
    asyncio.run(be_one_of_eight(sys.argv[1]))
