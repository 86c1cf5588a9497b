"""The tests' authorization server: small enough to misbehave in every way that a knob names."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit
from uuid import uuid4

import jwt
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from authority.binding import Bindings, NotProved
from authority.knobs import Knobs
from authority.seen import Seen
from handstamp.demo.ledger import Issued, Ledger, Permission, new_secret

__all__ = ["AuthorizationServer", "Client", "without_nulls"]

USER = "alice@example.com"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Client:
    client_id: str
    secret: str
    redirect_uris: tuple[str, ...] | None
    """None: any on loopback, and any at all for a metadata document, which is not fetched."""
    scopes: tuple[str, ...] = ()
    """What its registration names."""


class Refused(Exception):
    """Ends a token request with an error of RFC 6749 §5.2."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


class AuthorizationServer:
    def __init__(self, origin: str, issuer_path: str, ledger: Ledger, bindings: Bindings, knobs: Callable[[], Knobs]) -> None:
        self.issuer = f"{origin}{issuer_path}"
        self._origin = origin
        self._path = issuer_path
        self._ledger = ledger
        self._bindings = bindings
        self._read_knobs = knobs
        self._clients: dict[str, Client] = {}
        self._seen_assertions: set[str] = set()

    @property
    def _knobs(self) -> Knobs:
        return self._read_knobs()

    def answer(self, seen: Seen) -> Response:
        if seen.path.startswith("/.well-known/") or "/.well-known/" in seen.path:
            return self._metadata(seen)
        match seen.method, seen.path.removeprefix(self._path).removeprefix("/oauth"):
            case "GET", "/authorize":
                return self._authorize(seen)
            case "POST", "/token":
                return self._token(seen)
            case "POST", "/register":
                return self._register(seen)
            case "POST", "/revoke":
                return self._revoke(seen)
            case _:
                return Response(status_code=404)

    # Metadata

    def _metadata(self, seen: Seen) -> Response:
        knobs = self._knobs
        place = {
            "oauth": f"/.well-known/oauth-authorization-server{self._path}",
            "openid": f"/.well-known/openid-configuration{self._path}",
            "openid appended": f"{self._path}/.well-known/openid-configuration",
            "nowhere": "",
        }[knobs.metadata_at]
        if knobs.metadata_status:
            return Response(status_code=knobs.metadata_status)
        if seen.path != place or seen.method != "GET":
            return Response(status_code=404)
        document = self._document(knobs) | dict(knobs.server_metadata)
        return JSONResponse(without_nulls(document), headers=dict(knobs.metadata_headers))

    def _document(self, knobs: Knobs) -> dict[str, object]:
        methods = None if knobs.no_code_challenge_methods else ["plain"] if knobs.no_s256 else ["S256"]
        auth_methods = list(knobs.auth_methods) if knobs.auth_methods is not None else None
        return {
            "issuer": knobs.issuer_in_metadata or self.issuer,
            "authorization_endpoint": knobs.authorization_endpoint or f"{self.issuer}/authorize",
            "token_endpoint": knobs.token_endpoint or f"{self.issuer}/token",
            "registration_endpoint": None if knobs.no_registration_endpoint else f"{self.issuer}/register",
            "revocation_endpoint": None if knobs.no_revocation_endpoint else f"{self.issuer}/revoke",
            "revocation_endpoint_auth_methods_supported": None if knobs.no_revocation_endpoint else auth_methods,
            "scopes_supported": list(knobs.scopes_supported) if knobs.scopes_supported is not None else None,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", JWT_BEARER],
            "token_endpoint_auth_methods_supported": auth_methods,
            "token_endpoint_auth_signing_alg_values_supported": _list(knobs.signing_algorithms),
            "code_challenge_methods_supported": methods,
            "dpop_signing_alg_values_supported": ["ES256"] if knobs.dpop else None,
            "authorization_response_iss_parameter_supported": None if knobs.no_iss_advertised else True,
            "client_id_metadata_document_supported": knobs.client_id_metadata_document_supported or None,
        }

    # Clients

    def _register(self, seen: Seen) -> Response:
        knobs = self._knobs
        if knobs.registration_status:
            return Response(status_code=knobs.registration_status)
        if knobs.no_registration_endpoint:
            return Response(status_code=404)
        if knobs.registration_error:
            return _error(knobs.registration_error, description="the authority does not want you")
        asked = seen.json
        if not asked.get("redirect_uris"):
            return _error("invalid_client_metadata")
        self._ledger.count("registrations")
        allowed = knobs.auth_methods or ("none", "client_secret_basic", "client_secret_post")
        method = asked.get("token_endpoint_auth_method", "client_secret_basic")
        method = method if method in allowed else allowed[0]
        secret = "" if method == "none" else new_secret("cs")
        client = Client(str(uuid4()), secret, tuple(asked["redirect_uris"]), tuple(asked.get("scope", "").split()))
        self._clients[client.client_id] = client
        body: dict[str, object] = {**asked, "client_id": client.client_id, "token_endpoint_auth_method": method}
        if secret:
            body |= {"client_secret": secret, "client_secret_expires_at": 0}
        return JSONResponse(without_nulls(body | dict(knobs.registration)), 201)

    def forget_clients(self) -> None:
        self._clients.clear()

    def _find_client(self, client_id: str) -> Client | None:
        if client_id in self._knobs.clients:
            return Client(client_id, self._knobs.clients[client_id], None)
        if client_id in self._knobs.client_keys:
            return Client(client_id, "", None)
        if self._knobs.client_id_metadata_document_supported and client_id.startswith("https://"):
            return Client(client_id, "", None)
        return self._clients.get(client_id)

    # The authorization request: nobody is asked, `deny` decides

    def _authorize(self, seen: Seen) -> Response:
        self._ledger.count("authorization_requests")
        query = seen.query
        if self._knobs.sends_on_to:
            return RedirectResponse(f"{self._knobs.sends_on_to}?{urlencode(query)}", status_code=302)
        client = self._find_client(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if client is None or not _is_registered(client, redirect_uri):
            return HTMLResponse("<p>No such client, or not with this redirect address.</p>", 400)
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            return self._redirect(query, error="invalid_request")
        if self._knobs.deny:
            return self._redirect(query, error="access_denied", error_description="The person pressed Deny.")
        asked = query.get("scope", "").split()
        if self._knobs.unknown_scope in asked or (self._knobs.registered_scopes_only and not set(asked) <= set(client.scopes)):
            return self._redirect(query, error="invalid_scope")
        granted = self._knobs.granted_scopes
        scopes = granted if granted is not None else tuple(query.get("scope", "read").split())
        permission = Permission(client.client_id, USER, scopes, query.get("resource"))
        code = self._ledger.issue_code(permission, redirect_uri, query.get("code_challenge", ""))
        if "dpop_jkt" in query:
            self._bindings.bind(code.value, query["dpop_jkt"])
        return self._redirect(query, code=code.value)

    def _redirect(self, query: dict[str, str], **answer: str) -> Response:
        state = {"right": query.get("state"), "missing": None, "wrong": "not-your-state"}[self._knobs.state]
        iss = {
            "right": self.issuer,
            "missing": None,
            "wrong": "https://attacker.example",
            "trailing slash": f"{self.issuer}/",
        }[self._knobs.iss]
        extra = {"state": state, "iss": iss, "unknown_parameter": "to be ignored"}
        parameters = without_nulls({**answer, **extra, **self._knobs.authorization_response})
        joint = "&" if "?" in query["redirect_uri"] else "?"
        return RedirectResponse(f"{query['redirect_uri']}{joint}{urlencode(parameters)}", status_code=302)

    # The token endpoint

    def _token(self, seen: Seen) -> Response:
        knobs = self._knobs
        self._ledger.count_token_request(seen.form.get("grant_type", ""))
        if (failure := _failure(knobs)) is not None:
            return failure
        try:
            client = self._authenticate(seen)
            jkt = self._prove(seen) if knobs.dpop else None
            if seen.form.get("grant_type") == TOKEN_EXCHANGE:
                return self._exchange(seen.form, client)
            issued, refreshing = self._issue(seen.form, client)
        except NotProved as refused:
            return _error(refused.error, headers=refused.headers)
        except Refused as refused:
            headers = {"WWW-Authenticate": "Basic"} if refused.status == 401 else {}
            description = f"{seen.headers.get('authorization')} {seen.form}" if knobs.echoes else ""
            return _error(refused.error, refused.status, description=description, headers=headers)
        if knobs.token_status == "lost":
            return Response(b"{", headers={"Content-Length": "1000", "Content-Type": "application/json"})
        if jkt is not None:
            self._bindings.bind_tokens(issued, jkt)
        return self._respond(issued, refreshing=refreshing)

    def _prove(self, seen: Seen) -> str:
        secret = seen.form.get("code") or seen.form.get("refresh_token", "")
        return self._bindings.prove(seen, f"{self._origin}{seen.path}", secret=secret, knobs=self._knobs)

    def _authenticate(self, seen: Seen) -> Client:
        """Exactly one method, and one that is offered (A-94, A-95). Who a workload is, its assertion says (RFC 7523 §3.1)."""
        form, allowed = seen.form, self._knobs.auth_methods
        if "client_assertion" in form:
            return self._verify_client(seen)
        if form.get("grant_type") == JWT_BEARER and not form.get("client_id"):
            return Client("", "", None)
        scheme, _, encoded = seen.headers.get("authorization", "").partition(" ")
        client_id, secret, method = form.get("client_id", ""), form.get("client_secret", ""), "none"
        if "client_secret" in form:
            method = "client_secret_post"
        if scheme.lower() == "basic":
            if "client_secret" in form:
                raise Refused("invalid_request")
            client_id, secret = (unquote_plus(part) for part in base64.b64decode(encoded).decode().split(":", 1))
            method = "client_secret_basic"
        client = self._find_client(client_id)
        if client_id in self._knobs.client_keys:
            raise Refused("invalid_client", 401)
        if client is None or client.secret != secret or (allowed is not None and method not in allowed and method != "none"):
            raise Refused("invalid_client", 401)
        return client

    def _verify_client(self, seen: Seen) -> Client:
        """RFC 7523 §3, by a library that is not the one under test but the same that signs."""
        form = seen.form
        client_id = str(jwt.decode(form["client_assertion"], options={"verify_signature": False})["sub"])
        key = self._knobs.client_keys.get(client_id)
        if key is None or form.get("client_assertion_type") != ASSERTION_TYPE or "authorization" in seen.headers:
            raise Refused("invalid_client", 401)
        claims = self._verify(form["client_assertion"], key)
        if claims is None or claims["iss"] != client_id or claims["jti"] in self._seen_assertions:
            raise Refused("invalid_client", 401)
        self._seen_assertions.add(claims["jti"])
        return Client(client_id, "", None)

    def _read_assertion(self, form: dict[str, str], client: Client) -> str:
        """Whom it speaks of (RFC 7523 §3). An ID-JAG is for one client and one resource."""
        assertion = form.get("assertion", "")
        try:
            issuer = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))
            is_id_jag = jwt.get_unverified_header(assertion).get("typ") == "oauth-id-jag+jwt"
        except jwt.PyJWTError:
            raise Refused("invalid_grant") from None
        key = self._knobs.assertion_keys.get(issuer)
        claims = None if key is None else self._verify(assertion, key)
        if claims is None:
            raise Refused("invalid_grant")
        if self._knobs.assertions_once and assertion in self._seen_assertions:
            raise Refused("invalid_grant")
        self._seen_assertions.add(assertion)
        if is_id_jag and (claims["client_id"], claims["resource"]) != (client.client_id, form.get("resource")):
            raise Refused("invalid_grant")
        return str(claims["sub"])

    def _verify(self, token: str, key: str) -> dict[str, Any] | None:
        algorithms = list(self._knobs.signing_algorithms or ("ES256", "RS256", "EdDSA"))
        options: Any = {"require": ["iss", "sub", "aud", "exp", "iat", "jti"], "strict_aud": True}
        try:
            return jwt.decode(token, key, algorithms, audience=self.issuer, options=options)
        except jwt.PyJWTError:
            return None

    def _issue(self, form: dict[str, str], client: Client) -> tuple[Issued, bool]:
        match form.get("grant_type"):
            case "client_credentials":
                return self._issue_to_machine(form, client, client.client_id), False
            case grant_type if grant_type == JWT_BEARER:
                return self._issue_to_machine(form, client, self._read_assertion(form, client)), False
            case "authorization_code":
                return self._spend_code(form, client), False
            case "refresh_token":
                return self._refresh(form, client), True
            case _:
                raise Refused("unsupported_grant_type")

    def _exchange(self, form: dict[str, str], client: Client) -> Response:
        """An identity provider's side (RFC 8693): a person's sign-in against an assertion for another authorization server."""
        knobs, kind = self._knobs, form.get("subject_token_type", "").removeprefix(TOKEN_TYPE)
        if knobs.exchange_error:
            raise Refused(knobs.exchange_error)
        if knobs.id_jag_key is None or form.get("requested_token_type") != f"{TOKEN_TYPE}id-jag":
            raise Refused("unsupported_grant_type")
        if knobs.subject_tokens.get(form.get("subject_token", "")) != kind:
            raise Refused("invalid_grant")
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": USER,
            "aud": form["audience"],
            "client_id": knobs.id_jag_client,
            "resource": form["resource"],
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + knobs.id_jag_lifetime,
        }
        body: dict[str, object] = {
            "issued_token_type": f"{TOKEN_TYPE}id-jag",
            "access_token": jwt.encode(claims, knobs.id_jag_key, "ES256", {"typ": "oauth-id-jag+jwt"}),
            "token_type": "N_A",
            "expires_in": knobs.id_jag_lifetime,
            "scope": form.get("scope"),
        }
        return JSONResponse(without_nulls(body | dict(knobs.exchange)))

    def _issue_to_machine(self, form: dict[str, str], client: Client, user: str) -> Issued:
        """Without a refresh token (RFC 6749 §4.4.3)."""
        if self._knobs.machine_error:
            raise Refused(self._knobs.machine_error)
        granted = self._knobs.granted_scopes
        scopes = granted if granted is not None else tuple(form.get("scope", "read").split())
        permission = Permission(client.client_id, user, scopes, form.get("resource"))
        issued = self._ledger.spend_code(self._ledger.issue_code(permission, "", ""), refreshable=False)
        assert issued is not None
        return issued

    def _spend_code(self, form: dict[str, str], client: Client) -> Issued:
        if self._knobs.code_error:
            raise Refused(self._knobs.code_error)
        code = self._ledger.find_code(form.get("code", ""), client.client_id)
        if code is None or form.get("redirect_uri") != code.redirect_uri:
            raise Refused("invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.code_challenge:
            raise Refused("invalid_grant")
        self._check_resource(form, code.permission)
        issued = self._ledger.spend_code(code, refreshable=not self._knobs.no_refresh_token)
        if issued is None:
            raise Refused("invalid_grant")
        return issued

    def _refresh(self, form: dict[str, str], client: Client) -> Issued:
        if self._knobs.refresh_error:
            raise Refused(self._knobs.refresh_error)
        token = form.get("refresh_token", "")
        permission = self._ledger.find_refresh(token, client.client_id)
        if permission is None:
            raise Refused("invalid_grant")
        self._check_resource(form, permission)
        scopes = tuple(form["scope"].split()) if "scope" in form else permission.scopes
        if not set(scopes) <= set(permission.scopes):
            raise Refused("invalid_scope")
        issued = self._ledger.spend_refresh(token, scopes)
        if issued is None:
            raise Refused("invalid_grant")
        return issued

    def _check_resource(self, form: dict[str, str], permission: Permission) -> None:
        if "resource" in form and form["resource"] != permission.resource:
            raise Refused("invalid_target")

    def _respond(self, issued: Issued, *, refreshing: bool) -> Response:
        knobs = self._knobs
        sends_refresh_token = not knobs.no_refresh_token and (knobs.rotate or not refreshing)
        scopes = issued.access.scopes
        body: dict[str, object] = {
            "access_token": issued.access.token,
            "token_type": knobs.token_type or ("DPoP" if knobs.dpop else "Bearer"),
            "expires_in": None if knobs.no_expires_in else knobs.expires_in,
            "refresh_token": issued.refresh_token if sends_refresh_token else None,
            "scope": None if knobs.no_scope else " ".join(scopes),
            "id_token": self._id_token(issued.access.permission) if "openid" in scopes else None,
            "unknown_member": {"to be": "ignored"} if not knobs.form_encoded_tokens else "to be ignored",
        }
        body = without_nulls(body | dict(knobs.token_members))
        if knobs.form_encoded_tokens:
            return Response(urlencode(body), media_type="application/x-www-form-urlencoded")
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    def _id_token(self, permission: Permission) -> str:
        claims = {"iss": self.issuer, "sub": "1", "aud": permission.client_id, "email": permission.user}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
        return ".".join([*parts, ""])

    def _revoke(self, seen: Seen) -> Response:
        if self._knobs.revocation_status:
            return Response(status_code=self._knobs.revocation_status)
        try:
            client = self._authenticate(seen)
        except Refused as refused:
            return _error(refused.error, refused.status)
        self._ledger.revoke(seen.form.get("token", ""), client.client_id)
        return Response(status_code=200)


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def without_nulls(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _failure(knobs: Knobs) -> Response | None:
    if knobs.token_body is not None:
        return Response(knobs.token_body, media_type="application/json")
    match knobs.token_status:
        case int(status):
            headers = {"Retry-After": knobs.retry_after} if knobs.retry_after else {}
            return Response("not now", status_code=status, headers=headers)
        case "html":
            return HTMLResponse("<!doctype html><title>Down for maintenance</title>")
        case "no access_token":
            return JSONResponse({"token_type": "Bearer", "expires_in": 3600})
        case _:
            return None


def _is_registered(client: Client, redirect_uri: str) -> bool:
    if client.redirect_uris is not None:
        return redirect_uri in client.redirect_uris
    return urlsplit(redirect_uri).hostname in ("127.0.0.1", "localhost", "::1") or client.client_id.startswith("https://")


def _error(error: str, status: int = 400, *, description: str = "", headers: dict[str, str] | None = None) -> Response:
    body = {"error": error} | ({"error_description": description} if description else {})
    return JSONResponse(body, status, headers=headers)
