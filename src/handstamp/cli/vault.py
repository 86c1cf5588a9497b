"""`handstamp vault`: the file in which sign-ins are kept, looked after as a file."""

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handstamp.cli.commands import Command, CommandGroup, pass_session
from handstamp.cli.rekey import rekey
from handstamp.cli.session import Session
from handstamp.errors import KeyUnavailable, UsageError, VaultCorrupt, hint
from handstamp.output import Output, Styled
from handstamp.protocol.text import safe
from handstamp.protocol.urls import host
from handstamp.settings import state_directory
from handstamp.words import iso_time

if TYPE_CHECKING:
    from handstamp.ports import KeyProvider
    from handstamp.stores.backups import Contents
    from handstamp.stores.checking import Finding

__all__ = ["vault"]

GLYPHS = {"fine": ("✓", "green"), "notable": ("!", "yellow"), "wrong": ("✗", "red")}
MOST_SERVERS = 8
"""That a question names."""
RESTORE = hint("vault_restore", path="FILE")


@click.group(cls=CommandGroup)
def vault() -> None:
    """
    Look after the vault: its place, its health, its backups, its key.

    The vault is one file, vault.db in the state directory; its key is kept elsewhere, and nothing opens without it. handstamp
    status shows what is in it. Where the key is gone for good, move vault.db aside and sign in anew.
    """


@vault.command(cls=Command)
@pass_session
def path(session: Session) -> None:
    """
    Print where vault.db is, and nothing else.

    It is made at the first sign-in.
    """
    place = _find_vault()
    if session.output.json:
        session.output.document({"path": str(place), "exists": place.exists()})
    else:
        session.output.data(str(place))


@vault.command(cls=Command)
@pass_session
def check(session: Session) -> None:
    """
    Look the vault through: files, database, key, and every row.

    Changes nothing and asks no server. ✓ is as it should be, ! is worth knowing, ✗ is wrong; then the exit code is 5.
    """
    from handstamp.stores.checking import State, check_vault
    from handstamp.wiring import build_providers

    output, place = session.output, _find_vault()
    with output.progress("Checking") as progress:
        findings = list(check_vault(place.parent, build_providers(place.parent, session.ask), progress))
    faults = [finding for finding in findings if finding.state is State.WRONG]
    if output.json:
        output.document({"path": str(place), "intact": not faults, "findings": [_members(each) for each in findings]})
    else:
        output.table([(Styled(*GLYPHS[each.state.value]), each.subject, each.text) for each in findings], headings=False)
    if faults:
        # A key that is not there is no reason to put a backup, which needs one too, over what is intact.
        is_shut = any(fault.subject == "key" for fault in faults)
        last = hint("help_command", command="vault") if is_shut else RESTORE
        advice = next((fault.hint for fault in faults if fault.hint is not None), last)
        raise VaultCorrupt(f"{place} is not as it should be: {len(faults)} of {len(findings)} findings are wrong.", hint=advice)
    for finding in findings:
        if finding.hint is not None and not output.json:
            output.hint(finding.hint)


@vault.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@pass_session
def backup(session: Session, file: Path) -> None:
    """
    Write a copy of the vault into a new FILE.

    Programs may use the vault meanwhile. The copy is sealed as the vault is, and its key is not in it: keep that too, elsewhere.
    FILE may be on another disk or on a network; one that exists is never overwritten.
    """
    from handstamp.stores.backups import back_up
    from handstamp.stores.pinning import provider_of
    from handstamp.wiring import build_providers, build_store

    output, state = session.output, state_directory().path
    target = file.absolute()
    with closing(build_store(state, announce=output.say, ask=session.ask)) as store, output.progress("Copying") as progress:
        written = back_up(store.database, target, progress)
    if output.json:
        provider = provider_of(written.pin)
        output.document({"path": str(target), "sign_ins": written.sign_ins, "key_provider": provider, "key_included": False})
        return
    output.done(f"Wrote {file}: {_count(written.sign_ins, 'sign-in')}, sealed")
    key = _describe_key(written.pin, build_providers(state, session.ask))
    output.say(f"  Its key is not in it, and nobody opens it without, nor do you. The key stays in {key}.")


@vault.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Ask nothing.")
@pass_session
def restore(session: Session, file: Path, yes: bool) -> None:
    """
    Put the copy in FILE in place of what the vault holds.

    What it holds now is kept beside it, as vault.db and the time. Programs that run go on with what is restored. A refresh token
    of the copy may have been used since: each is tried once, and where its server refuses it, you sign in again.
    """
    from handstamp.stores import restoring
    from handstamp.stores.backups import read_backup
    from handstamp.wiring import build_providers, build_store

    output, place, file = session.output, _find_vault(), file.absolute()
    with output.progress("Reading") as progress:
        contents = read_backup(file, build_providers(place.parent, session.ask), progress)
    if not yes and not _agrees(output, file, contents, place):
        output.say("Nothing was changed.")
        return
    with (
        closing(build_store(place.parent, announce=output.say, ask=session.ask)) as store,
        output.progress("Restoring") as progress,
    ):
        kept = restoring.restore(store, contents, now=time.time(), progress=progress)
    if output.json:
        members = {"path": str(place), "sign_ins": len(contents.grants), "damaged": contents.damaged}
        output.document(members | {"kept_as": None if kept is None else str(kept)})
        return
    output.done(f"Restored {_count(len(contents.grants), 'sign-in')} from {file}")
    if kept is not None:
        output.say(f"  What was there is kept as {kept}: its tokens too, until you delete it.")


vault.add_command(rekey)


def _agrees(output: Output, file: Path, contents: "Contents", place: Path) -> bool:
    if output.json or not output.is_conversation:
        raise UsageError(
            f"Expected --yes where nobody can be asked: {file} would take the place of what the vault holds.",
            hint=hint("vault_restore_yes", path=str(file)),
        )
    output.say(f"{file} holds {_count(len(contents.grants), 'sign-in')}{_name_servers(contents)}.")
    if contents.grants:
        output.say(f"  The last of them is of {iso_time(max(grant.granted_at for grant in contents.grants))}.")
    if contents.damaged:
        output.warn(f"{_count(contents.damaged, 'row')} of it cannot be opened and will be missing.")
    if place.exists():
        output.say(f"  What {place} holds now is kept beside it.")
    return output.ask_yes("Restore it?")


def _name_servers(contents: "Contents") -> str:
    named = list(dict.fromkeys(safe(host(grant.key.server)) for grant in contents.grants))
    more = f" and {len(named) - MOST_SERVERS} more" if len(named) > MOST_SERVERS else ""
    return f" at {', '.join(named[:MOST_SERVERS])}{more}" if named else ""


def _find_vault() -> Path:
    return state_directory().path / "vault.db"


def _describe_key(pin: str, providers: "Iterable[KeyProvider]") -> str:
    from handstamp.stores.pinning import find_provider, provider_of

    try:
        return find_provider(providers, pin).describe()
    except KeyUnavailable:
        return safe(provider_of(pin))


def _members(finding: "Finding") -> dict[str, object]:
    return {"subject": finding.subject, "state": finding.state.value, "text": finding.text, "hint": finding.hint}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
