"""`handstamp doctor`: why a server works, or does not."""

import click

from handstamp.cli.commands import Command, account_option, pass_session, server_argument
from handstamp.cli.session import Session
from handstamp.doctor import Diagnosis, Finding, Verdict, report
from handstamp.output import Output
from handstamp.words import iso_time

__all__ = ["doctor"]

COLORS = {Verdict.GOOD: "green", Verdict.ODD: "yellow", Verdict.BAD: "red", Verdict.SKIPPED: "dim"}


@click.command(cls=Command)
@server_argument
@account_option
@click.option("--report", "is_report", is_flag=True, help="Print Markdown to paste where others read it: nothing of yours in it.")
@click.pass_context
@pass_session
def doctor(session: Session, context: click.Context, server: str, account: str, is_report: bool) -> None:
    """
    Find out why a server works, or does not.

    Takes every step of a sign-in and of a request that changes nothing, and says of each what was expected, what came and what to
    do. SERVER may be a URL that nobody configured. Nobody has to be signed in, nothing is registered, renewed or stored; a stored
    token that is fresh is shown to its own server.

    The exit code is 0 where nothing is in the way, else that of what a sign-in would meet: 1 the server is wrong, 2 your settings
    are, 3 the network, 4 a sign-in is needed, 5 the vault.

    \b
      handstamp doctor linear
      handstamp doctor https://mcp.example.com/mcp --report
    """
    output = session.output
    is_live = not (output.json or is_report)
    with session.vault() as vault:
        diagnosis = vault.sync.doctor(
            server, account=account, on_finding=lambda finding: _show(output, finding) if is_live else None
        )
    if output.json:
        output.document(_members(diagnosis))
    elif is_report:
        output.data(report(diagnosis).rstrip("\n"))
    else:
        _show_summary(output, diagnosis)
    context.exit(diagnosis.exit_code)


def _show(output: Output, finding: Finding) -> None:
    color = COLORS[finding.verdict]
    output.data(f"{output.styled_data(finding.verdict.glyph, color)} {finding.title}")
    status = "" if finding.status is None else f"  HTTP {finding.status}"
    if finding.url is not None:
        output.data(output.styled_data(f"    {finding.url}{status}", "dim"))
    if finding.expected is not None:
        output.data(f"    expected  {finding.expected}")
    if finding.actual is not None:
        output.data(f"    got       {finding.actual}" if finding.expected is not None else f"    {finding.actual}")


def _show_summary(output: Output, diagnosis: Diagnosis) -> None:
    verdict = Verdict.GOOD if diagnosis.failure is None else Verdict.BAD
    output.data("")
    output.data(f"{output.styled_data(verdict.glyph, COLORS[verdict])} {diagnosis.summary}")
    if diagnosis.next_step is not None:
        output.hint(diagnosis.next_step)


def _members(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "server": diagnosis.server,
        "url": diagnosis.url or None,
        "at": iso_time(diagnosis.at),
        "verdict": "good" if diagnosis.failure is None else "bad",
        "summary": diagnosis.summary,
        "code": None if diagnosis.failure is None else diagnosis.failure.code,
        "next_step": diagnosis.next_step,
        "findings": [_finding_members(each) for each in diagnosis.findings],
    }


def _finding_members(finding: Finding) -> dict[str, object]:
    return {
        "step": finding.step,
        "verdict": finding.verdict.value,
        "title": finding.title,
        "url": finding.url,
        "status": finding.status,
        "expected": finding.expected,
        "actual": finding.actual,
        "code": finding.code,
        "next_step": finding.next_step,
    }
