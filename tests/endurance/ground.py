"""Where the endurance runs take place: a server, a vault on disk that holds one grant, and what starts programs on it."""

import os
import sqlite3
import time
from base64 import b64encode
from collections.abc import Generator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from authority import Authority, Knobs
from endurance.programs import fingerprint
from endurance.zygote import Child, Zygote
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from handstamp.stores.keys.environment import VARIABLE, EnvironmentKey
from handstamp.stores.sqlite import SqliteStore
from handstamp.vault import LOCAL_OWNER

__all__ = ["Ground", "ground"]

CLIENT = "client-1"


@dataclass
class Ground:
    """All times are the real ones."""

    authority: Authority
    folder: Path
    environ: dict[str, str]
    zygote: Zygote
    _ranks: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def url(self) -> str:
        return self.authority.server_url

    @contextmanager
    def store(self) -> Generator[SqliteStore]:
        """Opened anew, as by a process that comes after all others."""
        store = SqliteStore(self.folder / "state", [EnvironmentKey(self.environ)])
        try:
            yield store
        finally:
            store.close()

    def sign_in(self, *, age: float = 0.0) -> None:
        """A grant as a login left it that many seconds ago, whatever was there."""
        issued, now, issuer = self.authority.grant(CLIENT), time.time() - age, self.authority.issuer
        lifetime = float(self.authority.knobs.expires_in)
        grant = Grant(
            key=GrantKey(LOCAL_OWNER, self.url, "default", issuer),
            resource=self.url,
            scopes=issued.access.scopes,
            registration=Registration(issuer, RegistrationKind.PRE_REGISTERED, CLIENT, "http://127.0.0.1:9/callback"),
            token=Token(Secret(issued.access.token), now, now + lifetime, Secret(issued.refresh_token or "")),
            token_endpoint=f"{issuer}/token",
            granted_at=now,
        )
        with self.store() as store:
            store.save_grant(grant)

    def start(self, program: str, *arguments: object) -> Child:
        """A function of `endurance.programs`, in a process of its own, which finds this vault."""
        return self.zygote.start(program, *arguments, environ=self.environ)

    def stored(self) -> Grant:
        with self.store() as store:
            return _only_grant(store)

    def examined(self) -> Grant:
        """The same, once the file has been found sound and everything in it has been unsealed."""
        with closing(sqlite3.connect(f"file:{self.folder}/state/vault.db?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return self.stored()

    def lock(self) -> Path | None:
        """The grant's lock; None before anybody has wanted it."""
        with self.store() as store:
            (key,) = store.list_keys(LOCAL_OWNER)
            path = store.lock_path(key)
        return path if path.exists() else None

    def rank(self, token: Token | str) -> int:
        """The how-manieth access token of the server's it is. `token` may be told by its fingerprint."""
        for number in range(len(self._ranks), len(self.authority.handed_out)):
            self._ranks[fingerprint(self.authority.handed_out[number].access_token)] = number
        return self._ranks[fingerprint(token) if isinstance(token, Token) else token]


def _only_grant(store: SqliteStore) -> Grant:
    (key,), (grant,) = store.list_keys(LOCAL_OWNER), store.list_grants(LOCAL_OWNER)
    assert grant.key == key
    return grant


@contextmanager
def ground(zygote: Zygote, knobs: Knobs | None = None, *, at: Path | None = None) -> Generator[Ground]:
    """
    Signed in. `knobs` of the server, whose client is there already; `at` a folder that is there, else one that is thrown away.

    Whoever was started there ends with it.
    """
    with TemporaryDirectory(prefix="handstamp-endure-") if at is None else nullcontext(at) as directory:
        folder = Path(directory)
        environ = {
            VARIABLE: b64encode(os.urandom(32)).decode(),
            "HANDSTAMP_STATE_DIR": str(folder / "state"),
            "HANDSTAMP_CONFIG_DIR": str(folder / "config"),
            "NO_PROXY": "127.0.0.1",
        }
        with Authority(replace(knobs or Knobs(), clients={CLIENT: ""})) as authority:
            made = Ground(authority, folder, environ, zygote)
            made.sign_in()
            try:
                yield made
            finally:
                zygote.end_all()
