"""Scopes: their grammar, their union, and which ones to ask for."""

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # These three read scopes with the grammar below.
    from handstamp.protocol.challenge import Challenge
    from handstamp.protocol.resource import ProtectedResource
    from handstamp.protocol.server import AuthorizationServer

__all__ = ["OFFLINE_ACCESS", "choose_scopes", "filter_scopes", "parse_scopes", "union_scopes"]

OFFLINE_ACCESS = "offline_access"
MAX_SCOPES = 100

# RFC 6749 §3.3: visible ASCII without the quotation mark and the backslash.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


def parse_scopes(text: str) -> tuple[str, ...]:
    """The scopes in a spaced list, each once, in order. What is no scope is left out, and all after the hundredth (TF9)."""
    return filter_scopes(text.split(" "))


def filter_scopes(values: object, limit: int = MAX_SCOPES) -> tuple[str, ...]:
    """The scopes among `values`, a list from a metadata document; anything else counts as none (TB23)."""
    if not isinstance(values, list):
        return ()
    found: dict[str, None] = {}
    for value in cast("list[object]", values):
        if len(found) == limit:
            break
        if isinstance(value, str) and _SCOPE.fullmatch(value):
            found[value] = None
    return tuple(found)


def union_scopes(*groups: tuple[str, ...]) -> tuple[str, ...]:
    """Every scope of the groups once, in the order in which it first occurs (A-114)."""
    return tuple(dict.fromkeys(scope for group in groups for scope in group))


def choose_scopes(
    *,
    configured: tuple[str, ...],
    challenge: "Challenge | None",
    resource: "ProtectedResource",
    server: "AuthorizationServer",
) -> tuple[str, ...]:
    """
    What to ask for (A-70): what the person configured; else what the challenge wants; else all that the resource supports.

    Configured scopes are never replaced (P20); those of an `insufficient_scope` challenge join them, for without them the
    operation fails again (A-72). Empty means that no scope is sent.
    """
    wanted = _wanted_scopes(configured, challenge, resource, server)
    # Without it many servers give no refresh token; unlisted, it is refused or ignored (A-73, 4.10).
    offline = (OFFLINE_ACCESS,) if OFFLINE_ACCESS in server.scopes_supported else ()
    return union_scopes(wanted, offline)


def _wanted_scopes(
    configured: tuple[str, ...], challenge: "Challenge | None", resource: "ProtectedResource", server: "AuthorizationServer"
) -> tuple[str, ...]:
    challenged = challenge.scopes if challenge is not None else ()
    if configured:
        is_step_up = challenge is not None and challenge.error == "insufficient_scope"
        return union_scopes(configured, challenged) if is_step_up else configured
    if challenged:
        return challenged
    # It is the authorization server's to offer, not the resource's.
    return tuple(scope for scope in resource.scopes_supported if scope != OFFLINE_ACCESS or scope in server.scopes_supported)
