"""What the settings and the vault say, as targets that a connection leads to."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from handstamp.hosts.target import HttpTarget, ProgramTarget, Target
from handstamp.model import Secret
from handstamp.settings import ProgramSettings, ServerSettings
from handstamp.vault import Vault
from handstamp.wiring import read_environment, read_headers

if TYPE_CHECKING:
    import httpx2

__all__ = ["CONNECT_SECONDS", "Hide", "build_target", "find_target", "find_targets"]

CONNECT_SECONDS = 30.0
ANSWER_SECONDS = 300.0
"""A tool may take its time."""

Hide = Callable[[Iterable[Secret]], None]
"""Is told every secret before it is sent."""


def find_targets(vault: Vault, hide: Hide) -> list[Target]:
    """
    Each server and program of `servers.toml`, in its order: a server once for each account that has signed in, or once.

    Raises a VaultError. No network.
    """
    keys = vault.grant_keys()
    targets: list[Target] = []
    for server in vault.settings.servers.values():
        found = vault.settings.find(server.name)
        accounts = dict.fromkeys(key.account for key in keys if key.server == server.url) or ["default"]
        targets += [build_target(vault, found, account, hide) for account in accounts]
    return targets + [build_target(vault, program, "default", hide) for program in vault.settings.programs.values()]


def build_target(vault: Vault, server: ServerSettings | ProgramSettings, account: str, hide: Hide) -> Target:
    """One of them. `server` is as `Settings.find` gives it."""
    if isinstance(server, ProgramSettings):
        return ProgramTarget(
            server.name,
            server.command,
            directory=None if server.directory is None else Path(server.directory).expanduser(),
            enabled=server.enabled,
            fingerprint=_fingerprint(server),
            read_environment=partial(_read_environment, server, hide),
        )
    extension = server.client.grant_type.extension
    return HttpTarget(
        server.name,
        server.url,
        account,
        server.transport,
        extensions=() if extension is None else (extension,),
        enabled=server.enabled,
        fingerprint=_fingerprint(server, vault.settings.network),
        open_client=partial(_open_client, vault, server, account, hide),
    )


def find_target(vault: Vault, name_or_url: str, account: str, hide: Hide) -> Target:
    """The one that a person names, switched off or not. Raises UsageError for a name that nobody configured."""
    program = vault.settings.programs.get(name_or_url)
    return build_target(vault, program or vault.settings.find(name_or_url), account, hide)


def _open_client(vault: Vault, server: ServerSettings, account: str, hide: Hide) -> "httpx2.AsyncClient":
    import httpx2

    from handstamp.http.client import open_client

    return open_client(
        vault.auth(server.name, account=account),
        headers=read_headers(server.headers),
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=ANSWER_SECONDS),
        transport=vault.transport(server.name),
        hide=hide,
    )


def _read_environment(program: ProgramSettings, hide: Hide) -> Mapping[str, str | Secret]:
    values = read_environment(program.environment)
    hide([value for value in values.values() if isinstance(value, Secret)])
    return values


def _fingerprint(*settings: object) -> str:
    """Of every setting. What a secret's place holds by then is read at each connection, and is no part of it."""
    return hashlib.sha256(repr(settings).encode()).hexdigest()
