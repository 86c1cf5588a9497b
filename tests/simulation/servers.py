"""
Models of the authorization servers that there are, by what they do with a refresh token that comes a second time.

    strict              the family is revoked
    grace               for some seconds after its first use another successor, as long as no successor was used; then as strict
    previous            good until a token that it brought is used (Cloudflare); what is older is unknown, and revokes nothing
    no rotation         the same refresh token for ever

A server goes by its own clock, and remembers everything.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["MODELS", "Family", "Issued", "Model", "Server"]


@dataclass(frozen=True, slots=True)
class Model:
    """What one server does."""

    name: str
    reuse: Literal["grace", "previous", "kept"]
    grace: float = 0.0
    """Seconds; 0 is strict."""


MODELS = (
    Model("strict", "grace"),
    Model("grace of 1 s", "grace", 1.0),
    Model("grace of 5 s", "grace", 5.0),
    Model("grace of 30 s", "grace", 30.0),
    Model("grace of 10 min", "grace", 600.0),
    Model("grace of 30 min", "grace", 1800.0),
    Model("previous token valid", "previous"),
    Model("no rotation", "kept"),
)


@dataclass(slots=True, eq=False)
class Family:
    """All that came of one sign-in."""

    number: int
    revoked: str | None = None
    """Why."""
    current: "Issued | None" = None
    previous: "Issued | None" = None


@dataclass(slots=True, eq=False)
class Issued:
    """One refresh token, and the access token that came with it."""

    refresh: str
    access: str
    family: Family
    depth: int
    access_ends: float
    first_used: float | None = None
    parent: "Issued | None" = None


@dataclass(slots=True)
class Server:
    """One authorization server, and the MCP server that believes it."""

    model: Model
    lifetime: float
    tells_lifetime: bool
    clock: Callable[[], float]
    revoked_by_reuse: Callable[[Issued], None]
    """Hears that a second use has cost a family."""
    refresh_tokens: dict[str, Issued] = field(default_factory=dict[str, Issued])
    access_tokens: dict[str, Issued] = field(default_factory=dict[str, Issued])
    families: list[Family] = field(default_factory=list[Family])
    _access_ends: dict[str, float] = field(default_factory=dict[str, float])

    def sign_in(self) -> Issued:
        """A person says yes: the first tokens of a new family."""
        family = Family(len(self.families))
        self.families.append(family)
        first = self._issue(family, None)
        family.current = first
        return first

    def would_accept(self, refresh: str) -> bool:
        """Whether it would give a token for it now."""
        token = self.refresh_tokens.get(refresh)
        if token is None or token.family.revoked is not None:
            return False
        match self.model.reuse:
            case "kept":
                return True
            case "previous":
                return token is token.family.current or token is token.family.previous
            case "grace":
                if token.first_used is None:
                    return True
                return self.is_within_grace(token, self.clock()) and not self._successor_used(token)

    def is_within_grace(self, token: Issued, at: float) -> bool:
        return token.first_used is not None and at <= token.first_used + self.model.grace

    def _successor_used(self, token: Issued) -> bool:
        return any(each.parent is token and each.first_used is not None for each in self.refresh_tokens.values())

    def refresh(self, refresh: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if not self.would_accept(refresh):
            token = self.refresh_tokens.get(refresh)
            if token is not None and self.model.reuse == "grace" and token.family.revoked is None:
                token.family.revoked = "a refresh token came twice"
                self.revoked_by_reuse(token)
            return 400, b'{"error": "invalid_grant"}'
        token = self.refresh_tokens[refresh]
        if self.model.reuse == "kept":
            renewed = self._renew_access(token)
            return 200, self._body(renewed, token.refresh, rotated=False)
        if token.first_used is None:
            token.first_used = self.clock()
        successor = self._issue(token.family, token)
        if self.model.reuse == "previous":
            token.family.previous, token.family.current = token, successor
        return 200, self._body(successor.access, successor.refresh, rotated=True)

    def accepts(self, access: str) -> bool:
        """What the MCP server says to a request."""
        issued = self.access_tokens.get(access)
        return issued is not None and issued.family.revoked is None and self.clock() < self._access_ends[access]

    def ends(self, access: str) -> float:
        return self._access_ends[access]

    def _issue(self, family: Family, parent: Issued | None) -> Issued:
        number = len(self.refresh_tokens) + 1
        issued = Issued(f"rt-{number}", "", family, 0 if parent is None else parent.depth + 1, 0.0, parent=parent)
        self.refresh_tokens[issued.refresh] = issued
        issued.access = self._renew_access(issued)
        return issued

    def _renew_access(self, issued: Issued) -> str:
        access = f"at-{len(self.access_tokens) + 1}"
        self.access_tokens[access] = issued
        self._access_ends[access] = self.clock() + self.lifetime
        return access

    def _body(self, access: str, refresh: str, *, rotated: bool) -> bytes:
        members: dict[str, object] = {"access_token": access, "token_type": "Bearer"}
        if self.tells_lifetime:
            members["expires_in"] = int(self.lifetime)
        if rotated:
            members["refresh_token"] = refresh
        return json.dumps(members).encode()
