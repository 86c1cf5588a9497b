"""
The demo's authorization server: the official SDK's handlers, and around them what they lack.

Run as a process: `python -m handstamp.demo.authority --port 0`. It writes one JSON line, `{"issuer": …, "control_token": …}`,
once it listens, and ends on SIGTERM. The SDK's own routes send no `iss`, name no `none` among their client authentication
methods, refuse revocation by public clients and ignore `resource` at the token endpoint; so the routes here are ours and hand on
to the SDK's handlers.
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import AuthenticationError, ClientAuthenticator
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    TokenError,
    construct_redirect_uri,
)
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from handstamp.demo import pages
from handstamp.demo.ledger import Code, Issued, Ledger, Permission, new_secret
from handstamp.demo.process import is_controller, listen, serve

__all__ = ["build_app", "main"]

SCOPES = ["read", "write", "openid", "offline_access"]
SESSION_COOKIE = "handstamp_demo_session"


class TokensWithIdentity(OAuthToken):
    """The SDK's token response with the one member of OpenID Connect that names the person."""

    id_token: str | None = None


@dataclass(slots=True)
class Transaction:
    """One authorization request on its way through the pages."""

    client: OAuthClientInformationFull
    params: AuthorizationParams
    session: str | None = None

    @property
    def redirect_uri(self) -> str:
        return str(self.params.redirect_uri)

    @property
    def scopes(self) -> list[str]:
        return self.params.scopes or ["read"]


class Provider(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """What the SDK's handlers ask: clients and transactions live here, tokens in the ledger."""

    def __init__(self, issuer: str, ledger: Ledger) -> None:
        self.issuer = issuer
        self.ledger = ledger
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.transactions: dict[str, Transaction] = {}
        self.sessions: dict[str, str] = {}
        self._codes: dict[str, Code] = {}
        self._id_token_key = secrets.token_bytes(32)

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        # RFC 7591 §3.2.1 lets a server replace what was asked. All scopes, or the SDK would refuse any step-up later on.
        client_info.scope = " ".join(SCOPES)
        if client_info.client_secret:
            client_info.client_secret = new_secret("cs")
        self.clients[client_info.client_id] = client_info
        self.ledger.count("registrations")

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        name = secrets.token_urlsafe(16)
        self.transactions[name] = Transaction(client, params)
        return f"{self.issuer}/login?{urlencode({'transaction': name})}"

    def allow(self, transaction: Transaction, user: str) -> str:
        """Where the browser goes once the person has pressed Allow."""
        params = transaction.params
        permission = Permission(transaction.client.client_id, user, tuple(transaction.scopes), params.resource)
        code = self.ledger.issue_code(permission, transaction.redirect_uri, params.code_challenge)
        self._codes[code.value] = code
        return construct_redirect_uri(transaction.redirect_uri, code=code.value, state=params.state, iss=self.issuer)

    def deny(self, transaction: Transaction) -> str:
        return construct_redirect_uri(
            transaction.redirect_uri,
            error="access_denied",
            error_description="The person pressed Deny.",
            state=transaction.params.state,
            iss=self.issuer,
        )

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        code = self.ledger.find_code(authorization_code, client.client_id)
        if code is None:
            return None
        return AuthorizationCode(
            code=code.value,
            scopes=list(code.permission.scopes),
            expires_at=code.expires_at,
            client_id=client.client_id,
            code_challenge=code.code_challenge,
            redirect_uri=AnyUrl(code.redirect_uri),
            redirect_uri_provided_explicitly=True,
            resource=code.permission.resource,
            subject=code.permission.user,
        )

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        code = self._codes.pop(authorization_code.code, None)
        issued = self.ledger.spend_code(code, refreshable="refresh_token" in client.grant_types) if code else None
        if issued is None:
            raise TokenError("invalid_grant", "authorization code was used before")
        return self._respond(issued)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        permission = self.ledger.find_refresh(refresh_token, client.client_id)
        if permission is None:
            return None
        return RefreshToken(
            token=refresh_token,
            client_id=client.client_id,
            scopes=list(permission.scopes),
            resource=permission.resource,
            subject=permission.user,
        )

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        issued = self.ledger.spend_refresh(refresh_token.token, tuple(scopes))
        if issued is None:
            raise TokenError("invalid_grant", "refresh token was used before")
        return self._respond(issued)

    async def load_access_token(self, token: str) -> AccessToken | None:
        access = self.ledger.look_up(token)
        if access is None:
            return None
        return AccessToken(
            token=token,
            client_id=access.permission.client_id,
            scopes=list(access.scopes),
            expires_at=int(access.expires_at),
            resource=access.permission.resource,
            subject=access.permission.user,
            claims={"iss": self.issuer},
        )

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        self.ledger.revoke(token.token, token.client_id)

    def _respond(self, issued: Issued) -> OAuthToken:
        access = issued.access
        return TokensWithIdentity(
            access_token=access.token,
            expires_in=int(self.ledger.lifetime),
            refresh_token=issued.refresh_token,
            scope=" ".join(access.scopes),
            id_token=self._id_token(access.permission) if "openid" in access.scopes else None,
        )

    def _id_token(self, permission: Permission) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": permission.user,
            "aud": permission.client_id,
            "iat": now,
            "exp": now + 300,
            "email": email_of(permission.user),
        }
        signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(claims)}"
        signature = hmac.new(self._id_token_key, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_base64url(signature)}"


class Pages:
    """Sign in, then allow or deny. A session cookie remembers who you are; consent is asked each time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def login(self, request: Request) -> Response:
        name, transaction = self._find(request.query_params)
        if transaction is None:
            return _gone()
        if self._user(request):
            return _see_other(f"consent?{urlencode({'transaction': name})}")
        return HTMLResponse(pages.login_page(name), headers=pages.headers_for())

    async def logged_in(self, request: Request) -> Response:
        form = await request.form()
        name, transaction = self._find(form)
        user = _text(form, "username").strip()[:200]
        if transaction is None:
            return _gone()
        if not user:
            return HTMLResponse(pages.login_page(name), status_code=400, headers=pages.headers_for())
        session = secrets.token_urlsafe(24)
        self._provider.sessions[session] = user
        response = _see_other(f"consent?{urlencode({'transaction': name})}")
        # Not Secure: Safari does not send such a cookie to plain http on loopback, and the demo has nothing else.
        response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax")
        return response

    async def consent(self, request: Request) -> Response:
        name, transaction = self._find(request.query_params)
        user = self._user(request)
        if transaction is None:
            return _gone()
        if user is None:
            return _see_other(f"login?{urlencode({'transaction': name})}")
        transaction.session = request.cookies[SESSION_COOKIE]
        page = pages.consent_page(
            name,
            user=user,
            client_name=transaction.client.client_name or "A program without a name",
            redirect_uri=transaction.redirect_uri,
            scopes=transaction.scopes,
            resource=transaction.params.resource or "",
        )
        return HTMLResponse(page, headers=pages.headers_for(transaction.redirect_uri))

    async def decided(self, request: Request) -> Response:
        form = await request.form()
        name, transaction = self._find(form)
        user = self._user(request)
        # Who decides is who was asked: the page was shown to this session.
        if transaction is None or user is None or transaction.session != request.cookies[SESSION_COOKIE]:
            return _gone()
        del self._provider.transactions[name]
        allowed = _text(form, "decision") == "allow"
        return _see_other(self._provider.allow(transaction, user) if allowed else self._provider.deny(transaction))

    def _find(self, values: Mapping[str, object]) -> tuple[str, Transaction | None]:
        name = _text(values, "transaction")
        return name, self._provider.transactions.get(name)

    def _user(self, request: Request) -> str | None:
        return self._provider.sessions.get(request.cookies.get(SESSION_COOKIE, ""))


class Endpoints:
    """The endpoints that programs use."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._ledger = provider.ledger
        self._clients = ClientAuthenticator(provider)
        self._authorize = AuthorizationHandler(provider)
        self._token = TokenHandler(provider, self._clients)

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(metadata_of(self._provider.issuer))

    async def authorize(self, request: Request) -> Response:
        self._ledger.count("authorization_requests")
        response = await self._authorize.handle(request)
        location = response.headers.get("location", "")
        if location and not location.startswith(f"{self._provider.issuer}/"):
            # RFC 9207 §2: errors bear the issuer too, and the SDK's do not.
            response.headers["location"] = construct_redirect_uri(location, iss=self._provider.issuer)
        return response

    async def token(self, request: Request) -> Response:
        form = await request.form()
        grant_type = _text(form, "grant_type")
        self._ledger.count_token_request(grant_type if grant_type in GRANT_TYPES else "other")
        if self._is_for_another_resource(form):
            return _problem(400, "invalid_target", "this grant is for another resource")
        response: Response = await self._token.handle(request)
        return response

    async def revoke(self, request: Request) -> Response:
        try:
            client = await self._clients.authenticate_request(request)
        except AuthenticationError as error:
            return _problem(401, "invalid_client", error.message)
        form = await request.form()
        self._ledger.revoke(_text(form, "token"), client.client_id)
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    def _is_for_another_resource(self, form: FormData) -> bool:
        permission = self._ledger.permission_of(_text(form, "code") or _text(form, "refresh_token"))
        return permission is not None and any(resource != permission.resource for resource in form.getlist("resource"))


class Control:
    """What the demo and the tests turn and read, and how the MCP server asks about a token. All guarded by the control token."""

    def __init__(self, provider: Provider, token: str) -> None:
        self._provider = provider
        self._ledger = provider.ledger
        self._token = token

    async def expire(self, request: Request) -> Response:
        if not is_controller(request, self._token):
            return _problem(401, "invalid_token", "the control token is wrong")
        return JSONResponse({"expired": self._ledger.expire_access_tokens()})

    async def counts(self, request: Request) -> Response:
        if not is_controller(request, self._token):
            return _problem(401, "invalid_token", "the control token is wrong")
        return JSONResponse(self._ledger.counts())

    async def introspect(self, request: Request) -> Response:
        """RFC 7662."""
        if not is_controller(request, self._token):
            return _problem(401, "invalid_token", "the control token is wrong")
        access = self._ledger.look_up(_text(await request.form(), "token"))
        if access is None:
            return JSONResponse({"active": False})
        permission = access.permission
        return JSONResponse(
            {
                "active": True,
                "iss": self._provider.issuer,
                "sub": permission.user,
                "client_id": permission.client_id,
                "scope": " ".join(access.scopes),
                "exp": int(access.expires_at),
                "aud": permission.resource,
                "token_type": "Bearer",
            }
        )


GRANT_TYPES = ("authorization_code", "refresh_token")


def metadata_of(issuer: str) -> dict[str, object]:
    """RFC 8414, served instead of the SDK's, which cannot say `iss` nor `none`."""
    auth_methods = ["none", "client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "registration_endpoint": f"{issuer}/register",
        "revocation_endpoint": f"{issuer}/revoke",
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def build_app(issuer: str, ledger: Ledger, control_token: str) -> Starlette:
    """All its routes: metadata, registration, pages, tokens, revocation, control."""
    provider = Provider(issuer, ledger)
    endpoints, people, control = Endpoints(provider), Pages(provider), Control(provider, control_token)
    options = ClientRegistrationOptions(enabled=True, valid_scopes=SCOPES, default_scopes=SCOPES)
    registration = RegistrationHandler(provider, options)
    return Starlette(
        routes=[
            Route("/.well-known/oauth-authorization-server", endpoints.metadata, methods=["GET"]),
            Route("/register", registration.handle, methods=["POST"]),
            Route("/authorize", endpoints.authorize, methods=["GET", "POST"]),
            Route("/login", people.login, methods=["GET"]),
            Route("/login", people.logged_in, methods=["POST"]),
            Route("/consent", people.consent, methods=["GET"]),
            Route("/consent", people.decided, methods=["POST"]),
            Route("/token", endpoints.token, methods=["POST"]),
            Route("/revoke", endpoints.revoke, methods=["POST"]),
            Route("/introspect", control.introspect, methods=["POST"]),
            Route("/control/expire", control.expire, methods=["POST"]),
            Route("/control/counts", control.counts, methods=["GET"]),
        ]
    )


def email_of(user: str) -> str:
    return user if "@" in user else f"{user}@example.com"


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _segment(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _see_other(location: str) -> RedirectResponse:
    return RedirectResponse(location, status_code=303, headers={"Cache-Control": "no-store"})


def _gone() -> Response:
    page = pages.problem_page("This sign-in is over, or was begun in another browser. Start it again from the program.")
    return HTMLResponse(page, status_code=400, headers=pages.headers_for())


def _problem(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status, headers={"Cache-Control": "no-store"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m handstamp.demo.authority", description="An authorization server to try out.")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--lifetime", type=float, default=60.0, help="of an access token, in seconds")
    options = parser.parse_args(arguments)

    listener, issuer = listen(options.port)
    control_token = new_secret("ct")
    app = build_app(issuer, Ledger(lifetime=options.lifetime), control_token)
    sys.stdout.write(json.dumps({"issuer": issuer, "control_token": control_token}) + "\n")
    sys.stdout.flush()
    serve(app, listener)


if __name__ == "__main__":
    main()
