"""
Grants and registrations as JSON, to be sealed.

Every member is listed here by hand, so that a new field of the model is a decision and never an accident. A member that this
version does not know is ignored: an older program reads what a newer one wrote.
"""

import json
from dataclasses import replace
from typing import Any

from handstamp.errors import VaultCorrupt
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token

__all__ = ["decode_grant", "decode_registration", "encode_grant", "encode_registration", "without_configured_secret"]


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
        }
    )


def decode_grant(key: GrantKey, generation: int, payload: bytes) -> Grant:
    """Raises VaultCorrupt where a member is missing or of the wrong kind."""
    try:
        found: dict[str, Any] = json.loads(payload)
        return Grant(
            key=key,
            resource=found["resource"],
            scopes=tuple(found["scopes"]),
            registration=_read_registration(found["registration"]),
            token=_read_token(found["token"]),
            token_endpoint=found["token_endpoint"],
            revocation_endpoint=found.get("revocation_endpoint"),
            identity=found.get("identity"),
            granted_at=found["granted_at"],
            generation=generation,
            refused=found.get("refused"),
            requested_scopes=tuple(found.get("requested_scopes", ())),
        )
    except (ValueError, KeyError, TypeError) as error:
        # `from None`: a JSON error carries the whole document, tokens and all.
        raise VaultCorrupt(f"A stored grant cannot be read: {type(error).__name__}.") from None


def encode_registration(registration: Registration) -> bytes:
    """The members to seal; `decode_registration` reads them back."""
    return _encode(_registration_members(registration))


def decode_registration(payload: bytes) -> Registration:
    """Raises VaultCorrupt where a member is missing or of the wrong kind."""
    try:
        return _read_registration(json.loads(payload))
    except (ValueError, KeyError, TypeError) as error:
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
        "client_secret_expires_at": kept.client_secret_expires_at,
    }


def _read_registration(found: dict[str, Any]) -> Registration:
    return Registration(
        issuer=found["issuer"],
        kind=RegistrationKind(found["kind"]),
        client_id=found["client_id"],
        redirect_uri=found["redirect_uri"],
        token_endpoint_auth_method=found["token_endpoint_auth_method"],
        client_secret=_hide(found.get("client_secret")),
        client_secret_from=found.get("client_secret_from"),
        client_secret_expires_at=found.get("client_secret_expires_at"),
    )


def _token_members(token: Token) -> dict[str, Any]:
    return {
        "access_token": token.access_token.reveal(),
        "obtained_at": token.obtained_at,
        "expires_at": token.expires_at,
        "refresh_token": _reveal(token.refresh_token),
        "token_type": token.token_type,
    }


def _read_token(found: dict[str, Any]) -> Token:
    return Token(
        access_token=Secret(found["access_token"]),
        obtained_at=found["obtained_at"],
        expires_at=found.get("expires_at"),
        refresh_token=_hide(found.get("refresh_token")),
        token_type=found["token_type"],
    )


def _reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _hide(value: str | None) -> Secret | None:
    return None if value is None else Secret(value)
