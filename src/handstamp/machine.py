"""
A grant without a person: for a program with credentials of its own, a workload with an identity of its platform's, or whom an
organisation's identity provider speaks for.

    discover ─→ is it the configured issuer? ─→ (ID-JAG: the identity provider) ─→ token request ─→ Grant

What holds at every point:
- Nothing that proves anything leaves before the metadata of the configured issuer was found, and it goes to the token endpoint
  of that document alone (4.6, A-144): a server that names another issuer gets nothing.
- Secrets, keys and assertions are read at each use and kept nowhere.
- A refusal is told as it is. Nothing else is tried instead, nobody is sent to a browser, nothing is registered (A-138, A-163).
- Discovery runs each time: a token lives for long, and what has changed since is seen (A-15).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from handstamp.enterprise import Organisation
from handstamp.errors import LoginRequired, ServerBrokeProtocol, UsageError, account_hint, forgetting_values, hint
from handstamp.model import ClientSettings, Grant, GrantKey, GrantType, Named, Secret
from handstamp.ports import Clock, CredentialsReader, HttpRunner, RandomBytes, SecretReader
from handstamp.protocol.client_settings import require_complete
from handstamp.protocol.discovery import Discovered, choose_scopes, discover
from handstamp.protocol.dpop import Prover
from handstamp.protocol.exchange import Exchange
from handstamp.protocol.id_jag import Wanted, require_profile, use_identity_assertion
from handstamp.protocol.jwt import generate_key
from handstamp.protocol.machine_grants import Asking, register_machine, use_assertion, use_client_credentials
from handstamp.protocol.scopes import OFFLINE_ACCESS
from handstamp.protocol.tokens import TokenResponse
from handstamp.protocol.urls import host, origin

__all__ = ["Machine", "MachineRequest"]

DISCOVERY_DEADLINE = 30.0
REQUEST_DEADLINE = 15.0
ASSERTION = "the workload's JWT"


@dataclass(frozen=True, slots=True)
class MachineRequest:
    """For which server, and as whom."""

    name: str
    """What the person calls the server: it stands in hints."""
    url: str
    owner: str
    account: str
    client: ClientSettings
    scopes: tuple[str, ...] = ()


class Machine:
    """Fulfils `ports.Obtain` for one server. Raises UsageError at once where its settings are not complete."""

    def __init__(
        self,
        request: MachineRequest,
        *,
        http: Callable[[Named], HttpRunner],
        read_headers: Callable[[], tuple[tuple[str, str | Secret], ...]],
        read_credentials: CredentialsReader,
        read_secret: SecretReader,
        clock: Clock,
        random: RandomBytes,
    ) -> None:
        require_complete(request.client)
        self._request = request
        self._open_http = http
        self._read_headers = read_headers
        self._read_credentials = read_credentials
        self._read_secret = read_secret
        self._clock = clock
        self._random = random
        self._organisation = self._find_organisation()

    def _find_organisation(self) -> Organisation | None:
        provider = self._request.client.identity_provider
        if provider is None:
            return None
        # 4.13: the person named it, wherever it is; what its metadata names lies no further inside.
        named = Named(provider.issuer, provider.token_endpoint)
        return Organisation(
            provider,
            name=self._request.name,
            account=self._request.account,
            http=lambda: self._open_http(named),
            read_secret=self._read_secret,
            clock=self._clock,
        )

    @forgetting_values()
    def __call__(self, former: Grant | None) -> Grant:
        """
        Blocks. Raises what the servers and the network say, SettingsError where a secret is missing, LoginRequired where a person
        has to sign in at their organisation.
        """
        request = self._request
        http = self._open_http(Named(request.url, request.client.authorization_server))
        step = discover(request.url, headers=self._read_headers(), issuer=request.client.authorization_server)
        discovered = http.run_blocking(step, deadline=DISCOVERY_DEADLINE)
        if discovered is None:
            raise LoginRequired(
                f"{request.name} works without signing in: there is no token for it.", hint=hint("tools", server=request.name)
            )
        self._require_same_place(former, discovered)
        registration = register_machine(discovered.server, request.client)
        asking = Asking(
            discovered.server,
            registration,
            self._read_credentials(request.owner, request.url, registration),
            discovered.resource.resource,
            self._choose_scopes(discovered),
            self._make_prover() if discovered.uses_dpop else None,
        )
        return self._grant(asking, self._ask(http, asking))

    def _require_same_place(self, former: Grant | None, discovered: Discovered) -> None:
        """TB12: a token endpoint that has moved may be right, and nobody is here to be asked (4.3)."""
        now = discovered.server.token_endpoint
        if former is not None and origin(now) != origin(former.token_endpoint):
            raise ServerBrokeProtocol(
                f"Expected the token endpoint of {host(discovered.server.issuer)} at {origin(former.token_endpoint)}, as before, "
                f"got {origin(now)}.",
                hint=account_hint("logout", server=self._request.name, account=self._request.account),
            )

    def _choose_scopes(self, discovered: Discovered) -> tuple[str, ...]:
        request = self._request
        chosen = choose_scopes(
            configured=request.scopes,
            challenge=discovered.challenge,
            resource=discovered.resource,
            server=discovered.server,
        )
        # no refresh token is expected, so none is asked for.
        return tuple(scope for scope in chosen if scope != OFFLINE_ACCESS or scope in request.scopes)

    def _ask(self, http: HttpRunner, asking: Asking) -> TokenResponse:
        def run(step: Exchange[TokenResponse]) -> TokenResponse:
            return http.run_blocking(step, deadline=REQUEST_DEADLINE)

        client = self._request.client
        match client.grant_type:
            case GrantType.CLIENT_CREDENTIALS:
                return run(use_client_credentials(asking))
            case GrantType.JWT_BEARER:
                assert client.assertion_from is not None  # `require_complete`
                return run(use_assertion(asking, self._read_secret(client.assertion_from, ASSERTION)))
            case GrantType.ID_JAG:
                assert self._organisation is not None  # likewise
                require_profile(asking.server)
                wanted = Wanted(asking.server.issuer, asking.resource, asking.scopes)
                return self._organisation.vouch(wanted, lambda assertion: run(use_identity_assertion(asking, assertion)))
            case GrantType.AUTHORIZATION_CODE:
                raise UsageError("Expected a grant type that needs no person, got authorization_code.")
        assert_never(client.grant_type)

    def _make_prover(self) -> Prover:
        """Of a new key for each token (RFC 9449)."""
        return Prover(generate_key(self._random), clock=self._clock, random=self._random)

    def _grant(self, asking: Asking, answer: TokenResponse) -> Grant:
        request, server = self._request, asking.server
        return Grant(
            key=GrantKey(request.owner, request.url, request.account, server.issuer),
            resource=asking.resource,
            scopes=asking.scopes if answer.scopes is None else answer.scopes,
            registration=asking.registration,
            token=answer.token,
            token_endpoint=server.token_endpoint,
            revocation_endpoint=server.revocation_endpoint,
            identity=answer.identity,
            granted_at=self._clock(),
            requested_scopes=asking.scopes,
            grant_type=request.client.grant_type,
        )
