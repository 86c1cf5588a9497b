"""From a server's URL to all that a login needs to know: is it an MCP server, who guards it, and what to ask for."""

from dataclasses import dataclass

from handstamp.errors import DiscoveryFailed, MalformedResponse, TemporarilyUnavailable
from handstamp.model import Secret, Token
from handstamp.protocol.challenge import INSUFFICIENT_SCOPE, Challenge, find_challenge, parse_challenges
from handstamp.protocol.dpop import Prover, ask_with_proof, judge_dpop, token_headers
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response, parse_json
from handstamp.protocol.metadata import Tell, untold
from handstamp.protocol.older import find_older_server
from handstamp.protocol.resource import ProtectedResource, choose_issuer, find_protected_resource
from handstamp.protocol.scopes import OFFLINE_ACCESS, union_scopes
from handstamp.protocol.server import AuthorizationServer, find_authorization_server
from handstamp.protocol.text import safe
from handstamp.protocol.urls import host

__all__ = ["Discovered", "Probe", "ask_server", "choose_scopes", "discover", "judge_probe", "probe_server"]

INITIALIZE: dict[str, object] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "handstamp", "version": "0"}},
}
"""What every MCP server of every revision understands well enough to answer 401 to, or something that is recognisably MCP."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server answers to somebody without a token."""

    asks: bool
    """It said 401."""
    is_mcp: bool
    """It answered as an MCP server does: it works without signing in."""
    challenge: Challenge | None
    seen: str
    """What came, for an error's "got"."""
    challenges: tuple[Challenge, ...] = ()
    """All that it said it takes."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """A protected server and the authorization server that guards it, both documents judged."""

    challenge: Challenge | None
    resource: ProtectedResource
    server: AuthorizationServer
    is_older: bool = False
    """It is a server of 2025-03-26 if it is what it seems to be: whoever goes on has a person's yes (4.5)."""
    uses_dpop: bool = False
    """Whether the token is to be bound to a key of ours (4.11)."""


def discover(
    url: str,
    *,
    headers: tuple[tuple[str, str | Secret], ...],
    issuer: str | None,
    probe: Probe | None = None,
    older: bool = False,
    tell: Tell = untold,
) -> Exchange[Discovered | None]:
    """
    Who guards the server at `url`; None where nobody does and it works without signing in (A-01).

    A server that lets anonymous callers in and also has protected resource metadata can be signed in to all the same. `issuer` is
    the person's choice among several (A-17). `probe` is what the server has just answered to a request, where there was one: it
    is not asked again. `older` is for a caller who asks a person about what `is_older` (4.5); `tell` hears of every address that
    was asked for metadata. Raises DiscoveryFailed, ResourceMismatch, IssuerMismatch, NetworkError.
    """
    probe = probe or (yield from probe_server(url, headers))
    try:
        resource = yield from find_protected_resource(url, probe.challenge, tell=tell)
    except DiscoveryFailed as error:
        if probe.asks and error.definite and older:
            return (yield from _discover_older(url, probe.challenge, issuer, tell))
        if probe.asks or not error.absent:
            raise
        if probe.is_mcp:
            return None
        raise DiscoveryFailed(f"Expected an MCP server at {url}, got {probe.seen}.", tried=error.tried) from error
    server = yield from find_authorization_server(choose_issuer(resource, issuer), near=url, tell=tell)
    return Discovered(probe.challenge, resource, server, uses_dpop=judge_dpop(server, resource, probe.challenges))


def _discover_older(url: str, challenge: Challenge | None, issuer: str | None, tell: Tell) -> Exchange[Discovered]:
    server = yield from find_older_server(url, tell=tell)
    resource = ProtectedResource(url, (server.issuer,))
    choose_issuer(resource, issuer)  # what is configured for another issuer is not for this one
    return Discovered(challenge, resource, server, is_older=True)


def probe_server(
    url: str,
    headers: tuple[tuple[str, str | Secret], ...] = (),
    *,
    token: Token | None = None,
    prover: Prover | None = None,
) -> Exchange[Probe]:
    """`ask_server`, judged. Raises as `judge_probe`."""
    return judge_probe(url, (yield from ask_server(url, headers, token=token, prover=prover)))


def ask_server(
    url: str,
    headers: tuple[tuple[str, str | Secret], ...] = (),
    *,
    token: Token | None = None,
    prover: Prover | None = None,
) -> Exchange[Response]:
    """The answer to one MCP request, without a token or with this one; `prover` is of a bound one's key."""
    accept = (("Accept", "application/json, text/event-stream"),)

    def build() -> Request:
        shown = () if token is None else token_headers("POST", url, token, prover)
        return Request("POST", url, Purpose.SERVER, headers=accept + headers + shown, json=INITIALIZE)

    _, response = yield from ask_with_proof(build, prover)
    return response


def judge_probe(url: str, response: Response) -> Probe:
    """What the server's answer tells. Raises TemporarilyUnavailable for 5xx and 429, MalformedResponse for a redirect."""
    if response.status >= 500 or response.status == 429:
        raise TemporarilyUnavailable(f"Expected an answer of {host(url)}, got HTTP {response.status}.")
    if 300 <= response.status < 400:
        # Never followed: the URL that the person named is the one that tokens are bound to.
        target = safe(response.header("location") or "nowhere")
        raise MalformedResponse(f"Expected an MCP server at {url}, got a redirect to {target}.")
    challenges = response.header_list("www-authenticate")
    return Probe(
        asks=response.status == 401,
        is_mcp=_is_mcp(response),
        challenge=find_challenge(challenges),
        challenges=tuple(parse_challenges(challenges)),
        seen=f"HTTP {response.status} with {safe(response.media_type, 100) or 'no content type'}",
    )


def _is_mcp(response: Response) -> bool:
    if response.media_type == "text/event-stream":
        return response.status == 200
    try:
        return parse_json(response.body, "an MCP answer").get("jsonrpc") == "2.0"
    except MalformedResponse:
        return False


def choose_scopes(
    *,
    configured: tuple[str, ...],
    challenge: Challenge | None,
    resource: ProtectedResource,
    server: AuthorizationServer,
    former: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """
    What to ask for (A-70): what the person configured; else what the challenge wants; else all that the resource supports.

    Configured scopes are never replaced (P20); an `insufficient_scope` challenge joins them, for without its scopes the operation
    fails again (A-72), and the `former` ones, which were asked for before (A-114). What was `refused` is left out (4.9), unless
    nothing else would be left. Empty means that no scope is sent.
    """
    wanted = _wanted_scopes(configured, challenge, resource, server)
    if challenge is not None and challenge.error == INSUFFICIENT_SCOPE:
        wanted = union_scopes(former, configured, wanted)
    wanted = tuple(scope for scope in wanted if scope not in refused) or wanted
    # Without it many servers give no refresh token; unlisted, it is refused or ignored (A-73, 4.10).
    offline = (OFFLINE_ACCESS,) if OFFLINE_ACCESS in server.scopes_supported else ()
    return union_scopes(wanted, offline)


def _wanted_scopes(
    configured: tuple[str, ...], challenge: Challenge | None, resource: ProtectedResource, server: AuthorizationServer
) -> tuple[str, ...]:
    challenged = challenge.scopes if challenge is not None else ()
    is_step_up = challenge is not None and challenge.error == INSUFFICIENT_SCOPE
    if configured and not is_step_up:
        return configured
    if challenged:
        return challenged
    # It is the authorization server's to offer, not the resource's.
    return tuple(scope for scope in resource.scopes_supported if scope != OFFLINE_ACCESS or scope in server.scopes_supported)
