"""(k) CPU of a token that is fresh: from memory, and read, opened and judged anew as after another process has written."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handstamp.model import Grant
from handstamp.stores.records import encode_grant
from homes import Home, fresh_token, grant_for, temporary_home
from measuring import Row, Rows, in_turns, ratio_of

URL = "https://mcp.example/mcp"
FROM_MEMORY, FROM_STORE, BY_HAND = 5000, 500, 2000
"""Calls of one slice."""
SLICES = 20
GOALS = {"memory": 0.5, "store": 5.0}
WORDS = {"memory": "`vault.sync.token` from memory", "store": "`vault.sync.grant` from the store"}

Work = Callable[[], object]


def run(pairs: int) -> Rows:
    grant = grant_for(URL, fresh_token())
    with temporary_home() as home, closing(home.store()) as store, closing(Beside(home, grant)) as beside:
        store.save_grant(grant)
        vault = home.vault(store=store)
        took = in_turns(
            pairs,
            {
                "memory": partial(each, partial(vault.sync.token, URL), FROM_MEMORY),
                "store": partial(each, partial(vault.sync.grant, URL), FROM_STORE),
                "by hand": partial(each, beside.read, BY_HAND),
            },
            slices=SLICES,
        )
    return [described(name, took) for name in GOALS]


def described(name: str, took: dict[str, list[float]]) -> Row:
    ratio = ratio_of(took[name], took["by hand"])
    return Row(
        f"(k) CPU of {WORDS[name]}",
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


class Beside:
    """The least that anybody has to do for what a grant holds: one SELECT by key, one AES-GCM, one `json.loads`."""

    def __init__(self, home: Home, grant: Grant) -> None:
        self._connection = sqlite3.connect(home.path / "beside.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE grants (name TEXT PRIMARY KEY, sealed BLOB)")
        self._cipher = AESGCM(home.key_bytes)
        sealed = bytes(12) + self._cipher.encrypt(bytes(12), encode_grant(grant), URL.encode())
        self._connection.execute("INSERT INTO grants VALUES (?, ?)", (URL, sealed))

    def read(self) -> object:
        ((sealed,),) = self._connection.execute("SELECT sealed FROM grants WHERE name = ?", (URL,)).fetchall()
        return json.loads(self._cipher.decrypt(sealed[:12], sealed[12:], URL.encode()))

    def close(self) -> None:
        self._connection.close()
