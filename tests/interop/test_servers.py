"""Each server works without us: a flow done by hand, so that a red test on top of it blames the right side."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from handstamp.demo.visitor import visit
from interop.servers import NODE, OidcSite, Program, SdkSite, ServerFailed, Site, oidc, prepare_node, sdk

pytestmark = pytest.mark.interop

REDIRECT_URI = "http://127.0.0.1:49152/callback"


@dataclass
class ByHand:
    """A client that does each step when told, and nothing else."""

    site: Site
    scope: str
    http: httpx2.Client
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    client_id: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def discover(self) -> dict[str, Any]:
        split = urlsplit(self.site.issuer)
        url = f"{split.scheme}://{split.netloc}/.well-known/oauth-authorization-server{split.path}"
        self.metadata = self.http.get(url).raise_for_status().json()
        return self.metadata

    def register(self, **metadata: object) -> httpx2.Response:
        asked = {
            "client_name": "by hand",
            "redirect_uris": [REDIRECT_URI],
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            **metadata,
        }
        answer = self.http.post(self.metadata["registration_endpoint"], json=asked)
        self.client_id = answer.json().get("client_id", "")
        return answer

    def authorize(self, *, deny: bool = False, redirect_uri: str = REDIRECT_URI, **changed: str) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "state": "a-state",
            "scope": self.scope,
            "prompt": "consent",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.site.server_url,
            **changed,
        }
        arrived = walk(f"{self.metadata['authorization_endpoint']}?{urlencode(asked)}", redirect_uri, deny=deny)
        return {name: values[0] for name, values in parse_qs(urlsplit(arrived).query).items()}

    def exchange(self, code: str, **changed: str) -> httpx2.Response:
        return self.ask_token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=REDIRECT_URI,
            code_verifier=self.verifier,
            **{"resource": self.site.server_url, **changed},
        )

    def refresh(self, refresh_token: str, **changed: str) -> httpx2.Response:
        return self.ask_token(
            grant_type="refresh_token", refresh_token=refresh_token, **{"resource": self.site.server_url, **changed}
        )

    def ask_token(self, **form: str) -> httpx2.Response:
        return self.http.post(self.metadata["token_endpoint"], data={"client_id": self.client_id, **form})

    def revoke(self, token: str) -> httpx2.Response:
        return self.http.post(self.metadata["revocation_endpoint"], data={"client_id": self.client_id, "token": token})

    def sign_in(self) -> dict[str, Any]:
        self.discover()
        if not self.client_id:
            self.register().raise_for_status()
        return cast("dict[str, Any]", self.exchange(self.authorize()["code"]).raise_for_status().json())

    def call(self, access_token: str) -> int:
        """The status of a bare request with the token: enough to see whether the server takes it."""
        return self.knock({"Authorization": f"Bearer {access_token}"}).status_code

    def knock(self, headers: dict[str, str] | None = None) -> httpx2.Response:
        accepted = {"Accept": "application/json, text/event-stream", **(headers or {})}
        ping = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
        return self.http.post(self.site.server_url, json=ping, headers=accepted)


def walk(url: str, redirect_uri: str, *, deny: bool = False) -> str:
    """The address that the browser is sent to in the end: `redirect_uri` with a code or an error."""
    ended = visit(url, user="alice", allow=not deny, stop_before=redirect_uri)
    assert ended.url.startswith(redirect_uri), f"{ended.status} from {ended.url}: {ended.body[:2000]}"
    return ended.url


INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "by hand", "version": "1"}}
HANDMADE = {
    "client_id": "handmade",
    "redirect_uris": [REDIRECT_URI],
    "application_type": "native",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}
OIDC_SCOPE = "openid offline_access notes:read"


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    # No proxy of the environment stands between two processes of one machine.
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def oidc_site() -> Iterator[OidcSite]:
    with oidc() as site:
        yield site


@pytest.fixture(scope="module")
def tenant() -> Iterator[OidcSite]:
    with oidc(mount="/tenant1", opaque=True, always_refresh=True) as site:
        yield site


@pytest.fixture(scope="module")
def strict_site() -> Iterator[OidcSite]:
    with oidc(strict=True, registration=False, clients=[HANDMADE]) as site:
        yield site


@pytest.fixture(scope="module")
def sdk_site() -> Iterator[SdkSite]:
    with sdk() as site:
        yield site


async def ask_who_i_am(server_url: str, access_token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {access_token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(server_url, http_client=http)) as client,
    ):
        answer = await client.call_tool("whoami")
    assert answer.structured_content is not None
    return cast("dict[str, Any]", answer.structured_content)


def whoami(site: Site, access_token: str) -> dict[str, Any]:
    return anyio.run(ask_who_i_am, site.server_url, access_token)


class TestOidcProvider:
    def test_the_mcp_server_names_its_issuer_to_who_has_no_token(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        refused = ByHand(oidc_site, OIDC_SCOPE, http).knock()

        origin = oidc_site.server_url.removesuffix("/mcp")
        challenge = refused.headers["www-authenticate"]
        described = http.get(f"{origin}/.well-known/oauth-protected-resource/mcp").json()
        assert refused.status_code == 401
        assert f'resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp"' in challenge
        assert 'scope="notes:read"' in challenge
        assert described["resource"] == oidc_site.server_url
        assert described["authorization_servers"] == [oidc_site.issuer]

    def test_a_sign_in_by_hand_ends_in_a_tool_call_on_the_sdk(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)

        token = hand.sign_in()
        told = whoami(oidc_site, token["access_token"])

        assert told == {"subject": "alice", "client_id": hand.client_id, "scopes": ["notes:read"]}
        assert token["expires_in"] == 3600

    def test_the_response_names_the_issuer_and_returns_the_state(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        hand.discover()
        hand.register()

        response = hand.authorize()

        assert hand.metadata["authorization_response_iss_parameter_supported"] is True
        assert response["iss"] == oidc_site.issuer
        assert response["state"] == "a-state"

    def test_a_person_who_declines_is_sent_back_with_access_denied(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        hand.discover()
        hand.register()

        response = hand.authorize(deny=True)

        assert response["error"] == "access_denied"
        assert response["iss"] == oidc_site.issuer

    def test_a_request_without_pkce_is_refused(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        hand.discover()
        hand.register()
        asked = {
            "response_type": "code",
            "client_id": hand.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": OIDC_SCOPE,
            "resource": oidc_site.server_url,
        }

        arrived = walk(f"{hand.metadata['authorization_endpoint']}?{urlencode(asked)}", REDIRECT_URI)

        assert parse_qs(urlsplit(arrived).query)["error"] == ["invalid_request"]

    def test_without_prompt_consent_there_is_no_refresh_token(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        hand.discover()
        hand.register()

        token = hand.exchange(hand.authorize(prompt="login")["code"]).json()

        assert "refresh_token" not in token
        assert hand.call(token["access_token"]) == 200

    def test_a_refresh_rotates_and_a_reuse_ends_the_grant(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        first = hand.sign_in()
        before = oidc_site.counts()

        second = hand.refresh(first["refresh_token"])
        reused = hand.refresh(first["refresh_token"])
        newest = hand.refresh(second.json()["refresh_token"])

        after = oidc_site.counts()
        assert second.status_code == 200
        assert second.json()["refresh_token"] != first["refresh_token"]
        assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
        assert (newest.status_code, newest.json()["error"]) == (400, "invalid_grant")
        assert after.refreshes - before.refreshes == 1
        assert after.ended_grants - before.ended_grants == 1
        assert after.refused[len(before.refused) :] == ("refresh_token invalid_grant",) * 2

    def test_a_revoked_refresh_token_is_dead(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        token = hand.sign_in()
        before = oidc_site.counts()

        revoked = hand.revoke(token["refresh_token"])
        refreshed = hand.refresh(token["refresh_token"])

        after = oidc_site.counts()
        assert revoked.status_code == 200
        assert refreshed.json()["error"] == "invalid_grant"
        assert (after.revocations - before.revocations, after.ended_grants - before.ended_grants) == (1, 1)

    def test_a_signed_access_token_cannot_be_revoked(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        token = hand.sign_in()

        revoked = hand.revoke(token["access_token"])

        assert revoked.json()["error"] == "unsupported_token_type"
        assert hand.call(token["access_token"]) == 200

    def test_expire_ends_the_tokens_issued_so_far_and_no_later_one(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        first = hand.sign_in()

        oidc_site.expire()
        second = hand.refresh(first["refresh_token"]).json()

        assert hand.call(first["access_token"]) == 401
        assert hand.call(second["access_token"]) == 200

    def test_a_server_that_demands_more_says_which_scopes(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, "openid notes:read notes:write", http)
        hand.discover()
        hand.register()
        less = hand.exchange(hand.authorize(scope="notes:read")["code"]).json()

        oidc_site.demand("notes:read", "notes:write")
        refused = hand.knock({"Authorization": f"Bearer {less['access_token']}"})
        more = hand.exchange(hand.authorize()["code"]).json()
        taken = hand.call(more["access_token"])
        oidc_site.demand("notes:read")

        assert refused.status_code == 403
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        assert 'scope="notes:read notes:write"' in refused.headers["www-authenticate"]
        assert taken == 200

    def test_a_resource_nobody_serves_is_no_target(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        hand.discover()
        hand.register()

        response = hand.authorize(resource="http://127.0.0.1:9/mcp")

        assert response["error"] == "invalid_target"

    def test_a_restart_keeps_clients_grants_and_keys(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        first = hand.sign_in()
        before = oidc_site.counts()

        oidc_site.stop()
        with pytest.raises(httpx2.ConnectError):
            hand.refresh(first["refresh_token"])
        oidc_site.start()
        second = hand.refresh(first["refresh_token"])

        assert second.status_code == 200
        assert hand.call(second.json()["access_token"]) == 200
        assert oidc_site.counts() == replace(before, refreshes=before.refreshes + 1)

    def test_grants_ended_by_an_administrator_leave_nothing_usable(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        token = hand.sign_in()

        oidc_site.end_grants()

        assert hand.call(token["access_token"]) == 401
        assert hand.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"

    def test_a_forgotten_client_is_an_invalid_client(self, oidc_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(oidc_site, OIDC_SCOPE, http)
        token = hand.sign_in()

        oidc_site.forget_clients()

        assert hand.refresh(token["refresh_token"]).json()["error"] == "invalid_client"

    def test_an_issuer_with_a_path_answers_at_both_well_known_places(self, tenant: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(tenant, "notes:read", http)
        origin = tenant.issuer.removesuffix("/tenant1")

        token = hand.sign_in()
        documents = [
            http.get(url).json()["issuer"]
            for url in (
                f"{origin}/.well-known/oauth-authorization-server/tenant1",
                f"{origin}/.well-known/openid-configuration/tenant1",
                f"{tenant.issuer}/.well-known/openid-configuration",
            )
        ]

        assert documents == [tenant.issuer] * 3
        assert http.get(f"{origin}/.well-known/oauth-authorization-server").status_code == 404
        assert hand.metadata["token_endpoint"] == f"{tenant.issuer}/token"
        assert whoami(tenant, token["access_token"])["subject"] == "alice"
        # offline_access was not asked for.
        assert hand.refresh(token["refresh_token"]).status_code == 200

    def test_opaque_tokens_are_asked_about_and_revoking_one_ends_its_grant(self, tenant: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(tenant, OIDC_SCOPE, http)
        token = hand.sign_in()

        told = whoami(tenant, token["access_token"])
        revoked = hand.revoke(token["access_token"])

        assert told["subject"] == "alice"
        assert "." not in token["access_token"]
        assert revoked.status_code == 200
        assert hand.call(token["access_token"]) == 401
        assert hand.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"

    def test_strict_takes_the_registered_address_and_resource_only(self, strict_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(strict_site, OIDC_SCOPE, http, client_id="handmade")
        token = hand.sign_in()

        slashed = hand.authorize(resource=f"{strict_site.server_url}/")
        unrepeated = hand.refresh(token["refresh_token"], resource="").json()

        assert slashed["error"] == "invalid_target"
        # Without the resource it answers 200 with a token for its own userinfo endpoint: useless here, and no error tells.
        assert hand.call(unrepeated["access_token"]) == 401
        with pytest.raises(AssertionError, match="redirect_uri"):
            hand.authorize(redirect_uri="http://127.0.0.1:49153/callback")

    def test_a_pre_registered_client_signs_in_where_none_can_register(self, strict_site: OidcSite, http: httpx2.Client) -> None:
        hand = ByHand(strict_site, OIDC_SCOPE, http, client_id="handmade")

        token = hand.sign_in()

        assert "registration_endpoint" not in hand.metadata
        assert hand.call(token["access_token"]) == 200


class TestSdk:
    def test_a_sign_in_by_hand_ends_in_a_tool_call_on_the_sdk(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)

        token = hand.sign_in()

        assert whoami(sdk_site, token["access_token"]) == {
            "subject": "alice",
            "client_id": hand.client_id,
            "scopes": ["notes:read"],
        }

    def test_its_metadata_leaves_out_iss_and_none(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        hand.discover()
        hand.register()

        response = hand.authorize()

        assert hand.metadata["issuer"] == sdk_site.issuer
        assert "none" not in hand.metadata["token_endpoint_auth_methods_supported"]
        assert "iss" not in response

    def test_a_person_who_declines_is_sent_back_with_access_denied(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        hand.discover()
        hand.register()

        assert hand.authorize(deny=True)["error"] == "access_denied"

    def test_the_redirect_address_is_compared_with_its_port(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        hand.discover()
        hand.register()

        with pytest.raises(AssertionError, match=r"redirect_uri|Redirect URI"):
            hand.authorize(redirect_uri="http://127.0.0.1:49153/callback")

    def test_a_refresh_rotates_and_a_reuse_harms_nobody(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        first = hand.sign_in()
        before = sdk_site.counts()

        second = hand.refresh(first["refresh_token"]).json()
        reused = hand.refresh(first["refresh_token"])
        third = hand.refresh(second["refresh_token"])

        after = sdk_site.counts()
        assert second["refresh_token"] != first["refresh_token"]
        assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
        assert third.status_code == 200
        assert after.refreshes - before.refreshes == 2
        assert after.refused[len(before.refused) :] == ("refresh_token invalid_grant",)

    def test_a_public_client_cannot_revoke(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        token = hand.sign_in()

        revoked = hand.revoke(token["refresh_token"])

        assert (revoked.status_code, revoked.json()["error"]) == (400, "invalid_request")
        assert hand.refresh(token["refresh_token"]).status_code == 200

    def test_a_restart_keeps_clients_and_grants(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        first = hand.sign_in()
        before = sdk_site.counts()

        sdk_site.stop()
        with pytest.raises(httpx2.ConnectError):
            hand.refresh(first["refresh_token"])
        sdk_site.start()
        second = hand.refresh(first["refresh_token"])

        assert second.status_code == 200
        assert hand.call(first["access_token"]) == 200
        assert sdk_site.counts() == replace(before, refreshes=before.refreshes + 1)

    def test_expire_ends_the_tokens_issued_so_far_and_no_later_one(self, sdk_site: SdkSite, http: httpx2.Client) -> None:
        hand = ByHand(sdk_site, "notes:read", http)
        first = hand.sign_in()

        sdk_site.expire()
        second = hand.refresh(first["refresh_token"]).json()

        assert hand.call(first["access_token"]) == 401
        assert hand.call(second["access_token"]) == 200


def test_a_server_that_does_not_start_says_why() -> None:
    program = Program(prepare_node(), "oidc.mjs", "--no-such-flag", cwd=NODE)

    with pytest.raises(ServerFailed, match="no-such-flag"):
        program.start()

    program.close()
