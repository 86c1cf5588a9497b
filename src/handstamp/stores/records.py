"""
Grants and registrations as JSON, to be sealed.

Every member is listed here by hand, so that a new field of the model is a decision and never an accident. A member that this
version does not know is ignored: an older program reads what a newer one wrote.
"""

import json
from dataclasses import replace
from math import isfinite
from typing import Any, cast

from handstamp.errors import VaultCorrupt
from handstamp.model import (
    Failure,
    Grant,
    GrantKey,
    GrantType,
    Pending,
    Registration,
    RegistrationKind,
    Secret,
    Token,
    Uptime,
)

__all__ = ["decode_grant", "decode_registration", "encode_grant", "encode_registration", "without_configured_secret"]

_UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)


def encode_grant(grant: Grant) -> bytes:
    """All but the key and the generation: those are columns, and the seal is bound to them."""
    return _encode(
        {
            "resource": grant.resource,
            "scopes": list(grant.scopes),
            "registration": _registration_members(grant.registration),
            "token": _token_members(grant.token),
            "token_endpoint": grant.token_endpoint,
            "revocation_endpoint": grant.revocation_endpoint,
            "identity": grant.identity,
            "granted_at": grant.granted_at,
            "refused": grant.refused,
            "requested_scopes": list(grant.requested_scopes),
            "refused_scopes": list(grant.refused_scopes),
            "grant_type": grant.grant_type.value,
            "pending": None if grant.pending is None else _pending_members(grant.pending),
            "failure": None if grant.failure is None else _failure_members(grant.failure),
        }
    )


def decode_grant(key: GrantKey, generation: int, payload: bytes) -> Grant:
    """Raises VaultCorrupt where a member is missing or of the wrong kind."""
    try:
        found = _Record(json.loads(payload))
        return Grant(
            key=key,
            resource=found.text("resource"),
            scopes=found.texts("scopes"),
            registration=_read_registration(found.record("registration")),
            token=_read_token(found.record("token")),
            token_endpoint=found.text("token_endpoint"),
            revocation_endpoint=found.optional_text("revocation_endpoint"),
            identity=found.optional_text("identity"),
            granted_at=found.seconds("granted_at"),
            generation=generation,
            refused=found.optional_text("refused"),
            requested_scopes=found.optional_texts("requested_scopes") or (),
            refused_scopes=found.optional_texts("refused_scopes") or (),
            grant_type=GrantType(found.optional_text("grant_type") or GrantType.AUTHORIZATION_CODE.value),
            pending=_read_pending(found.optional_record("pending")),
            failure=_read_failure(found.optional_record("failure")),
        )
    except _UNREADABLE as error:
        # `from None`: a JSON error carries the whole document, tokens and all.
        raise VaultCorrupt(f"A stored grant cannot be read: {type(error).__name__}.") from None


def encode_registration(registration: Registration) -> bytes:
    """The members to seal; `decode_registration` reads them back."""
    return _encode(_registration_members(registration))


def decode_registration(payload: bytes) -> Registration:
    """Raises VaultCorrupt where a member is missing or of the wrong kind."""
    try:
        return _read_registration(_Record(json.loads(payload)))
    except _UNREADABLE as error:
        raise VaultCorrupt(f"A stored registration cannot be read: {type(error).__name__}.") from None


def without_configured_secret(registration: Registration) -> Registration:
    """W12: only the secret of a dynamic registration is ours to keep; a configured one is read anew at each use."""
    if registration.kind is RegistrationKind.DYNAMIC:
        return registration
    return replace(registration, client_secret=None)


def _encode(members: dict[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def _registration_members(registration: Registration) -> dict[str, Any]:
    kept = without_configured_secret(registration)
    return {
        "issuer": kept.issuer,
        "kind": kept.kind.value,
        "client_id": kept.client_id,
        "redirect_uri": kept.redirect_uri,
        "token_endpoint_auth_method": kept.token_endpoint_auth_method,
        "client_secret": _reveal(kept.client_secret),
        "client_secret_from": kept.client_secret_from,
        "private_key_from": kept.private_key_from,
        "signing_algorithm": kept.signing_algorithm,
        "signing_algorithms_supported": None
        if kept.signing_algorithms_supported is None
        else list(kept.signing_algorithms_supported),
        "assertion_audience": kept.assertion_audience,
        "client_secret_expires_at": kept.client_secret_expires_at,
        "scopes": list(kept.scopes),
    }


def _read_registration(found: "_Record") -> Registration:
    return Registration(
        issuer=found.text("issuer"),
        kind=RegistrationKind(found.text("kind")),
        client_id=found.text("client_id"),
        redirect_uri=found.text("redirect_uri"),
        token_endpoint_auth_method=found.text("token_endpoint_auth_method"),
        client_secret=_hide(found.optional_text("client_secret")),
        client_secret_from=found.optional_text("client_secret_from"),
        private_key_from=found.optional_text("private_key_from"),
        signing_algorithm=found.optional_text("signing_algorithm"),
        signing_algorithms_supported=found.optional_texts("signing_algorithms_supported"),
        assertion_audience=found.optional_text("assertion_audience"),
        client_secret_expires_at=found.optional_seconds("client_secret_expires_at"),
        scopes=found.optional_texts("scopes") or (),
    )


def _token_members(token: Token) -> dict[str, Any]:
    return {
        "access_token": token.access_token.reveal(),
        "obtained_at": token.obtained_at,
        "expires_at": token.expires_at,
        "refresh_token": _reveal(token.refresh_token),
        "token_type": token.token_type,
        "dpop_key": _reveal(token.dpop_key),
        "obtained_uptime": None if token.obtained_uptime is None else _uptime_members(token.obtained_uptime),
    }


def _read_token(found: "_Record") -> Token:
    return Token(
        access_token=Secret(found.text("access_token")),
        obtained_at=found.seconds("obtained_at"),
        expires_at=found.optional_seconds("expires_at"),
        refresh_token=_hide(found.optional_text("refresh_token")),
        token_type=found.text("token_type"),
        dpop_key=_hide(found.optional_text("dpop_key")),
        obtained_uptime=_read_uptime(found.optional_record("obtained_uptime")),
    )


def _uptime_members(uptime: Uptime) -> dict[str, Any]:
    return {"boot": uptime.boot, "seconds": uptime.seconds, "slept": uptime.slept}


def _read_uptime(found: "_Record | None") -> Uptime | None:
    return None if found is None else Uptime(found.text("boot"), found.seconds("seconds"), found.seconds("slept"))


def _pending_members(pending: Pending) -> dict[str, Any]:
    return {"begun_at": pending.begun_at, "fingerprint": pending.fingerprint}


def _read_pending(found: "_Record | None") -> Pending | None:
    return None if found is None else Pending(found.seconds("begun_at"), found.text("fingerprint"))


def _failure_members(failure: Failure) -> dict[str, Any]:
    return {"at": failure.at, "code": failure.code, "message": failure.message}


def _read_failure(found: "_Record | None") -> Failure | None:
    return None if found is None else Failure(found.seconds("at"), found.text("code"), found.text("message"))


class _Record:
    """Members of a JSON object by their kind. Raises one of `_UNREADABLE` where a member is missing or of another."""

    __slots__ = ("_members",)

    def __init__(self, members: object) -> None:
        if not isinstance(members, dict):
            raise TypeError
        self._members = cast("dict[str, object]", members)

    def record(self, name: str) -> "_Record":
        return _Record(self._members[name])

    def optional_record(self, name: str) -> "_Record | None":
        return None if self._members.get(name) is None else self.record(name)

    def text(self, name: str) -> str:
        return _require_text(self._members[name])

    def optional_text(self, name: str) -> str | None:
        return None if self._members.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._members[name]
        if not isinstance(values, list):
            raise TypeError
        return tuple(_require_text(value) for value in cast("list[object]", values))

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        return None if self._members.get(name) is None else self.texts(name)

    def seconds(self, name: str) -> float:
        value = self._members[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise TypeError
        return float(value)

    def optional_seconds(self, name: str) -> float | None:
        return None if self._members.get(name) is None else self.seconds(name)


def _require_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _hide(value: str | None) -> Secret | None:
    return None if value is None else Secret(value)
