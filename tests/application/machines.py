"""A program that signs in nobody: its vault in a throw-away home, and the settings of one server."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from authority import Authority
from handstamp.model import ClientSettings, GrantType
from handstamp.settings import ServerSettings
from handstamp.vault import Vault
from signing import make_keys

__all__ = ["NAME", "SECRET", "WHOAMI", "Program", "a_program", "with_key"]

NAME = "reports"
SECRET = "stamp_cs_a-secret-of-the-program-itself"
WHOAMI: dict[str, object] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "whoami", "arguments": {}},
}


@dataclass
class Program:
    """`ask()` is one call of a tool through an HTTP client; `client` and `server` are its settings."""

    home: Path
    site: Authority
    client: ClientSettings
    scopes: tuple[str, ...] = ("read",)
    opened: list[Vault] = field(default_factory=list[Vault])

    def settings(self) -> ServerSettings:
        return ServerSettings(NAME, self.site.server_url, self.client, self.scopes)

    def vault(self) -> Vault:
        """Another one each time, as another process has it."""
        vault = Vault.open(state=self.home / "state", config=self.home / "config", servers=[self.settings()])
        self.opened.append(vault)
        return vault

    def configure(self, **changes: object) -> None:
        self.client = replace(self.client, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def ask(self, vault: Vault | None = None, message: dict[str, object] = WHOAMI) -> httpx2.Response:
        with httpx2.Client(auth=(vault or self.vault()).auth(NAME), trust_env=False) as http:
            return http.post(self.site.server_url, json=message)

    def who(self, vault: Vault | None = None) -> str:
        """What the server says of the caller."""
        return str(self.ask(vault).json()["result"]["content"][0]["text"])


@contextmanager
def a_program(home: Path, site: Authority, secret: Callable[[], str] = lambda: SECRET, **client: object) -> Generator[Program]:
    """With the client `ci`, which is registered at `site` with `SECRET`, unless `client` says otherwise."""
    usual: dict[str, object] = {
        "client_id": "ci",
        "client_secret_from": secret,
        "issuer": site.issuer,
        "grant_type": GrantType.CLIENT_CREDENTIALS,
    }
    program = Program(home, site, replace(ClientSettings(), **(usual | client)))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    try:
        yield program
    finally:
        for vault in program.opened:
            vault.close()


def with_key(program: Program) -> None:
    """The program proves itself with a key from now on, and the site knows it."""
    keys = make_keys()
    program.site.turn(client_keys={"ci": keys.public_pem}, clients={}, auth_methods=("private_key_jwt",))
    program.configure(client_secret_from=None, private_key_from=lambda: keys.private_pem)
