"""`handstamp status`: every server, its state, and where the vault is. No network."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

from handstamp.cli.commands import Command, pass_session
from handstamp.cli.session import Session
from handstamp.cli.words import grant_members, iso_time, renewal_words, status_cell, who
from handstamp.errors import account_hint, hint
from handstamp.model import Grant, GrantKey, GrantType, Status, VaultPlace
from handstamp.output import Output, Styled
from handstamp.protocol.text import safe
from handstamp.settings import ServerSettings, Settings
from handstamp.vault import Vault

__all__ = ["status"]

WANT_LOGIN = (Status.NEEDS_LOGIN, Status.NOT_SIGNED_IN)
"""Where signing in is what to do next."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One server and one sign-in there, or none. A `key` without its `grant` is a sign-in that is damaged."""

    server: ServerSettings
    key: GrantKey | None = None
    grant: Grant | None = None
    is_former: bool = False
    """A later sign-in of the same account, at another issuer, is the one in use (A-18)."""

    @property
    def damaged(self) -> GrantKey | None:
        return self.key if self.grant is None else None

    def wants_login(self, now: float) -> bool:
        if self.server.client.grant_type is not GrantType.AUTHORIZATION_CODE:
            return False
        return self.damaged is None and not self.is_former and Status.of(self.grant, now) in WANT_LOGIN

    def status(self, now: float) -> str:
        if self.damaged:
            return "damaged"
        return "former" if self.is_former else Status.of(self.grant, now).value

    def cell(self, now: float) -> Styled:
        if self.damaged:
            return Styled("✗ damaged", "red")
        return Styled("○ former", "dim") if self.is_former else status_cell(Status.of(self.grant, now))

    def renewal(self, grant: Grant, now: float) -> str:
        return "—" if self.is_former else renewal_words(grant, now)


@click.command(cls=Command)
@click.argument("server", required=False)
@pass_session
def status(session: Session, server: str | None) -> None:
    """
    Show every server and its sign-in.

    With SERVER, all that is known of that one. Asks nobody: it shows what is stored here.
    """
    now = time.time()
    with session.vault() as vault:
        lines = _find_lines(vault, server)
        place = vault.place()
    output = session.output
    if output.json:
        output.document({"vault": _place_members(place), "servers": [_members(line, now) for line in lines]})
        return
    if not lines:
        output.say("No servers yet.")
        output.hint(hint("add", name="NAME", url="URL"))
        return
    if server is None:
        _show_table(output, lines, now)
    else:
        _show_details(output, lines, now, vault.settings)
    output.data("")
    output.data(f"Vault {place.path}" + (", not made yet" if place.key is None else f", key in {place.key}"))
    for command in dict.fromkeys(_next_commands(lines, now)):
        output.hint(command)


def _next_commands(lines: list[_Line], now: float) -> Iterator[str]:
    for line in lines:
        if line.damaged is not None:
            yield account_hint("logout", server=line.server.name, account=line.damaged.account)
        elif line.wants_login(now):
            yield hint("login", server=line.server.name)


def _find_lines(vault: Vault, server: str | None) -> list[_Line]:
    # The keys first: a sign-in that ends between the two looks damaged for once; one that begins there must not.
    keys = vault.grant_keys()
    grants = {grant.key: grant for grant in vault.grants()}
    stored = {key: grants.get(key) for key in sorted({*keys, *grants})}
    if server is not None:
        wanted = [vault.settings.find(server)]
    else:
        # A URL that was signed in to without a name counts as a server of its own.
        others = dict.fromkeys(key.server for key in stored)
        configured = list(vault.settings.servers.values())
        urls = {each.url for each in configured}
        wanted = configured + [vault.settings.find(url) for url in others if url not in urls]
    return [line for each in wanted for line in _lines_of(each, stored)]


def _lines_of(server: ServerSettings, stored: Mapping[GrantKey, Grant | None]) -> list[_Line]:
    ours = {key: grant for key, grant in stored.items() if key.server == server.url}
    last: dict[str, float] = {}
    for key, grant in ours.items():
        last[key.account] = max(last.get(key.account, 0.0), 0.0 if grant is None else grant.granted_at)
    lines = [_Line(server, key, grant, grant is not None and grant.granted_at < last[key.account]) for key, grant in ours.items()]
    return lines or [_Line(server)]


def _show_table(output: Output, lines: list[_Line], now: float) -> None:
    headings = ("SERVER", "STATUS", "ACCOUNT", "SCOPES", "RENEWS")
    output.table([headings, *(_row(line, now) for line in lines)])


def _row(line: _Line, now: float) -> tuple[str | Styled, ...]:
    grant = line.grant
    if grant is None:
        return line.server.name, line.cell(now), _account(line.damaged), "—", "—"
    return (
        line.server.name,
        line.cell(now),
        who(grant) or "—",
        _scopes(grant),
        line.renewal(grant, now),
    )


def _account(damaged: GrantKey | None) -> str:
    """Our own label is all that can be read; it tells nothing where it is the only one."""
    return "—" if damaged is None or damaged.account == "default" else safe(damaged.account)


def _show_details(output: Output, lines: list[_Line], now: float, settings: Settings) -> None:
    for number, line in enumerate(lines):
        if number:
            output.data("")
        rows: list[tuple[str, str | Styled]] = [
            ("server", line.server.name),
            ("url", line.server.url),
            ("status", line.cell(now)),
        ]
        if (document := settings.find_client_id_url(line.server.name)) is not None:
            rows.append(("client ID", f"{safe(document.value)}, from {document.origin}"))
        if line.grant is not None:
            rows += _grant_rows(line, line.grant, now)
        elif line.damaged is not None:
            rows += [("account", safe(line.damaged.account)), ("issuer", safe(line.damaged.issuer))]
        output.fields(rows)


def _grant_rows(line: _Line, grant: Grant, now: float) -> list[tuple[str, str | Styled]]:
    return [
        ("account", who(grant) or grant.key.account),
        ("issuer", safe(grant.key.issuer)),
        ("client", grant.registration.kind.value.replace("_", " ")),
        ("grant type", grant.grant_type.value.replace("_", " ")),
        ("scopes", _scopes(grant)),
        ("signed in", iso_time(grant.granted_at) or "—"),
        ("expires", iso_time(grant.token.expires_at) or "the server does not say"),
        ("renews", line.renewal(grant, now)),
    ]


def _scopes(grant: Grant) -> str:
    return safe(", ".join(grant.scopes)) or "—"


def _place_members(place: VaultPlace) -> dict[str, object]:
    return {"path": place.path, "key": place.key}


def _members(line: _Line, now: float) -> dict[str, object]:
    members: dict[str, object] = {"server": line.server.name, "url": line.server.url, "status": line.status(now)}
    if line.grant is not None:
        return members | grant_members(line.grant)
    if line.damaged is not None:
        return members | {"account": line.damaged.account, "issuer": line.damaged.issuer}
    return members
