"""The least OAuth client that can sign in: no checks of its own, so that the servers' are what a test sees."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from authority.browser import FormBrowser

__all__ = ["PlainClient"]

CALLBACK = "http://127.0.0.1:9/callback"
"""Nobody listens there; the browser stops before it."""


class PlainClient:
    """A context manager. `http` is the bare HTTP client, for whatever else a test wants to send."""

    def __init__(self, issuer: str, resource: str) -> None:
        self.http = httpx2.Client(trust_env=False)
        self.resource = resource
        self.client_id = ""
        self.metadata = self.http.get(f"{issuer}/.well-known/oauth-authorization-server").raise_for_status().json()
        self._verifier = secrets.token_urlsafe(48)

    def __enter__(self) -> "PlainClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def register(self, **metadata: object) -> httpx2.Response:
        body = {"client_name": "A test", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", **metadata}
        response = self.http.post(self.metadata["registration_endpoint"], json=body)
        self.client_id = response.json().get("client_id", "")
        return response

    def authorization_url(self, **parameters: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self._verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "read write",
            "state": "a-state",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.resource,
        }
        return f"{self.metadata['authorization_endpoint']}?{urlencode(query | parameters)}"

    def authorize(self, *, allow: bool = True, **parameters: str) -> dict[str, str]:
        """What the authorization response says."""
        browser = FormBrowser(allow=allow, stop_before=CALLBACK)
        browser.open(self.authorization_url(**parameters))
        query = parse_qs(urlsplit(browser.wait().url).query)
        return {name: values[0] for name, values in query.items()}

    def exchange(self, code: str, **form: str) -> httpx2.Response:
        return self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=self._verifier, **form)

    def refresh(self, refresh_token: str, **form: str) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **form)

    def token(self, **form: str) -> httpx2.Response:
        body = {"client_id": self.client_id, "resource": self.resource} | form
        return self.http.post(self.metadata["token_endpoint"], data=body)

    def revoke(self, token: str) -> httpx2.Response:
        return self.http.post(self.metadata["revocation_endpoint"], data={"client_id": self.client_id, "token": token})

    def call(self, access_token: str | None, tool: str = "whoami", **arguments: object) -> httpx2.Response:
        """A tool of the MCP server, without a session (2026-07-28)."""
        version = "2026-07-28"
        meta = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "a-test", "version": "1"},
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": version,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }
        if access_token is not None:
            headers["Authorization"] = f"Bearer {access_token}"
        params = {"name": tool, "arguments": arguments, "_meta": meta}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return self.http.post(self.resource, json=message, headers=headers)
