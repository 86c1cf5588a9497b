"""`handstamp status`: every server, its state, and where the vault is. No network."""

import shlex
import time

import click

from handstamp.cli.commands import Command, pass_session
from handstamp.cli.session import Session
from handstamp.errors import hint
from handstamp.model import Failure, Grant, GrantKey, Status, VaultPlace
from handstamp.output import Output, Styled
from handstamp.protocol.text import safe
from handstamp.settings import ProgramSettings, Settings
from handstamp.standing import Problem, Standing, find_standings
from handstamp.words import DISABLED, PROGRAM, grant_members, iso_time, one_line, renewal_words, status_words, who

__all__ = ["status"]


@click.command(cls=Command)
@click.argument("server", required=False)
@click.option("--check", is_flag=True, help="Print only what is wrong; the exit code tells whether anything is.")
@click.pass_context
@pass_session
def status(session: Session, context: click.Context, server: str | None, check: bool) -> None:
    """
    Show every server and its sign-in.

    With SERVER, all that is known of that one. Asks nobody: it shows what is stored here.

    Nobody signs in to a server that is a program on this machine: of that it shows what is configured.

    With --check, for monitors and scripts: nothing is printed where there is nothing to do. The exit code is 4 where a person is
    needed, 3 where a token has ended and cannot be renewed for now, 5 where a sign-in is damaged or the vault cannot be used; of
    several the highest. A server that nobody has signed in to, or that is disabled, counts only as SERVER.

    \b
      handstamp status linear
      handstamp status --check
    """
    now, output = time.time(), session.output
    with session.vault() as vault:
        programs = _find_programs(vault.settings, server)
        standings = find_standings(vault, server) if server not in vault.settings.programs else []
        place = vault.place()
    if check:
        programs, standings = [], [each for each in standings if each.problem(now) is not None]
    if output.json:
        servers = [_members(each, now) for each in standings]
        output.document(
            {"vault": _place_members(place), "servers": servers, "programs": [_program_members(each) for each in programs]}
        )
    elif check:
        _show_problems(output, standings, now)
    elif server is not None:
        _show_details(output, standings, now, vault.settings)
        for program in programs:
            output.fields(_program_rows(program))
        _show_end(output, standings, now, place)
    elif standings or programs:
        headings = ("SERVER", "STATUS", "ACCOUNT", "SCOPES", "RENEWS")
        output.table([headings, *(_row(each, now) for each in standings), *(_program_row(each) for each in programs)])
        _show_end(output, standings, now, place)
    else:
        output.say("No servers yet.")
        output.hint(hint("add", name="NAME", url="URL"))
    if check:
        context.exit(max((problem.exit_code for problem in _problems(standings, now)), default=0))


def _find_programs(settings: Settings, server: str | None) -> list[ProgramSettings]:
    return [each for each in settings.programs.values() if server in (None, each.name)]


def _show_end(output: Output, standings: list[Standing], now: float, place: VaultPlace) -> None:
    output.data("")
    output.data(f"Vault {place.path}" + (", not made yet" if place.key is None else f", key in {place.key}"))
    _show_next_steps(output, standings, now)


def _show_next_steps(output: Output, standings: list[Standing], now: float) -> None:
    for command in dict.fromkeys(each.next_step(now) for each in standings):
        if command is not None:
            output.hint(command)


def _show_problems(output: Output, standings: list[Standing], now: float) -> None:
    if not standings:
        return
    words = [one_line(problem.words) for problem in _problems(standings, now)]
    rows = [(_name(each), _cell(each, now), sentence) for each, sentence in zip(standings, words, strict=True)]
    output.table(rows, headings=False)
    _show_next_steps(output, standings, now)


def _problems(standings: list[Standing], now: float) -> list[Problem]:
    return [problem for each in standings if (problem := each.problem(now)) is not None]


def _name(standing: Standing) -> str:
    """With our label where it is not the usual one."""
    name, key = standing.server.name, standing.key
    return name if key is None or key.account == "default" else f"{name} ({safe(key.account)})"


def _cell(standing: Standing, now: float) -> Styled:
    if standing.is_disabled:
        return Styled(*DISABLED)
    if standing.damaged:
        return Styled("✗ damaged", "red")
    return Styled("○ former", "dim") if standing.is_former else Styled(*status_words(Status.of(standing.grant, now)))


def _row(standing: Standing, now: float) -> tuple[str | Styled, ...]:
    grant = standing.grant
    if grant is None:
        return standing.server.name, _cell(standing, now), _account(standing.damaged), "—", "—"
    return (
        standing.server.name,
        _cell(standing, now),
        who(grant) or "—",
        _scopes(grant),
        _renewal(standing, grant, now),
    )


def _program_row(program: ProgramSettings) -> tuple[str | Styled, ...]:
    return program.name, Styled(*(PROGRAM if program.enabled else DISABLED)), "—", "—", "—"


def _program_rows(program: ProgramSettings) -> list[tuple[str, str | Styled]]:
    """Of its variables the names alone: their values may be secrets."""
    rows: list[tuple[str, str | Styled]] = [
        ("server", program.name),
        ("status", Styled(*PROGRAM)),
        ("command", one_line(shlex.join(program.command))),
    ]
    if program.directory is not None:
        rows.append(("runs in", safe(program.directory)))
    if program.environment:
        rows.append(("variables", safe(", ".join(name for name, _ in program.environment))))
    return rows if program.enabled else [*rows, ("enabled", f"no; {hint('enable', server=program.name)}")]


def _account(damaged: GrantKey | None) -> str:
    """Our own label is all that can be read; it tells nothing where it is the only one."""
    return "—" if damaged is None or damaged.account == "default" else safe(damaged.account)


def _renewal(standing: Standing, grant: Grant, now: float) -> str:
    return "—" if standing.is_former else renewal_words(grant, now)


def _show_details(output: Output, standings: list[Standing], now: float, settings: Settings) -> None:
    for number, standing in enumerate(standings):
        if number:
            output.data("")
        rows: list[tuple[str, str | Styled]] = [
            ("server", standing.server.name),
            ("url", standing.server.url),
            ("status", _cell(standing, now)),
        ]
        if not standing.server.enabled:
            rows.append(("enabled", f"no; {hint('enable', server=standing.server.name)}"))
        if (problem := standing.problem(now)) is not None and not _is_told(problem, standing.grant):
            rows.append(("why", problem.words))
        if (document := settings.find_client_id_url(standing.server.name)) is not None:
            rows.append(("client ID", f"{safe(document.value)}, from {document.origin}"))
        if standing.grant is not None:
            rows += _grant_rows(standing, standing.grant, now)
        elif standing.damaged is not None:
            rows += [("account", safe(standing.damaged.account)), ("issuer", safe(standing.damaged.issuer))]
        output.fields(rows)


def _is_told(problem: Problem, grant: Grant | None) -> bool:
    """By the row of the last error."""
    return grant is not None and grant.failure is not None and grant.failure.message == problem.words


def _grant_rows(standing: Standing, grant: Grant, now: float) -> list[tuple[str, str | Styled]]:
    rows: list[tuple[str, str | Styled]] = [
        ("account", who(grant) or grant.key.account),
        ("issuer", safe(grant.key.issuer)),
        ("client", grant.registration.kind.value.replace("_", " ")),
        ("grant type", grant.grant_type.value.replace("_", " ")),
        ("scopes", _scopes(grant)),
        ("signed in", iso_time(grant.granted_at) or "—"),
    ]
    if grant.token.obtained_at > grant.granted_at:
        rows.append(("last renewed", iso_time(grant.token.obtained_at) or "—"))
    rows += [
        ("expires", iso_time(grant.token.expires_at) or "the server does not say"),
        ("renews", _renewal(standing, grant, now)),
    ]
    if grant.pending is not None:
        rows.append(("renewing since", iso_time(grant.pending.begun_at) or "—"))
    if grant.failure is not None:
        rows.append(("last error", f"{iso_time(grant.failure.at)}  {one_line(grant.failure.message)}"))
    return rows


def _scopes(grant: Grant) -> str:
    return safe(", ".join(grant.scopes)) or "—"


def _place_members(place: VaultPlace) -> dict[str, object]:
    return {"path": place.path, "key": place.key}


def _members(standing: Standing, now: float) -> dict[str, object]:
    server = standing.server
    members: dict[str, object] = {"server": server.name, "url": server.url, "status": standing.status(now)}
    if standing.grant is not None:
        members |= grant_members(standing.grant) | _renewal_members(standing.grant)
    elif standing.damaged is not None:
        members |= {"account": standing.damaged.account, "issuer": standing.damaged.issuer}
    problem = standing.problem(now)
    return members | {
        "needs_person": problem is not None and problem.needs_person,
        "problem": None if problem is None else problem.words,
        "next_step": standing.next_step(now),
        "enabled": server.enabled,
    }


def _program_members(program: ProgramSettings) -> dict[str, object]:
    return {"server": program.name, "command": list(program.command), "enabled": program.enabled}


def _renewal_members(grant: Grant) -> dict[str, object]:
    return {
        "refreshed_at": iso_time(grant.token.obtained_at),
        "pending_since": None if grant.pending is None else iso_time(grant.pending.begun_at),
        "last_error": None if grant.failure is None else _failure_members(grant.failure),
    }


def _failure_members(failure: Failure) -> dict[str, object]:
    return {"code": failure.code, "message": failure.message, "at": iso_time(failure.at)}
