"""A grant in a vault on disk, an authority that rotates strictly, and programs of their own that share both."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from authority import Authority, Knobs, StartAuthority
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from handstamp.ports import GrantStore
from handstamp.stores.keys.encoding import encode_key, new_key
from handstamp.vault import LOCAL_OWNER, Vault
from handstamp.wiring import build_parts
from stores.processes import start

CLIENT = "client-1"
HOUR = 3600.0


@dataclass
class Track:
    """Where the races are run: whoever starts here shares one vault, in which one grant lies."""

    authority: Authority
    store: GrantStore
    vault: Vault
    environ: dict[str, str]

    @property
    def url(self) -> str:
        return self.authority.server_url

    @property
    def grant(self) -> Grant:
        found = self.vault.grant(self.url)
        assert found is not None
        return found

    def plant(self, *, age: float = 2 * HOUR) -> None:
        """A grant as after a login `age` seconds ago, for a token of an hour; the authority lets its tokens live longer."""
        issued, now = self.authority.grant(CLIENT), time.time()
        issuer = self.authority.issuer
        self.store.save_grant(
            Grant(
                key=GrantKey(LOCAL_OWNER, self.url, "default", issuer),
                resource=self.url,
                scopes=issued.access.scopes,
                registration=Registration(issuer, RegistrationKind.DYNAMIC, CLIENT, "http://127.0.0.1:9/callback"),
                token=Token(Secret(issued.access.token), now - age, now - age + HOUR, Secret(issued.refresh_token or "")),
                token_endpoint=f"{issuer}/token",
                granted_at=now - age,
            )
        )

    def start(self, program: str, *arguments: object) -> "subprocess.Popen[str]":
        """A program that is told the server's URL first."""
        return start(program, self.url, *arguments, environ=self.environ)


@pytest.fixture
def track(authority: StartAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Track]:
    environ = {
        "HANDSTAMP_KEY": encode_key(new_key()),
        "HANDSTAMP_STATE_DIR": str(tmp_path / "state"),
        "HANDSTAMP_CONFIG_DIR": str(tmp_path / "config"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "",  # else every process compiles the sources anew
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    store = build_parts(Path(environ["HANDSTAMP_STATE_DIR"]), announce=lambda line: None).store
    with Vault.open(announce=lambda line: None) as vault:
        yield Track(authority(Knobs(clients={CLIENT: ""})), store, vault, environ)
    store.close()
