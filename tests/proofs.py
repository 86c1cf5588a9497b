"""What a server checks of a DPoP proof (RFC 9449 §4.3): with PyJWT, and with nothing of ours."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

import jwt

__all__ = ["BadProof", "Proof", "ProofChecker", "ath", "read_proof"]

WINDOW = 300.0
"""Seconds that a clock may be off."""


class BadProof(Exception):
    """Not to be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One whose signature is that of its own key."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def jkt(self) -> str:
        """The key's thumbprint (RFC 7638)."""
        jwk = self.header["jwk"]
        return _digest(json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":")))


@dataclass
class ProofChecker:
    """Takes each proof once. Safe to share by threads as far as one server uses it."""

    seen: set[str] = field(default_factory=set[str])

    def check(self, text: str | None, *, method: str, url: str, access_token: str | None = None) -> Proof:
        """Everything but the nonce and whose token it is. Raises BadProof."""
        proof = read_proof(text or "")
        wanted = {"htm": method, "htu": url} | ({} if access_token is None else {"ath": ath(access_token)})
        for name, value in wanted.items():
            if proof.claims.get(name) != value:
                raise BadProof(f"{name} is {proof.claims.get(name)!r}, not {value!r}")
        if abs(time.time() - proof.claims["iat"]) > WINDOW:
            raise BadProof("iat is not now")
        if proof.claims["jti"] in self.seen:
            raise BadProof("it was sent before")
        self.seen.add(proof.claims["jti"])
        return proof


def read_proof(text: str) -> Proof:
    """Raises BadProof where it is none, is not signed by its own key, or bears a private one."""
    try:
        header = jwt.get_unverified_header(text)
        jwk = header["jwk"]
        claims = jwt.decode(text, jwt.PyJWK(jwk, "ES256"), ["ES256"], options={"require": ["jti", "iat"], "verify_iat": False})
    except (jwt.PyJWTError, KeyError) as error:
        raise BadProof(f"it is no proof: {error}") from error
    if header["typ"] != "dpop+jwt" or set(jwk) != {"crv", "kty", "x", "y"}:
        raise BadProof(f"its header is {header}")
    return Proof(header, claims)


def ath(access_token: str) -> str:
    return _digest(access_token)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
