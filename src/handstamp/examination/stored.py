"""What is stored for a server: the sign-in as it stands, and what the server says to its token. Neither is touched."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from handstamp.doctor import Finding, Verdict
from handstamp.errors import HandstampError, LoginRequired, StepUpRequired, VaultError, account_hint, renewal_exit_code
from handstamp.examination.findings import Findings
from handstamp.login import REQUEST_DEADLINE, LoginRequest
from handstamp.model import Grant, GrantType, Registration, Status, Token
from handstamp.ports import HttpRunner
from handstamp.protocol.challenge import INSUFFICIENT_SCOPE
from handstamp.protocol.discovery import Discovered, Probe, ask_server, judge_probe
from handstamp.protocol.dpop import Prover
from handstamp.words import login_reason, renewal_words, span, who

__all__ = ["Stored", "look_up", "show_token"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What this machine has for the server, each thing read when it is looked at."""

    grant: Callable[[], Grant | None]
    """Raises a VaultError."""
    read_credentials: Callable[[Registration], object]
    """Raises SettingsError or a VaultError where a secret is not in its place."""
    prover: Callable[[Token], Prover | None]


def look_up(
    findings: Findings, request: LoginRequest, stored: Stored, now: float, discovered: Discovered | HandstampError | None
) -> Grant | None:
    """Tells how the sign-in stands. `discovered` is None where the server needs none."""
    try:
        grant = stored.grant()
    except VaultError as error:
        findings.failed("grant", "The vault cannot be read", error)
        return None
    if grant is None:
        _tell_none(findings, request, discovered)
        return None
    findings.hide(each for each in (grant.token.access_token, grant.token.refresh_token) if each is not None)
    findings.keep_private(grant.identity)
    _tell_standing(findings, grant, now)
    return grant


def _tell_none(findings: Findings, request: LoginRequest, discovered: Discovered | HandstampError | None) -> None:
    if discovered is None:
        findings.skipped("grant", "No sign-in is needed")
    elif isinstance(discovered, HandstampError):
        findings.skipped("grant", "Nobody is signed in")
    elif request.client.grant_type is not GrantType.AUTHORIZATION_CODE:
        findings.skipped("grant", "No token yet", "the first use gets one, without a person")
    else:
        findings.failed("grant", "Nobody is signed in", LoginRequired("Expected a stored sign-in, got none."))


def _tell_standing(findings: Findings, grant: Grant, now: float) -> None:
    name = who(grant)
    known = ([] if name is None else [f"as {name}"]) + [", ".join(grant.scopes) or "no scope named"]
    said = "; ".join([*known, f"renews {renewal_words(grant, now)}"])
    status = Status.of(grant, now)
    match status:
        case Status.SIGNED_IN | Status.RENEWS_SOON | Status.EXPIRED:
            findings.good("grant", "You are signed in", said)
        case Status.RENEWAL_FAILING:
            _tell_failing(findings, grant, now)
        case Status.NEEDS_LOGIN:
            reason = login_reason(grant)
            findings.failed("grant", "Only a sign-in brings the next token", LoginRequired(reason))
        case Status.NOT_SIGNED_IN:
            pass
        case _:
            assert_never(status)
    if grant.interrupted_at is not None:
        ago = span(now - grant.interrupted_at)
        findings.odd("grant", "A refresh was begun and is not over", "its end", f"none for {ago}; the next use carries it on")


def _tell_failing(findings: Findings, grant: Grant, now: float) -> None:
    assert grant.failure is not None
    ago = f"{span(now - grant.failure.at)} ago: {grant.failure.message}"
    if grant.token.is_fresh(now) and grant.token.expires_at is not None:
        findings.odd("grant", "The token could not be renewed", "a new token", ago, next_step=findings.command("doctor"))
        return
    findings.add(
        Finding(
            "grant",
            Verdict.BAD,
            "The token has ended and could not be renewed",
            expected="a new token",
            actual=ago,
            next_step=findings.command("login"),
            code=grant.failure.code,
            exit_code=renewal_exit_code(grant.failure.code),
        )
    )


async def show_token(
    findings: Findings, request: LoginRequest, stored: Stored, http: HttpRunner, grant: Grant, now: float
) -> None:
    """Sends one MCP request with the stored token, and tells what the server says. A token that is over is not renewed."""
    token = grant.token
    if not token.is_fresh(now):
        findings.skipped("token", "The token has ended, and is not shown to the server", "the next use renews it")
        return
    step = ask_server(request.url, request.headers, token=token, prover=stored.prover(token))
    try:
        response = await http.run(step, deadline=REQUEST_DEADLINE)
    except HandstampError as error:
        findings.failed("token", "No answer to the token", error, url=request.url)
        return
    try:
        probe = judge_probe(request.url, response)
    except HandstampError as error:
        findings.failed("token", "No usable answer to the token", error, url=request.url, status=response.status)
        return
    _tell_answer(findings, request, probe, response.status)


def _tell_answer(findings: Findings, request: LoginRequest, probe: Probe, status: int) -> None:
    challenge = probe.challenge
    if probe.is_mcp and not probe.asks:
        findings.good("token", "The server takes the token, and answers as an MCP server", url=request.url, status=status)
    elif probe.asks:
        why = "" if challenge is None or challenge.error is None else f" ({findings.clean(challenge.error)})"
        error = LoginRequired(f"Expected the server to take the stored token, got HTTP 401{why}.")
        findings.failed("token", "The server refuses the token", error, url=request.url, status=status)
    elif status == 403 and challenge is not None and challenge.error == INSUFFICIENT_SCOPE:
        scopes = findings.clean(" ".join(challenge.scopes))
        account = request.account
        command = account_hint("login_scope", server=request.name, account=account, scope=scopes) if scopes else None
        error = StepUpRequired(
            f"Expected the token to be enough, got a demand for more: {scopes or 'it does not say what'}.", hint=command
        )
        findings.failed("token", "The server wants more access", error, url=request.url, status=status)
    else:
        title = "The server neither takes nor refuses the token"
        findings.add(Finding("token", Verdict.ODD, title, request.url, status, "the answer of an MCP server", probe.seen))
