"""`handstamp logout`: ends a sign-in, and says whether the server knows."""

import click

from handstamp.cli.commands import Command, account_option, pass_session, server_argument
from handstamp.cli.session import Session
from handstamp.errors import NetworkError, ServerSaidNo, VaultCorrupt, account_hint
from handstamp.logout import LogoutReport, Revocation
from handstamp.output import Output
from handstamp.protocol.urls import host
from handstamp.words import one_line

__all__ = ["logout"]

_EXIT_CODES = {
    Revocation.CONFIRMED: 0,
    Revocation.UNANSWERED: NetworkError.exit_code,
    Revocation.UNCERTAIN: NetworkError.exit_code,
    Revocation.DAMAGED: VaultCorrupt.exit_code,
}


@click.command(cls=Command)
@server_argument
@account_option
@click.pass_context
@pass_session
def logout(session: Session, context: click.Context, server: str, account: str) -> None:
    """
    Revoke a sign-in and forget it here.

    It is forgotten here in any case. The exit code is 0 only where the server has confirmed that it is over. It is 3 where it did
    not answer, 5 where what was stored is damaged, and 1 where it refused, offers no revocation, or could not be asked.
    """
    output = session.output
    with session.vault() as vault:
        found = vault.settings.find(server)
        reports = vault.sync.logout(server, account=account)
        others = sorted({key.account for key in vault.grant_keys() if key.server == found.url} - {account})
    if output.json:
        output.document({"server": found.name, "account": account, "sign_ins": [_members(report) for report in reports]})
    elif reports:
        _show(output, reports)
    else:
        output.say(
            f"{found.name} was not signed in." if account == "default" else f"{found.name} was not signed in as {account}."
        )
        for other in others:
            output.hint(account_hint("logout", server=found.name, account=other))
    context.exit(max((_EXIT_CODES.get(report.revocation, ServerSaidNo.exit_code) for report in reports), default=0))


def _show(output: Output, reports: list[LogoutReport]) -> None:
    for report in reports:
        at = host(report.issuer)
        if report.revoked:
            output.done(f"Revoked at {at} and forgotten here")
        else:
            perhaps = "perhaps " if report.revocation is Revocation.UNCERTAIN else ""
            output.warn(f"Forgotten here; {perhaps}not revoked at {at}: {one_line(report.reason or 'it did not say why')}")
    if not all(report.revoked for report in reports):
        output.say("  There it lasts until it runs out, or until you end it in the settings of your account.")


def _members(report: LogoutReport) -> dict[str, object]:
    return {
        "url": report.server,
        "issuer": report.issuer,
        "revoked": report.revoked,
        "revocation": report.revocation.value,
        "reason": report.reason,
    }
