"""
What an error means for a connection: the SDK's, or its client's, as one of ours; and ours as a state.

The SDK runs its transports in task groups, so an error arrives in groups, as a cause, or both. Ours is looked for first. What is
about signing in is so because our own auth object said it, from a challenge; nothing that a server answers in another way, a
plain 403 or a 503 or a sentence about tokens, is ever taken for that (W5, W17).
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from handstamp.errors import (
    ConnectFailed,
    HandstampError,
    LoginRequired,
    MalformedResponse,
    NetworkError,
    ServerBrokeProtocol,
    ServerSaidNo,
    StepUpRequired,
    TemporarilyUnavailable,
    TimedOut,
    UsageError,
    account_hint,
    chain,
    find_error,
    hint,
)
from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.hosts.target import HttpTarget, Target
from handstamp.protocol.answers import retry_after
from handstamp.protocol.exchange import Response
from handstamp.words import one_line

if TYPE_CHECKING:
    import httpx2

__all__ = ["explain", "explain_start", "find_trace", "is_end", "judge", "refuse_late", "refuse_status"]

END = ("Connection closed", "SSE stream ")
LATE = re.compile("Request '.*' timed out")
"""The SDK's own words, of errors that servers send with the same codes."""


def explain(target: Target, error: Exception, *, refused: str | None = None) -> Exception:
    """
    Our own error for what the SDK or its client raised; the same error where it is neither's.

    `refused` is the hint for an error of the protocol's; without it, the command that shows what happens.
    """
    ours = find_error(error)
    if isinstance(ours, NetworkError | ServerBrokeProtocol):
        ours.hint = ours.hint or find_trace(target)
    if ours is not None:
        return ours
    return next((found for each in chain(error) if (found := _explain_one(target, each, refused)) is not None), error)


def explain_start(target: Target, error: Exception, said: Sequence[str]) -> Exception:
    """
    The same where the connection never came about. `said` is what a program said on stderr: one that ends before it has answered
    would do so again.
    """
    ours = explain(target, error)
    if isinstance(target, HttpTarget) or not isinstance(ours, ConnectFailed):
        return ours
    words = next((f" Its last words: {one_line(line, 300)}" for line in reversed(said) if line.strip()), "")
    return ServerBrokeProtocol(f"{target.name} ended before it answered.{words}", hint=find_trace(target))


def refuse_late(target: Target, seconds: float) -> TimedOut:
    """Of a connection that did not come about within its deadline, which is nobody's sign-in (W3)."""
    return TimedOut(f"Expected {target.name} to answer within {seconds:.0f} s, got nothing.", hint=find_trace(target))


def is_end(error: BaseException) -> bool:
    """Whether the SDK says so because the connection has ended. Servers use the same code, -32000, for anything."""
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED

    return isinstance(error, MCPError) and error.code == CONNECTION_CLOSED and error.message.startswith(END)


def _explain_one(target: Target, error: BaseException, refused: str | None) -> HandstampError | None:
    import httpx2
    from mcp import MCPError
    from mcp_types import REQUEST_TIMEOUT
    from pydantic import ValidationError

    name, trace = target.name, find_trace(target)
    match error:
        case httpx2.TimeoutException() | TimeoutError():
            return TimedOut(f"Expected an answer of {name}, got none in time.", hint=trace)
        case httpx2.TransportError():
            return ConnectFailed(f"Expected a connection to {_find_place(target)}, but nothing answers there.", hint=trace)
        case httpx2.HTTPStatusError():
            return refuse_status(target, error.response)
        case MCPError() if is_end(error):
            return ConnectFailed(f"{name} ended the connection.", hint=trace)
        case MCPError() if error.code == REQUEST_TIMEOUT and LATE.fullmatch(error.message):
            return TimedOut(f"Expected an answer of {name}, got none in time.", hint=trace)
        case MCPError():
            return ServerSaidNo(f"{name} answers: {one_line(error.message, 1000)}", hint=refused or trace)
        case ValidationError():
            return MalformedResponse(f"Expected an answer of {name} as MCP has it, got something else.", hint=trace)
        case RuntimeError() if "protocol version" in str(error):
            return MalformedResponse(f"Expected {name} to speak a version of MCP that is known here.", hint=trace)
        case RuntimeError():
            # What the SDK says of a result that the tool's own schema does not allow, or of a schema that is none.
            return MalformedResponse(f"{name} breaks its own word: {one_line(str(error), 500)}", hint=trace)
        case OSError() if not isinstance(target, HttpTarget):
            # Nothing that helps is a command of ours: the program has to be there.
            return UsageError(f"Expected to start {one_line(target.command[0])}, got: {error.strerror or 'it cannot be'}.")
        case _:
            return None


def refuse_status(target: Target, response: "httpx2.Response") -> HandstampError:
    """What an answer that is no answer of MCP's says: 429 and 5xx that nothing is known, any other status that it is a no."""
    status, trace = response.status_code, find_trace(target)
    if status != 429 and status < 500:
        return ServerSaidNo(f"{target.name} answers HTTP {status}.", hint=trace)
    headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
    wait = retry_after(Response(status, headers, b"", str(response.url)))
    return TemporarilyUnavailable(f"{target.name} cannot answer now (HTTP {status}).", hint=trace, retry_after=wait)


def find_trace(target: Target) -> str:
    """The command that says what is wrong between us and the server."""
    if isinstance(target, HttpTarget):
        return account_hint("doctor", server=target.name, account=target.account)
    return hint("tools", server=target.name)


def judge(error: HandstampError, *, now: float, retry_in: Callable[[float], float]) -> ConnectionState:
    """
    The state that a connection is in after `error`. `retry_in` gives the seconds until the next try, told how many the server
    wants at least.
    """
    reason, next_step = error.message, error.hint
    match error:
        case StepUpRequired():
            return ConnectionState(ConnectionStatus.NEEDS_MORE_ACCESS, now, reason, next_step, scopes=error.scopes)
        case LoginRequired():
            return ConnectionState(ConnectionStatus.NEEDS_LOGIN, now, reason, next_step)
        case NetworkError():
            wanted = error.retry_after if isinstance(error, TemporarilyUnavailable) else None
            retry_at = now + retry_in(wanted or 0.0)
            return ConnectionState(ConnectionStatus.UNREACHABLE, now, reason, next_step, retry_at=retry_at)
        case _:
            return ConnectionState(ConnectionStatus.ERROR, now, reason, next_step)


def _find_place(target: Target) -> str:
    return target.url if isinstance(target, HttpTarget) else target.name
