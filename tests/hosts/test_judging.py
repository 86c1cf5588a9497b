"""What an error means: the SDK's as one of ours, and ours as a state."""

import httpx2
import pytest
from mcp import MCPError
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT
from pydantic import BaseModel, ValidationError

from handstamp.errors import (
    AccessDenied,
    ConnectFailed,
    HandstampError,
    InvalidGrant,
    LoginRequired,
    MalformedResponse,
    ServerBrokeProtocol,
    ServerSaidNo,
    SettingsError,
    StepUpRequired,
    StoreUnreachable,
    TemporarilyUnavailable,
    TimedOut,
    UsageError,
    VaultLocked,
)
from handstamp.hosts.judging import explain, explain_start, judge, refuse_status
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import HttpTarget, ProgramTarget

LINEAR = HttpTarget("linear", "https://mcp.linear.example/mcp")
WORK = HttpTarget("linear", "https://mcp.linear.example/mcp", "work")
NOTES = ProgramTarget("notes", ("notes",))
REQUEST = httpx2.Request("POST", LINEAR.url)


def invalid() -> ValidationError:
    class Strict(BaseModel):
        number: int

    with pytest.raises(ValidationError) as caught:
        Strict.model_validate({"number": "the-secret-of-the-server"})
    return caught.value


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ReadTimeout("slow"), TimedOut),
        (TimeoutError(), TimedOut),
        (httpx2.ConnectError("refused"), ConnectFailed),
        (httpx2.RemoteProtocolError("cut"), ConnectFailed),
        (MCPError(CONNECTION_CLOSED, "Connection closed"), ConnectFailed),
        (MCPError(CONNECTION_CLOSED, "what a server means by it"), ServerSaidNo),
        (MCPError(REQUEST_TIMEOUT, "Request 'tools/list' timed out"), TimedOut),
        (MCPError(REQUEST_TIMEOUT, "Session not found"), ServerSaidNo),
        (MCPError(-32602, "no such tool"), ServerSaidNo),
        (invalid(), MalformedResponse),
        (RuntimeError("Unsupported protocol version from the server: 1999-01-01"), MalformedResponse),
        (RuntimeError("Invalid structured content"), MalformedResponse),
        (httpx2.HTTPStatusError("no", request=REQUEST, response=httpx2.Response(503, request=REQUEST)), TemporarilyUnavailable),
        (httpx2.HTTPStatusError("no", request=REQUEST, response=httpx2.Response(403, request=REQUEST)), ServerSaidNo),
        (LoginRequired("asks"), LoginRequired),
        (ExceptionGroup("tasks", [ExceptionGroup("more", [StepUpRequired("more")])]), StepUpRequired),
        (caused(RuntimeError("Error in post_writer"), LoginRequired("asks")), LoginRequired),
        (ExceptionGroup("tasks", [httpx2.ConnectError("refused")]), ConnectFailed),
    ],
    ids=repr,
)
def test_an_error_of_the_sdk_is_one_of_ours(error: Exception, kind: type[HandstampError]) -> None:
    ours = explain(LINEAR, error)

    assert type(ours) is kind
    assert "the-secret-of-the-server" not in str(ours)


def test_what_is_nobody_s_error_is_not_made_one() -> None:
    error = KeyError("a bug")

    assert explain(LINEAR, error) is error


def test_the_hint_is_for_the_account_and_for_what_was_done() -> None:
    assert getattr(explain(WORK, TimeoutError()), "hint", None) == "handstamp doctor linear --account work"
    assert getattr(explain(NOTES, TimeoutError()), "hint", None) == "handstamp tools notes"
    refused = explain(LINEAR, MCPError(-32602, "no"), refused="handstamp tools linear")
    assert getattr(refused, "hint", None) == "handstamp tools linear"


def test_what_a_server_says_is_told_on_one_line_and_acts_on_nothing() -> None:
    ours = explain(LINEAR, MCPError(-32000, "wipe\x1b[2J\nthe screen"))

    assert str(ours) == "linear answers: wipe\\x1b[2J the screen"


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (503, {}, None),
        (429, {"Retry-After": "30"}, 30.0),
        (503, {"Retry-After": "99999999"}, 3600.0),
        (502, {"Retry-After": "x"}, None),
    ],
)
def test_a_server_that_is_busy_says_how_long(status: int, headers: dict[str, str], wait: float | None) -> None:
    ours = refuse_status(LINEAR, httpx2.Response(status, headers=headers, request=REQUEST))

    assert isinstance(ours, TemporarilyUnavailable)
    assert ours.retry_after == wait


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 418])
def test_a_status_alone_is_no_matter_of_signing_in(status: int) -> None:
    """W5: what only a sign-in mends is said by a challenge, and by that our own auth object hears it."""
    ours = refuse_status(LINEAR, httpx2.Response(status, request=REQUEST))

    assert type(ours) is ServerSaidNo


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LoginRequired("asks"), ConnectionStatus.NEEDS_LOGIN),
        (StepUpRequired("wants"), ConnectionStatus.NEEDS_MORE_ACCESS),
        (ConnectFailed("gone"), ConnectionStatus.UNREACHABLE),
        (TimedOut("late"), ConnectionStatus.UNREACHABLE),
        (TemporarilyUnavailable("busy"), ConnectionStatus.UNREACHABLE),
        (ServerSaidNo("no"), ConnectionStatus.ERROR),
        (AccessDenied("no"), ConnectionStatus.ERROR),
        (InvalidGrant("no"), ConnectionStatus.ERROR),
        (ServerBrokeProtocol("wrong"), ConnectionStatus.ERROR),
        (MalformedResponse("wrong"), ConnectionStatus.ERROR),
        (SettingsError("wrong"), ConnectionStatus.ERROR),
        (UsageError("wrong"), ConnectionStatus.ERROR),
        (VaultLocked("locked"), ConnectionStatus.ERROR),
        (StoreUnreachable("gone"), ConnectionStatus.ERROR),
    ],
    ids=repr,
)
def test_only_an_error_about_signing_in_asks_for_that(error: HandstampError, status: ConnectionStatus) -> None:
    """W5, W17."""
    assert judge(error, now=1.0, retry_in=lambda wanted: 5.0).status is status


def test_a_state_says_why_what_helps_and_when_it_is_tried_again() -> None:
    busy = judge(
        TemporarilyUnavailable("busy", hint="handstamp status", retry_after=30.0), now=100.0, retry_in=lambda wanted: wanted + 1
    )
    wanting = judge(StepUpRequired("more", scopes=["read", "write"]), now=100.0, retry_in=float)

    assert (busy.reason, busy.next_step, busy.since, busy.retry_at) == ("busy", "handstamp status", 100.0, 131.0)
    assert (wanting.scopes, wanting.retry_at) == (("read", "write"), None)


def test_a_program_that_ends_before_it_answers_is_not_started_again() -> None:
    closed = MCPError(CONNECTION_CLOSED, "Connection closed")

    ours = explain_start(NOTES, closed, ["starting", "no such \x1b[31moption", " "])

    assert type(ours) is ServerBrokeProtocol
    assert str(ours) == "notes ended before it answered. Its last words: no such \\x1b[31moption"
    assert isinstance(explain_start(LINEAR, closed, []), ConnectFailed)
