"""(k) CPU of a token that is fresh: from memory, as each request asks for it, and from disk, as the first one does."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handstamp.vault import Vault
from homes import Home, fresh_token, grant_for, temporary_home
from measuring import Row, Rows, in_turns, ratio_of

URL = "https://mcp.example/mcp"
FROM_MEMORY, FROM_DISK, BY_HAND = 5000, 200, 2000
"""Calls of one slice."""
SLICES = 20
GOALS = {"memory": 0.5, "disk": 5.0}
WORDS = {"memory": "from memory", "disk": "from the store, where the process has none in memory yet"}

Work = Callable[[], object]


def run(pairs: int) -> Rows:
    with temporary_home() as home, closing(home.store()) as store, closing(Beside(home)) as beside:
        store.save_grant(grant_for(URL, fresh_token()))
        vault = home.vault(store=store)
        took = in_turns(
            pairs,
            {
                "memory": partial(each, partial(vault.sync.token, URL), FROM_MEMORY),
                "disk": partial(each_first, partial(home.vault, store=store)),
                "by hand": partial(each, beside.read, BY_HAND),
            },
            slices=SLICES,
        )
    return [described(name, took) for name in GOALS]


def described(name: str, took: dict[str, list[float]]) -> Row:
    ratio = ratio_of(took[name], took["by hand"])
    return Row(
        f"(k) CPU of a fresh token {WORDS[name]}",
        ours=f"{median(took[name]) * 1e6:.1f} µs",
        baseline=f"SELECT, AES-GCM, JSON {median(took['by hand']) * 1e6:.1f} µs",
        ratio=ratio,
        goal=f"≤ {GOALS[name]:.2f} × baseline",
        met=ratio.median <= GOALS[name],
    )


def each(work: Work, times: int) -> float:
    began = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - began) / times


def each_first(make: Callable[[], Vault]) -> float:
    """Each asks a vault that has not been asked before, over a store that is open."""
    vaults = [make().sync for _ in range(FROM_DISK)]
    began = time.thread_time()
    for vault in vaults:
        vault.token(URL)
    return (time.thread_time() - began) / FROM_DISK


class Beside:
    """The least that anybody has to do for a sealed token: one SELECT by key, one AES-GCM, one `json.loads`."""

    def __init__(self, home: Home) -> None:
        self._connection = sqlite3.connect(home.path / "beside.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE tokens (name TEXT PRIMARY KEY, sealed BLOB)")
        self._cipher = AESGCM(home.key_bytes)
        token = {"access_token": "a-token-of-forty-characters-as-many-have", "expires_at": time.time() + 3600}
        sealed = bytes(12) + self._cipher.encrypt(bytes(12), json.dumps(token).encode(), URL.encode())
        self._connection.execute("INSERT INTO tokens VALUES (?, ?)", (URL, sealed))

    def read(self) -> object:
        ((sealed,),) = self._connection.execute("SELECT sealed FROM tokens WHERE name = ?", (URL,)).fetchall()
        return json.loads(self._cipher.decrypt(sealed[:12], sealed[12:], URL.encode()))["access_token"]

    def close(self) -> None:
        self._connection.close()
