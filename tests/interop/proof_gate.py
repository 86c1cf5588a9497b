"""
In front of the SDK's MCP server, which knows bearer tokens alone: takes bound ones with their proof (RFC 9449 §7), and no others.

What it has checked it hands on as a bearer token, so that the SDK checks the token itself.
"""

from dataclasses import dataclass, field

import jwt
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proofs import BadProof, ProofChecker

__all__ = ["ProofGate"]


@dataclass
class ProofGate:
    app: ASGIApp
    resource: str
    path: str
    nonce: str | None = None
    """What every proof has to bear."""
    checker: ProofChecker = field(default_factory=ProofChecker)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self.path:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if (error := self._find_error(scope["method"], headers, token) if scheme == "DPoP" else None) is not None:
            told = {"dpop-nonce": self.nonce} if self.nonce and error == "use_dpop_nonce" else {}
            challenge = f'DPoP error="{error}", algs="ES256"'
            await Response(status_code=401, headers={"www-authenticate": challenge, **told})(scope, receive, send)
            return
        handed_on = MutableHeaders(raw=[pair for pair in headers.raw if pair[0] not in (b"authorization", b"dpop")])
        if scheme == "DPoP":
            handed_on["authorization"] = f"Bearer {token}"

        async def renamed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [_rename(name, value) for name, value in message["headers"]]
            await send(message)

        await self.app({**scope, "headers": handed_on.raw}, receive, renamed)

    def _find_error(self, method: str, headers: Headers, token: str) -> str | None:
        try:
            text = headers.get("dpop")
            proof = self.checker.check(text, method=method, url=self.resource, access_token=token)
        except BadProof:
            return "invalid_dpop_proof"
        if proof.claims.get("nonce") != self.nonce:
            return "use_dpop_nonce"
        try:
            bound_to = jwt.decode(token, options={"verify_signature": False}).get("cnf", {}).get("jkt")
        except jwt.InvalidTokenError:
            return "invalid_token"
        return None if bound_to == proof.jkt else "invalid_token"


def _rename(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return (name, value.replace(b"Bearer", b"DPoP", 1)) if name.lower() == b"www-authenticate" else (name, value)
