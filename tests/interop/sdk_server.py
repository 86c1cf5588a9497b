"""
The SDK's own authorization server and an MCP server in one process, as a user of the SDK writes it.

The SDK brings the endpoints; the provider behind them, with rotating refresh tokens and a consent page, is ours.
Run with `python -m interop.sdk_server`.
"""

import argparse
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interop.gate import READ, WRITE, add_tools
from interop.hosting import serve

PAGE = """<!doctype html><title>Allow access?</title>
<form method="post" action="/consent"><input type="hidden" name="ticket" value="{ticket}">
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form>"""


class Asked(BaseModel):
    """An authorization request that waits for a person's answer."""

    client_id: str
    params: AuthorizationParams


class Counted(BaseModel):
    registrations: int = 0
    codes: int = 0
    refreshes: int = 0
    refused: list[str] = []
    revocations: int = 0
    ended_grants: int = 0


class Memory(BaseModel):
    """All that the server knows: one value, so that a restart can keep it."""

    clients: dict[str, OAuthClientInformationFull] = {}
    asked: dict[str, Asked] = {}
    codes: dict[str, AuthorizationCode] = {}
    access: dict[str, AccessToken] = {}
    refresh: dict[str, RefreshToken] = {}
    counts: Counted = Counted()


@dataclass
class Provider(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    origin: str
    ttl: int
    memory: Memory

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.memory.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        assert client_info.client_id is not None
        self.memory.clients[client_info.client_id] = client_info
        self.memory.counts.registrations += 1

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        if params.resource not in (None, f"{self.origin}/mcp"):
            raise AuthorizeError("invalid_target", "that resource is not here")
        assert client.client_id is not None
        ticket = secrets.token_urlsafe()
        self.memory.asked[ticket] = Asked(client_id=client.client_id, params=params)
        return f"{self.origin}/consent?ticket={ticket}"

    def answer(self, ticket: str, *, allowed: bool) -> str:
        """Where the browser goes with the person's answer."""
        asked = self.memory.asked.pop(ticket)
        redirect_uri, state = str(asked.params.redirect_uri), asked.params.state
        if not allowed:
            return construct_redirect_uri(redirect_uri, error="access_denied", state=state)
        return construct_redirect_uri(redirect_uri, code=self.issue_code(asked), state=state)

    def issue_code(self, asked: Asked) -> str:
        code = AuthorizationCode(
            code=secrets.token_urlsafe(),
            scopes=asked.params.scopes or [READ],
            expires_at=time.time() + 60,
            client_id=asked.client_id,
            code_challenge=asked.params.code_challenge,
            redirect_uri=asked.params.redirect_uri,
            redirect_uri_provided_explicitly=asked.params.redirect_uri_provided_explicitly,
            resource=asked.params.resource,
            subject="alice",
        )
        self.memory.codes[code.code] = code
        return code.code

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.memory.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.memory.codes[authorization_code.code]
        return self.issue(authorization_code, authorization_code.scopes)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        return self.memory.refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        del self.memory.refresh[refresh_token.token]
        return self.issue(refresh_token, scopes)

    def issue(self, source: AuthorizationCode | RefreshToken, scopes: list[str]) -> OAuthToken:
        shared: dict[str, Any] = {
            "client_id": source.client_id,
            "scopes": scopes,
            "resource": source.resource,
            "subject": source.subject,
        }
        access = AccessToken(token=secrets.token_urlsafe(), expires_at=int(time.time()) + self.ttl, **shared)
        refresh = RefreshToken(token=secrets.token_urlsafe(), **shared)
        self.memory.access[access.token] = access
        self.memory.refresh[refresh.token] = refresh
        return OAuthToken(access_token=access.token, expires_in=self.ttl, scope=" ".join(scopes), refresh_token=refresh.token)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.memory.access.get(token)

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        """Both kinds, of this client: a person who signs out expects no half of it."""
        for kept in (self.memory.access, self.memory.refresh):
            for value in [known for known, owned in kept.items() if owned.client_id == token.client_id]:
                del kept[value]
        self.memory.counts.ended_grants += 1


@dataclass
class Counting:
    """Counts what leaves the token and revocation endpoints: refusals are the SDK's own, the provider never hears of them."""

    app: ASGIApp
    counts: Counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        note = {"/token": self.note_token, "/revoke": self.note_revocation}.get(scope.get("path", ""))
        if note is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        asked = await Request(scope, receive).body()
        status, answered = 0, b""

        async def replay() -> Message:
            return {"type": "http.request", "body": asked, "more_body": False}

        async def overhear(message: Message) -> None:
            nonlocal status, answered
            status = message.get("status", status)
            answered += message.get("body", b"")
            await send(message)

        await self.app(scope, replay, overhear)
        note(asked, status, answered)

    def note_token(self, asked: bytes, status: int, answered: bytes) -> None:
        grant_type = parse_qs(asked.decode()).get("grant_type", ["?"])[0]
        if status != 200:
            self.counts.refused.append(f"{grant_type} {json.loads(answered)['error']}")
        elif grant_type == "refresh_token":
            self.counts.refreshes += 1
        else:
            self.counts.codes += 1

    def note_revocation(self, _asked: bytes, status: int, _answered: bytes) -> None:
        self.counts.revocations += status == 200


def build(origin: str, *, ttl: int, memory: Memory) -> ASGIApp:
    provider = Provider(origin, ttl, memory)
    server = MCPServer(
        "sdk",
        auth_server_provider=provider,
        # From text: a URL value of pydantic's would grow a slash, and an issuer with a slash is another issuer.
        auth=AuthSettings.model_validate(
            {
                "issuer_url": origin,
                "resource_server_url": f"{origin}/mcp",
                "required_scopes": [READ],
                "client_registration_options": ClientRegistrationOptions(
                    enabled=True, valid_scopes=[READ, WRITE], default_scopes=[READ]
                ),
                "revocation_options": RevocationOptions(enabled=True),
                # What the SDK does by default: the resource is kept with the token and not looked at.
                "validate_token_resource": False,
            }
        ),
        log_level="WARNING",
    )
    add_tools(server)
    add_consent(server, provider)
    add_controls(server, memory)
    return Counting(server.streamable_http_app(), memory.counts)


def add_consent(server: MCPServer[Any], provider: Provider) -> None:
    async def ask(request: Request) -> Response:
        ticket = request.query_params["ticket"]
        return HTMLResponse(PAGE.format(ticket=ticket) if ticket in provider.memory.asked else "Unknown request.")

    async def answer(request: Request) -> Response:
        form = await request.form()
        return RedirectResponse(provider.answer(str(form["ticket"]), allowed=form["decision"] == "allow"), status_code=303)

    server.custom_route("/consent", methods=["GET"])(ask)
    server.custom_route("/consent", methods=["POST"])(answer)


def add_controls(server: MCPServer[Any], memory: Memory) -> None:
    def end_grants() -> None:
        memory.access.clear()
        memory.refresh.clear()

    actions: dict[str, Callable[[], None]] = {
        "expire": memory.access.clear,
        "end-grants": end_grants,
        "forget-clients": memory.clients.clear,
    }

    async def counts(_request: Request) -> Response:
        return JSONResponse(memory.counts.model_dump())

    async def control(request: Request) -> Response:
        actions[request.path_params["action"]]()
        return JSONResponse({})

    server.custom_route("/control/counts", methods=["GET"])(counts)
    server.custom_route("/control/{action}", methods=["POST"])(control)


def load(state: Path | None) -> Memory:
    return Memory.model_validate_json(state.read_bytes()) if state and state.exists() else Memory()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ttl", type=int, default=3600)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    memory = load(given.state)
    serve(lambda origin: build(origin, ttl=given.ttl, memory=memory), port=given.port)
    if given.state:
        given.state.write_text(memory.model_dump_json())


if __name__ == "__main__":
    main()
