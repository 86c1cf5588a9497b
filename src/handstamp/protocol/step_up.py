"""
Step-up: what becomes of a request that needs more access than was given (A-111 to A-117, 4.9).

A server says so with 403 and `insufficient_scope`. The answer is a new authorization, never a refresh, which could widen nothing
(A-109): for what was asked for before and what is challenged now, less what was refused already. Servers may challenge without
end, the same scope or another each time, so the attempts are counted by what the request does; and a scope that the person or
the authorization server refused is remembered with the grant, and asked for again only if a person says so.
"""

import json
from dataclasses import dataclass
from typing import cast

from handstamp.errors import AccessDenied, HandstampError, InvalidScope, StepUpRequired, account_hint, hint
from handstamp.model import Grant, GrantType, Token
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.discovery import Probe
from handstamp.protocol.scopes import OFFLINE_ACCESS, union_scopes
from handstamp.protocol.text import safe

__all__ = [
    "STEP_UPS",
    "Operation",
    "Refusal",
    "asked_before",
    "find_operation",
    "find_refused",
    "is_refusal_of_scopes",
    "step_up_required",
]

STEP_UPS = 2
"""Step-ups for one operation; what wants more after those wants it without end."""
MAX_PART = 500
MAX_REFUSED = 100

Operation = tuple[str, ...]
"""What a request does: its HTTP method and path, and for a JSON-RPC call its method and whom it names."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request needs a person."""

    token: Token | None = None
    """The token that the server refused; None where there was none to send."""
    answer: Probe | None = None
    """What it answered; None where nothing was sent, because the token had ended."""
    operation: Operation = ()
    """Set for a step-up: it needs a token with more access, and not just another one."""

    @property
    def challenge(self) -> Challenge | None:
        return None if self.answer is None else self.answer.challenge

    @property
    def wanted(self) -> tuple[str, ...]:
        """The scopes that a step-up is for; empty where the server did not say, or wants another token alone."""
        return self.challenge.scopes if self.operation and self.challenge is not None else ()

    def is_met_by(self, grant: Grant | None) -> bool:
        """Whether somebody has already got another token, with all that is wanted."""
        is_another = grant is not None and (self.token is None or grant.token.access_token != self.token.access_token)
        return is_another and self.is_within(grant)

    def is_within(self, grant: Grant | None) -> bool:
        """Whether all that is wanted was granted, as far as anybody said."""
        return grant is not None and set(self.wanted) <= set(grant.scopes)

    def is_final_for(self, grant: Grant | None) -> bool:
        """Whether the person or the authorization server refused before what is lacking (A-117)."""
        if grant is None or not set(self.wanted) & set(grant.refused_scopes):
            return False
        return set(self.wanted) <= {*grant.scopes, *grant.refused_scopes}


def find_operation(method: str, path: str, body: bytes) -> Operation:
    """Reads the caller's own request: a JSON-RPC call is told by its method, and by the tool or the address that it names."""
    try:
        message = json.loads(body) if method == "POST" else None
    except (ValueError, RecursionError):
        message = None
    call = _members(message)
    params = _members(call.get("params"))
    parts = (method, path, call.get("method"), params.get("name"), params.get("uri"))
    return tuple(part[:MAX_PART] if isinstance(part, str) else "" for part in parts)


def _members(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def asked_before(grant: Grant) -> tuple[str, ...]:
    """What a new authorization asks for again, so that nothing is lost (A-114)."""
    return grant.requested_scopes or grant.scopes


def is_refusal_of_scopes(error: HandstampError) -> bool:
    """Whether a login failed because the person, or the authorization server, does not allow what it asked for."""
    return isinstance(error, AccessDenied) or (isinstance(error, InvalidScope) and error.error == "invalid_scope")


def find_refused(before: tuple[str, ...], *, requested: tuple[str, ...], granted: tuple[str, ...]) -> tuple[str, ...]:
    """
    What a new grant remembers as refused: as before, and what was asked for and not granted; whatever was granted is not.

    `offline_access` is a wish about the token, which many servers grant and do not name.
    """
    refused = (scope for scope in union_scopes(before, requested) if scope not in granted and scope != OFFLINE_ACCESS)
    return tuple(refused)[-MAX_REFUSED:]


def step_up_required(name: str, account: str, grant: Grant | None, refusal: Refusal, *, tried: bool = False) -> StepUpRequired:
    """
    The error for a request that has to wait for a person, with the scopes and the command to ask for them.

    `tried`: it was asked for as often as makes sense, and only a person knows better. Where all that is wanted was refused
    already, nothing is left to ask for, and `scopes` is empty.
    """
    shown = safe(" ".join(refusal.wanted)) or "it does not say which"
    if grant is not None and grant.grant_type is not GrantType.AUTHORIZATION_CODE:
        return _settings_required(name, grant, refusal, shown)
    if refusal.is_final_for(grant):
        return StepUpRequired(f"{name} wants access that was asked for and refused: {shown}.", hint=hint("status"))
    had, refused = ((), ()) if grant is None else (asked_before(grant), grant.refused_scopes)
    scopes = tuple(scope for scope in union_scopes(had, refusal.wanted) if scope not in refused)
    message = f"{name} wants more access than was allowed: {shown}."
    if tried:
        message = f"{name} still wants more access after you were asked for it: {shown}."
    command = "login_scope_again" if refusal.is_within(grant) else "login_scope"
    return StepUpRequired(
        message, hint=account_hint(command, server=name, account=account, scope=" ".join(scopes)), scopes=scopes
    )


def _settings_required(name: str, grant: Grant, refusal: Refusal, shown: str) -> StepUpRequired:
    """A-113: nobody is there to allow more, and asking again by itself would bring the same."""
    scopes = union_scopes(asked_before(grant), refusal.wanted)
    return StepUpRequired(
        f"{name} wants more access than its settings ask for: {shown}.",
        hint=hint("add_scope", name=name, url=grant.key.server, scope=" ".join(scopes)),
        scopes=scopes,
    )
