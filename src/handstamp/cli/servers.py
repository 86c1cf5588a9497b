"""`handstamp remove`, `enable` and `disable`: what else writes `servers.toml`."""

from collections.abc import Mapping
from dataclasses import replace

import click

from handstamp.cli.commands import Command, configured_argument, pass_session
from handstamp.cli.session import Session
from handstamp.errors import SettingsError, VaultError, account_hint
from handstamp.model import GrantKey
from handstamp.output import Output
from handstamp.settings import Configured, ProgramSettings, ServerSettings, Settings, load_settings
from handstamp.settings_file import remove_server, render_server, set_enabled
from handstamp.vault import Vault

__all__ = ["disable", "enable", "name_members", "remove", "show_lines"]


@click.command(cls=Command)
@configured_argument
@pass_session
def remove(session: Session, server: str) -> None:
    """
    Forget a server's name and settings.

    Also forgets a client secret that you typed. A sign-in stays until you run `handstamp logout`.
    """
    output = session.output
    with session.vault() as vault:
        settings = vault.settings
        found = settings.find_configured(server)
        # The vault first: if it cannot be opened, nothing has happened yet.
        if isinstance(found, ServerSettings) and found.client.client_secret_from == "vault":
            vault.forget_server(found)
        remove_server(settings, server)
        stored = [] if isinstance(found, ProgramSettings) else _stored(vault, found)
    if output.json:
        next_step = _sign_out(stored[0]) if stored else None
        output.document({**name_members(found), "still_signed_in": bool(stored), "next_step": next_step})
        return
    output.done(f"Removed {server} from {settings.path}")
    if stored:
        output.warn(f"Its sign-in at {stored[0].server} is still stored.")
        output.hint(_sign_out(stored[0]))


def _stored(vault: Vault, server: ServerSettings) -> list[GrantKey]:
    """The sign-ins that no other name leads to."""
    if any(each.url == server.url and each.name != server.name for each in vault.settings.servers.values()):
        return []
    try:
        return [key for key in vault.grant_keys() if key.server == server.url]
    except VaultError:
        return []  # the name is gone, which is what was asked for; whoever asks for a sign-in meets the error there


def _sign_out(key: GrantKey) -> str:
    return account_hint("logout", server=key.server, account=key.account)


def name_members(server: Configured) -> dict[str, object]:
    """What it is, as JSON shows it."""
    if isinstance(server, ProgramSettings):
        return {"server": server.name, "command": list(server.command)}
    return {"server": server.name, "url": server.url}


@click.command(cls=Command)
@configured_argument
@pass_session
def enable(session: Session, server: str) -> None:
    """
    Switch a server on again.

    Writes servers.toml, or shows the lines for it where that is read-only.
    """
    _switch(session, server, enabled=True)


@click.command(cls=Command)
@configured_argument
@pass_session
def disable(session: Session, server: str) -> None:
    """
    Switch a server off, and keep its settings and its sign-in.

    The terminal app, `login --all` and `status --check` leave it alone from then on; a command that names it works as before.
    Writes servers.toml, or shows the lines for it where that is read-only.
    """
    _switch(session, server, enabled=False)


def _switch(session: Session, name: str, *, enabled: bool) -> None:
    output, settings = session.output, load_settings()
    wanted = replace(settings.find_configured(name), enabled=enabled)
    members = {"server": name, "enabled": enabled, "path": str(settings.path), "written": True}
    try:
        set_enabled(settings, name, enabled)
    except SettingsError as error:
        show_lines(output, settings, wanted, error, members | {"written": False})
        return
    if output.json:
        output.document(members)
    else:
        output.done(f"{'Enabled' if enabled else 'Disabled'} {name} in {settings.path}")


def show_lines(
    output: Output, settings: Settings, server: Configured, error: SettingsError, members: Mapping[str, object]
) -> None:
    """What to paste into a file that is not ours to write."""
    lines = render_server(server)
    if output.json:
        output.document({**members, "lines": lines})
        return
    is_there = server.name in settings.configured
    what_to_do = f"Put these lines in the place of its [servers.{server.name}]:" if is_there else "Paste these lines into it:"
    output.warn(f"{error.message} {what_to_do}")
    output.data(lines.rstrip("\n"))
