"""
Answers of OAuth endpoints: what a status and an error code mean for us.

Three questions in order. Is it an answer at all (5xx and 429 are not; a redirect is never followed, for the request bears
secrets)? Is it JSON, or the form that some servers send? Does it carry an `error`, whatever its status (some servers say 200,
some 401)? What a server wrote is shown bounded and escaped, and without the secrets that we sent: some quote them back.
"""

from handstamp.errors import (
    AccessDenied,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    MalformedResponse,
    NetworkError,
    ServerSaidNo,
    TemporarilyUnavailable,
)
from handstamp.protocol.exchange import Request, Response, parse_form, parse_json
from handstamp.protocol.text import mask, safe
from handstamp.protocol.urls import host

__all__ = ["ACCEPT_JSON", "read_answer", "read_members", "refusal", "refuse_unavailable", "retry_after"]

ACCEPT_JSON = (("accept", "application/json"),)
MAX_RETRY_AFTER = 3600.0

_ERRORS: dict[str, type[ServerSaidNo]] = {
    "access_denied": AccessDenied,
    "invalid_client": InvalidClient,
    "invalid_grant": InvalidGrant,
    "invalid_scope": InvalidScope,
    "invalid_target": InvalidScope,
    "unauthorized_client": InvalidClient,
    # GitHub's words for the same three.
    "bad_refresh_token": InvalidGrant,
    "bad_verification_code": InvalidGrant,
    "incorrect_client_credentials": InvalidClient,
}
_TRANSIENT = ("server_error", "temporarily_unavailable")


def read_answer(request: Request, response: Response) -> dict[str, object]:
    """
    The members of a successful answer.

    Raises TemporarilyUnavailable for 5xx and 429, MalformedResponse for a redirect and for what cannot be read, and the
    ServerSaidNo that fits for every answer with an `error`.
    """
    members = read_members(request, response)
    error = members.get("error")
    if error:
        raise refusal(request, error, members.get("error_description"))
    if not 200 <= response.status < 300:
        raise MalformedResponse(
            f"Expected an answer to the {request.purpose.value}, got HTTP {response.status} without an error code."
        )
    return members


def read_members(request: Request, response: Response) -> dict[str, object]:
    """The members, of an error too. An answer other than 2xx that cannot be read is reported by its status."""
    refuse_unavailable(request, response)
    what = f"the answer to the {request.purpose.value}"
    if 300 <= response.status < 400:
        raise MalformedResponse(
            f"Expected {what}, got a redirect (HTTP {response.status}), which is never followed with a secret."
        )
    try:
        return _parse(response, what)
    except MalformedResponse as error:
        if response.status < 300:
            raise
        raise MalformedResponse(f"Expected {what}, got HTTP {response.status} without an error code.") from error


def _parse(response: Response, what: str) -> dict[str, object]:
    # By what it is, not by what it is called: JSON errors come as text/html, forms as text/plain.
    is_json = response.body.lstrip()[:1] in (b"{", b"[", b"<", b"")
    return parse_json(response.body, what) if is_json else parse_form(response.body, what)


def refusal(request: Request, error: object, description: object = None) -> ServerSaidNo | NetworkError | MalformedResponse:
    """The exception for an OAuth error code."""
    if not isinstance(error, str):
        return MalformedResponse(f'Expected "error" in the answer to the {request.purpose.value} as a string.')
    code = safe(mask(error, request.secrets), 100)
    words = mask(description, request.secrets).strip() if isinstance(description, str) else ""
    reason = f' ("{safe(words)}")' if words else ""
    said = f"{host(request.url)} answered the {request.purpose.value} with {code}{reason}."
    if error in _TRANSIENT:
        return TemporarilyUnavailable(said)
    return _ERRORS.get(error, ServerSaidNo)(said, error=code)


def refuse_unavailable(request: Request, response: Response) -> None:
    """Raises TemporarilyUnavailable for 5xx and 429: the server said neither yes nor no."""
    if response.status == 429 or response.status >= 500:
        raise TemporarilyUnavailable(
            f"{host(request.url)} cannot answer now (HTTP {response.status}).",
            retry_after=retry_after(response),
            # Those two are said instead of doing it. A gateway's 502 or 504 may come after it was done.
            maybe_done=response.status not in (429, 503),
        )


def retry_after(response: Response) -> float | None:
    """Seconds to wait as the server asked, at most an hour (TA18); None where it said nothing that can be read."""
    value = (response.header("retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:20]), MAX_RETRY_AFTER)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return min(max(moment - response.sent_at, 0.0), MAX_RETRY_AFTER)
