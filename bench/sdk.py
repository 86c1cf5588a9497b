"""The peer: the OAuth provider of the official MCP SDK, as its documentation says to use it."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from authority import FormBrowser

__all__ = ["MemoryStorage", "sdk_provider", "signed_in_storage"]

REDIRECT_URI = "http://127.0.0.1:9/callback"
"""Nobody listens there: the browser stops before it, and its address is handed over."""


@dataclass(slots=True)
class MemoryStorage:
    """The SDK's `TokenStorage`."""

    tokens: OAuthToken | None = None
    client_info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client_info = client_info


def signed_in_storage() -> MemoryStorage:
    """With a token that is valid."""
    token = OAuthToken(access_token="a-token-of-forty-characters-as-many-have", expires_in=3600, refresh_token="a-refresh-token")
    return MemoryStorage(token, OAuthClientInformationFull(client_id="bench", redirect_uris=[AnyUrl(REDIRECT_URI)]))


def sdk_provider(server: str, storage: MemoryStorage, *, client_metadata_url: str | None = None) -> OAuthClientProvider:
    """Where it wants a person, one presses Allow."""
    browser = FormBrowser(stop_before=REDIRECT_URI)

    async def redirect(url: str) -> None:
        browser.open(url)

    async def come_back() -> AuthorizationCodeResult:
        answer = parse_qs(urlsplit(browser.wait().url).query)
        return AuthorizationCodeResult(code=answer["code"][0], state=answer["state"][0], iss=answer["iss"][0])

    return OAuthClientProvider(
        server,
        OAuthClientMetadata(redirect_uris=[AnyUrl(REDIRECT_URI)], token_endpoint_auth_method="none"),
        storage,
        redirect_handler=redirect,
        callback_handler=come_back,
        client_metadata_url=client_metadata_url,
    )
