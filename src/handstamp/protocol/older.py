"""
Servers of 2025-03-26, which are their own authorization servers and have no protected resource metadata.

Their metadata lies at the root of their origin, whatever their path; without any, the endpoints have default names there (A-167,
A-168). This is where a server could pose as somebody else's authorization server, for it names the issuer and the endpoints too.
So the issuer is the server's own origin and never what the document says it is (A-170), and nobody comes here without a definite
no at every address of the newer way, and a yes of the person's (4.5).
"""

from handstamp.errors import DiscoveryFailed, IssuerMismatch
from handstamp.model import OLDER
from handstamp.protocol.exchange import Exchange, Purpose
from handstamp.protocol.metadata import Tell, find_metadata, require_text, untold, well_known_url
from handstamp.protocol.server import RFC_8414, AuthorizationServer, judge_authorization_server
from handstamp.protocol.text import safe
from handstamp.protocol.urls import origin

__all__ = ["find_older_server"]


def find_older_server(server: str, *, tell: Tell = untold) -> Exchange[AuthorizationServer]:
    """
    The authorization server that the MCP server at `server` is itself.

    Raises IssuerMismatch for a document of another issuer, and else what `find_authorization_server` raises: whatever is no
    definite no leads to no default endpoint.
    """
    try:
        return (
            yield from find_metadata(
                [well_known_url(origin(server), RFC_8414)],
                Purpose.AUTHORIZATION_SERVER,
                lambda _, document: judge_older_server(server, document),
                subject=origin(server),
                near=server,
                version=OLDER,
                tell=tell,
            )
        )
    except DiscoveryFailed as error:
        if not error.definite:
            raise
    return _default_server(origin(server))


def judge_older_server(server: str, document: dict[str, object]) -> AuthorizationServer:
    """The document, if its issuer is the origin of `server`. Raises IssuerMismatch, InsecureUrl, MalformedResponse."""
    what, expected = Purpose.AUTHORIZATION_SERVER.value, origin(server)
    named = require_text(document, "issuer", what)
    # With the slash and without it is one origin, whose metadata has one address (RFC 8414 §3.1); the official SDKs write it.
    if named.removesuffix("/") != expected:
        raise IssuerMismatch(
            f'Expected the {what} of {safe(server)} itself, issuer "{safe(expected)}", got that of "{safe(named)}".'
        )
    return judge_authorization_server(named, document, near=server)


def _default_server(issuer: str) -> AuthorizationServer:
    return AuthorizationServer(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        registration_endpoint=f"{issuer}/register",
        # 4.4: it has no place to say so, and that revision obliges it.
        code_challenge_methods_supported=("S256",),
    )
