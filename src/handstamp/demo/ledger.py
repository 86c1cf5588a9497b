"""
What an authorization server remembers: codes, token families and how often it was asked.

A family begins when a person allows something and is all that ever came of it: one refresh token that is good, those that were
rotated away, and the access tokens. A rotated refresh token that comes back was either stolen or sent by the thief's victim;
nobody can tell which, so the family ends (RFC 9700 §4.14.2). The same happens to a code that comes back (RFC 6749 §4.1.2).

Every secret bears the prefix `stamp_`, so that a test can look for one in any output without knowing which were issued.
"""

import re
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock

__all__ = ["SECRET_PATTERN", "Access", "Code", "Issued", "Ledger", "Permission", "new_secret"]

SECRET_PATTERN = re.compile(r"stamp_(?:at|rt|ac|cs|ct)_[A-Za-z0-9_-]{20,}")
"""Matches every access token, refresh token, authorization code, client secret and control token that is made here."""

CODE_LIFETIME = 60.0


def new_secret(kind: str) -> str:
    """A random string whose beginning tells what it is: the tests look for it in everything that is printed."""
    return f"stamp_{kind}_{secrets.token_urlsafe(24)}"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a person allowed: this client, in their name, for this resource."""

    client_id: str
    user: str
    scopes: tuple[str, ...]
    resource: str | None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code and what it is bound to."""

    value: str
    permission: Permission
    redirect_uri: str
    code_challenge: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Access:
    """One access token, as introspection sees it."""

    token: str
    permission: Permission
    scopes: tuple[str, ...]
    expires_at: float


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token response carries."""

    access: Access
    refresh_token: str | None


@dataclass(slots=True)
class _Family:
    permission: Permission
    refresh_token: str | None = None
    revoked: bool = False
    access: dict[str, Access] = field(default_factory=dict[str, Access])


class Ledger:
    """Safe to call from many threads: a test turns it while the server's thread reads it."""

    def __init__(
        self,
        *,
        lifetime: float = 60.0,
        rotate: bool = True,
        detect_reuse: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lifetime = lifetime
        self.rotate = rotate
        self.detect_reuse = detect_reuse
        self._clock = clock
        self._lock = RLock()
        self._codes: dict[str, Code] = {}
        self._spent_codes: dict[str, _Family] = {}
        self._families: list[_Family] = []
        self._by_refresh: dict[str, _Family] = {}
        self._by_access: dict[str, _Family] = {}
        self._tally: Counter[str] = Counter()
        self._token_requests: Counter[str] = Counter()

    # Codes

    def issue_code(self, permission: Permission, redirect_uri: str, code_challenge: str) -> Code:
        code = Code(new_secret("ac"), permission, redirect_uri, code_challenge, self._clock() + CODE_LIFETIME)
        with self._lock:
            self._codes[code.value] = code
        return code

    def find_code(self, value: str, client_id: str) -> Code | None:
        """The code, if it is this client's and unspent. A spent one ends its family."""
        with self._lock:
            if spent := self._spent_codes.get(value):
                self._end(spent)
                return None
            code = self._codes.get(value)
        return code if code and code.permission.client_id == client_id and self._clock() < code.expires_at else None

    def spend_code(self, code: Code, *, refreshable: bool) -> Issued | None:
        """The first tokens of a new family; None for a code that is not there any more."""
        with self._lock:
            if self._codes.pop(code.value, None) is None:
                return None
            family = _Family(code.permission)
            self._families.append(family)
            self._spent_codes[code.value] = family
            if refreshable:
                self._hand_out_refresh_token(family)
            return self._issue(family, code.permission.scopes)

    def permission_of(self, secret: str) -> Permission | None:
        """What a code or a refresh token stands for; asking spends nothing and ends nothing."""
        with self._lock:
            if code := self._codes.get(secret):
                return code.permission
            family = self._by_refresh.get(secret)
            return family.permission if family else None

    # Refresh tokens

    def find_refresh(self, token: str, client_id: str) -> Permission | None:
        """What the refresh token stands for. One that was rotated away ends its family, where reuse is detected."""
        with self._lock:
            family = self._by_refresh.get(token)
            if family is None or family.permission.client_id != client_id or family.revoked:
                self._tally["refused"] += 1
                return None
            if family.refresh_token != token and self.detect_reuse:
                self._tally["reused"] += 1
                self._end(family)
                return None
            if family.refresh_token != token:
                self._tally["refused"] += 1
                return None
            return family.permission

    def spend_refresh(self, token: str, scopes: tuple[str, ...]) -> Issued | None:
        """New tokens for a refresh token that `find_refresh` just found; None if it was spent since."""
        with self._lock:
            family = self._by_refresh.get(token)
            if family is None or family.revoked or family.refresh_token != token:
                return None
            self._tally["ok"] += 1
            if self.rotate:
                self._hand_out_refresh_token(family)
            return self._issue(family, scopes)

    # Access tokens

    def look_up(self, access_token: str) -> Access | None:
        """The token, if it is good now."""
        with self._lock:
            family = self._by_access.get(access_token)
            access = family.access.get(access_token) if family and not family.revoked else None
        return access if access and self._clock() < access.expires_at else None

    def expire_access_tokens(self) -> int:
        """Every access token is invalid from now on; refresh tokens stay good. Gives how many there were."""
        with self._lock:
            live = sum(len(family.access) for family in self._families)
            for family in self._families:
                family.access.clear()
            return live

    # The end

    def revoke(self, token: str, client_id: str) -> None:
        """Ends the family of an access or refresh token of this client; says nothing about any other (RFC 7009 §2.2)."""
        with self._lock:
            self._tally["revocations"] += 1
            family = self._by_refresh.get(token) or self._by_access.get(token)
            if family and family.permission.client_id == client_id:
                self._end(family)

    def revoke_everything(self) -> None:
        with self._lock:
            for family in self._families:
                self._end(family)

    # Counts

    def count(self, what: str) -> None:
        with self._lock:
            self._tally[what] += 1

    def count_token_request(self, grant_type: str) -> None:
        with self._lock:
            self._token_requests[grant_type] += 1

    def counts(self) -> dict[str, object]:
        with self._lock:
            return {
                "authorization_requests": self._tally["authorization_requests"],
                "registrations": self._tally["registrations"],
                "revocations": self._tally["revocations"],
                "token_requests": dict(self._token_requests),
                "refreshes": {outcome: self._tally[outcome] for outcome in ("ok", "reused", "refused")},
                "active_families": sum(not family.revoked for family in self._families),
            }

    def _hand_out_refresh_token(self, family: _Family) -> None:
        family.refresh_token = new_secret("rt")
        self._by_refresh[family.refresh_token] = family

    def _issue(self, family: _Family, scopes: tuple[str, ...]) -> Issued:
        access = Access(new_secret("at"), family.permission, scopes, self._clock() + self.lifetime)
        family.access[access.token] = access
        self._by_access[access.token] = family
        return Issued(access, family.refresh_token)

    def _end(self, family: _Family) -> None:
        family.revoked = True
        family.access.clear()
