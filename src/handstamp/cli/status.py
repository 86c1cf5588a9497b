"""`handstamp status`: every server, its state, and where the vault is. No network."""

import time
from dataclasses import dataclass

import click

from handstamp.cli.commands import Command, pass_session
from handstamp.cli.session import Session
from handstamp.cli.words import grant_members, iso_time, renewal_words, status_cell, who
from handstamp.errors import hint
from handstamp.model import Grant, Status, VaultPlace
from handstamp.output import Output, Styled
from handstamp.protocol.text import printable
from handstamp.settings import ServerSettings
from handstamp.vault import Vault

__all__ = ["status"]

WANT_LOGIN = (Status.NEEDS_LOGIN, Status.NOT_SIGNED_IN)
"""Where signing in is what to do next."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One server and one sign-in there, or none."""

    server: ServerSettings
    grant: Grant | None
    status: Status


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
        lines = _find_lines(vault, server, now)
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
        _show_details(output, lines, now)
    output.data("")
    output.data(f"Vault {place.path}" + (", not made yet" if place.key is None else f", key in {place.key}"))
    for name in dict.fromkeys(line.server.name for line in lines if line.status in WANT_LOGIN):
        output.hint(hint("login", server=name))


def _find_lines(vault: Vault, server: str | None, now: float) -> list[_Line]:
    grants = vault.grants()
    if server is not None:
        wanted = [vault.settings.find(server)]
    else:
        # A URL that was signed in to without a name counts as a server of its own.
        others = dict.fromkeys(grant.key.server for grant in grants)
        configured = list(vault.settings.servers.values())
        urls = {each.url for each in configured}
        wanted = configured + [vault.settings.find(url) for url in others if url not in urls]
    return [line for each in wanted for line in _lines_of(each, grants, now)]


def _lines_of(server: ServerSettings, grants: list[Grant], now: float) -> list[_Line]:
    own = [grant for grant in grants if grant.key.server == server.url]
    return [_Line(server, grant, Status.of(grant, now)) for grant in own] or [_Line(server, None, Status.of(None, now))]


def _show_table(output: Output, lines: list[_Line], now: float) -> None:
    headings = ("SERVER", "STATUS", "ACCOUNT", "SCOPES", "RENEWS")
    output.table([headings, *(_row(line, now) for line in lines)])


def _row(line: _Line, now: float) -> tuple[str | Styled, ...]:
    grant = line.grant
    if grant is None:
        return line.server.name, status_cell(line.status), "—", "—", "—"
    return (
        line.server.name,
        status_cell(line.status),
        who(grant) or "—",
        _scopes(grant),
        renewal_words(grant, now),
    )


def _show_details(output: Output, lines: list[_Line], now: float) -> None:
    for number, line in enumerate(lines):
        if number:
            output.data("")
        rows: list[tuple[str, str | Styled]] = [
            ("server", line.server.name),
            ("url", line.server.url),
            ("status", status_cell(line.status)),
        ]
        if line.grant is not None:
            rows += _grant_rows(line.grant, now)
        output.fields(rows)


def _grant_rows(grant: Grant, now: float) -> list[tuple[str, str | Styled]]:
    return [
        ("account", who(grant) or grant.key.account),
        ("issuer", printable(grant.key.issuer)),
        ("client", grant.registration.kind.value.replace("_", " ")),
        ("scopes", _scopes(grant)),
        ("signed in", iso_time(grant.granted_at) or "—"),
        ("expires", iso_time(grant.token.expires_at) or "the server does not say"),
        ("renews", renewal_words(grant, now)),
    ]


def _scopes(grant: Grant) -> str:
    return printable(", ".join(grant.scopes)) or "—"


def _place_members(place: VaultPlace) -> dict[str, object]:
    return {"path": place.path, "key": place.key}


def _members(line: _Line, now: float) -> dict[str, object]:
    members: dict[str, object] = {"server": line.server.name, "url": line.server.url, "status": line.status.value}
    return members if line.grant is None else members | grant_members(line.grant)
