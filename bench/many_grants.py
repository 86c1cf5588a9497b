"""(i) What 50,000 grants in one vault cost beside 100: ten thousand people with five servers each, and twenty."""

import random
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from statistics import median

from handstamp.model import Grant, GrantKey
from handstamp.stores.records import encode_grant
from handstamp.stores.sealing import bind, seal
from homes import Home, fresh_token, grant_for, temporary_home
from measuring import Row, Rows, in_turns, ratio_of

FEW, MANY = 20, 10_000
"""Owners."""
SERVERS = 5
READS, OPENINGS, LISTS, UPDATES = 500, 20, 100, 10
"""Of which one slice is the median."""
SLICES = 4
GOAL = 2.0
TOKEN_CHARACTERS = 900
"""As long as access tokens that are JWTs often are."""

Work = Callable[[], object]


def run(pairs: int) -> Rows:
    with filled(FEW) as few, filled(MANY) as many:
        return [
            compared("read of a decoded token, p50", pairs, few.read, many.read, READS),
            compared("reading once in a new process's store, p50", pairs, few.open, many.open, OPENINGS),
            compared("the grants of one owner, p50", pairs, few.list_one, many.list_one, LISTS),
            compared("one update, p50", pairs, few.update, many.update, UPDATES),
            size(few, many),
        ]


class Filled:
    """A vault of so many owners."""

    def __init__(self, home: Home, owners: int) -> None:
        self.grants = owners * SERVERS
        self._owners = owners
        self._home = home
        self._store = home.store()
        self._random = random.Random(1)

    @property
    def bytes_each(self) -> float:
        return (self._home.path / "vault.db").stat().st_size / self.grants

    def read(self) -> None:
        key = self._any_key()
        assert self._store.find_grant(key.owner, key.server, key.account) is not None

    def open(self) -> None:
        """Key, header and schema are judged, too."""
        key = self._any_key()
        with closing(self._home.store()) as store:
            assert store.find_grant(key.owner, key.server, key.account) is not None

    def list_one(self) -> None:
        assert len(self._store.list_grants(self._any_key().owner)) == SERVERS

    def update(self) -> None:
        key = self._any_key()
        grant = self._store.find_grant(key.owner, key.server, key.account)
        assert grant is not None
        assert self._store.replace_grant(grant) is not None

    def close(self) -> None:
        self._store.close()

    def _any_key(self) -> GrantKey:
        return key_of(self._random.randrange(self._owners), self._random.randrange(SERVERS))


@contextmanager
def filled(owners: int) -> Generator[Filled]:
    with temporary_home() as home:
        store = home.store()
        store.prepare()
        store.close()
        fill(home, owners)
        with closing(Filled(home, owners)) as vault:
            yield vault


def fill(home: Home, owners: int) -> None:
    """In one transaction: the store's own would take a flush of the disk each."""
    with closing(sqlite3.connect(home.path / "vault.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO grants (owner, server, account, issuer, generation, granted_at, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row_of(home, make_grant(key_of(owner, server))) for owner in range(owners) for server in range(SERVERS)),
        )


def row_of(home: Home, grant: Grant) -> tuple[object, ...]:
    key = grant.key
    place = (key.owner, key.server, key.account, key.issuer)
    return *place, 1, grant.granted_at, seal(home.key_bytes, bind("grants", *place, 1), encode_grant(grant))


def make_grant(key: GrantKey) -> Grant:
    token = fresh_token(access="a" * TOKEN_CHARACTERS)
    return replace(grant_for(key.server, token, issuer=key.issuer), key=key)


def key_of(owner: int, server: int) -> GrantKey:
    # Hashed, as the identifiers of a platform's users are in no order either.
    name = f"{hash_of(owner):08x}-user"
    return GrantKey(name, f"https://mcp-{server}.example/mcp", "default", f"https://auth-{server}.example")


def hash_of(number: int) -> int:
    """Another number for each below 2³², in no order."""
    return number * 2654435761 % 2**32


def compared(what: str, pairs: int, few: Work, many: Work, times: int) -> Row:
    took = in_turns(pairs, {"few": partial(p50, few, times), "many": partial(p50, many, times)}, slices=SLICES)
    ratio = ratio_of(took["many"], took["few"])
    return Row(
        f"(i) {MANY * SERVERS:,} grants: {what}",
        ours=microseconds(took["many"]),
        baseline=f"{FEW * SERVERS} grants {microseconds(took['few'])}",
        ratio=ratio,
        goal=f"≤ {GOAL:.2f} × baseline",
        met=ratio.median <= GOAL,
    )


def p50(work: Work, times: int) -> float:
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return median(took)


def microseconds(seconds: list[float]) -> str:
    return f"{median(seconds) * 1e6:.0f} µs"


def size(few: Filled, many: Filled) -> Row:
    sealed = len(encode_grant(make_grant(key_of(0, 0))))
    return Row(
        f"(i) {many.grants:,} grants: bytes of the file for each",
        ours=f"{many.bytes_each:.0f}",
        baseline=f"{few.grants} grants {few.bytes_each:.0f}; its JSON {sealed}",
        goal=f"≤ {GOAL:.2f} × its JSON",
        met=many.bytes_each <= GOAL * sealed,
    )
