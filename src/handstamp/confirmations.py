"""What only a person can decide about a login. Where they say no, or nobody is there, nothing is sent."""

from collections.abc import Iterator
from dataclasses import dataclass

from handstamp.errors import DiscoveryFailed, ServerBrokeProtocol, UsageError
from handstamp.model import OLDER, ClientSettings
from handstamp.ports import Presenter
from handstamp.protocol.discovery import Discovered
from handstamp.protocol.server import AuthorizationServer
from handstamp.protocol.text import safe
from handstamp.protocol.urls import origin

__all__ = ["Doubt", "confirm_endpoints", "confirm_issuer", "confirm_older", "doubt_endpoints"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A question that a person answers, and what a no comes to."""

    question: str
    refusal: str


async def confirm_endpoints(server: AuthorizationServer, token_origins: list[str], presenter: Presenter) -> None:
    """Asks about what `doubt_endpoints` finds. Raises ServerBrokeProtocol at the first no."""
    for doubt in doubt_endpoints(server, token_origins):
        if not await presenter.confirm(doubt.question):
            raise ServerBrokeProtocol(doubt.refusal)


def doubt_endpoints(server: AuthorizationServer, token_origins: list[str]) -> Iterator[Doubt]:
    """
    Endpoints that may be a trap and may be right (4.3). `token_origins`: where this issuer has given tokens so far.

    Google's own sign-in page in front of somebody else's token endpoint is a trap, or Google (TB6). A token endpoint that has
    moved since the stored sign-ins would get a new code, and the client's secret with it (TB12).
    """
    page, issuer, tokens = (_place(url) for url in (server.authorization_endpoint, server.issuer, server.token_endpoint))
    if server.authorizes_elsewhere:
        yield Doubt(
            f"{issuer} sends you to {page} to sign in, and will take the answer to {tokens}. Go on?",
            f"Expected the sign-in page of {issuer} on its own host or that of its token endpoint, {tokens}, got {page}.",
        )
    has_moved = token_origins and origin(server.token_endpoint) not in token_origins
    known = ", ".join(_place(url) for url in token_origins)
    if has_moved:
        yield Doubt(
            f"{issuer} gives its tokens at {tokens} now; so far it was {known}. Go on?",
            f"Expected the token endpoint of {issuer} at {known}, as in your stored sign-ins, got {tokens}.",
        )


async def confirm_issuer(client: ClientSettings, discovered: Discovered, presenter: Presenter, hint: str) -> None:
    """
    4.6: the MCP server names whom our secret goes to. Only the person knows where the client was registered (TB11).

    `hint` is the command that configures the issuer.
    """
    server = discovered.server
    client_id, issuer, tokens = safe(client.client_id or ""), safe(server.issuer), _place(server.token_endpoint)
    proof = "a signed assertion" if client.client_secret_from is None else "the secret"
    # 4.5: an older server speaks for nobody but itself, so there a secret needs more than a yes in passing.
    if discovered.is_older or not await presenter.confirm(
        f"{issuer} will get {proof} of your client {client_id}, at {tokens}. Is it registered there?"
    ):
        raise UsageError(
            f"Expected the issuer of client {client_id} in servers.toml before {proof} goes to {issuer}, got none.", hint=hint
        )


async def confirm_older(server: AuthorizationServer, presenter: Presenter, hint: str) -> None:
    """
    4.5: where a server says nothing of the newer ways, somebody may have made it silent (TA19), or it is a server of 2025-03-26.

    `hint` is the command that says so once and for all.
    """
    issuer = _place(server.issuer)
    if not await presenter.confirm(
        f"{issuer} does not say where to sign in, as servers of MCP {OLDER} do not, which take sign-ins themselves. "
        f"Sign in at {_place(server.authorization_endpoint)}?"
    ):
        raise DiscoveryFailed(
            f"Expected {issuer} to name its authorization server, got none; servers of MCP {OLDER} name none, "
            "and nobody has said that this is one.",
            hint=hint,
        )


def _place(url: str) -> str:
    """Host and port, for a person to tell one from another."""
    return origin(url).partition("://")[2]
