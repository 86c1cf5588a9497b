"""Protected resource metadata (RFC 9728): which authorization servers guard an MCP server, and by which name they know it."""

from collections.abc import Iterator
from dataclasses import dataclass

from handstamp.errors import IssuerMismatch, MalformedResponse, ResourceMismatch
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.exchange import Exchange, Purpose
from handstamp.protocol.metadata import Tell, find_metadata, read_strings, require_text, untold, well_known_url
from handstamp.protocol.scopes import filter_scopes
from handstamp.protocol.text import safe
from handstamp.protocol.urls import is_within, origin, same_url

__all__ = ["ProtectedResource", "choose_issuer", "find_protected_resource"]

SUFFIX = "oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """A metadata document that may be used for the server that was asked for."""

    resource: str
    """The identifier as the document writes it: goes byte for byte into every `resource` parameter."""
    authorization_servers: tuple[str, ...]
    """At least one issuer, in the document's order."""
    scopes_supported: tuple[str, ...] = ()
    document_url: str = ""
    dpop_signing_alg_values_supported: tuple[str, ...] | None = None
    """What a DPoP proof may be signed with; None where the document does not say (RFC 9728 §2)."""
    dpop_bound_access_tokens_required: bool = False
    is_wider: bool = False
    """True where `resource` is the server's origin or a path above it rather than the server: a person is told (4.1)."""


def find_protected_resource(server: str, challenge: Challenge | None, *, tell: Tell = untold) -> Exchange[ProtectedResource]:
    """
    The metadata of `server`, a canonical URL: at the challenge's address, then at the two well-known ones (A-08 to A-10).

    Raises the NetworkError where an address did not answer and none was usable; ResourceMismatch where all that was found
    describes another resource; else DiscoveryFailed, `absent` if nothing is there for certain.
    """
    return (
        yield from find_metadata(
            dict.fromkeys(_candidates(server, challenge)),
            Purpose.PROTECTED_RESOURCE,
            lambda url, document: judge_protected_resource(server, url, document),
            subject=server,
            near=server,
            tell=tell,
        )
    )


def _candidates(server: str, challenge: Challenge | None) -> Iterator[str]:
    if challenge is not None and challenge.resource_metadata:
        yield challenge.resource_metadata
    yield well_known_url(server, SUFFIX)
    yield well_known_url(origin(server), SUFFIX)


def judge_protected_resource(server: str, document_url: str, document: dict[str, object]) -> ProtectedResource:
    """The document, if it may be used for `server` (4.1). Raises ResourceMismatch or MalformedResponse."""
    what = Purpose.PROTECTED_RESOURCE.value
    resource = require_text(document, "resource", what)
    is_same = _is_server(resource, server)
    if not is_same and not _is_vouched_ancestor(resource, server, document_url):
        raise ResourceMismatch(
            f'Expected the {what} of {safe(server)}, got that of "{safe(resource)}" from {safe(document_url)}.'
        )
    issuers = read_strings(document, "authorization_servers")
    if not issuers:
        raise MalformedResponse(f'Expected at least one issuer as "authorization_servers" in {what}, got none.')
    return ProtectedResource(
        resource,
        issuers,
        filter_scopes(document.get("scopes_supported")),
        document_url,
        dpop_signing_alg_values_supported=read_strings(document, "dpop_signing_alg_values_supported"),
        dpop_bound_access_tokens_required=document.get("dpop_bound_access_tokens_required") is True,
        is_wider=not is_same,
    )


def _is_server(resource: str, server: str) -> bool:
    return same_url(resource.removesuffix("/"), server.removesuffix("/"))


def _is_vouched_ancestor(resource: str, server: str, document_url: str) -> bool:
    # Whoever answers at /mcp may not speak for the whole origin; whoever answers at the well-known address of a resource may
    # speak for that resource, and what lies below it is part of it.
    return is_within(server, resource) and same_url(well_known_url(resource, SUFFIX), document_url)


def choose_issuer(resource: ProtectedResource, configured: str | None) -> str:
    """
    The authorization server to use: the configured one, or the first that the document lists, so that all runs agree (A-17).

    Raises IssuerMismatch where the document does not list the configured one: credentials follow no server elsewhere (A-62).
    """
    if configured is None:
        return resource.authorization_servers[0]
    if configured in resource.authorization_servers:
        return configured
    listed = ", ".join(safe(issuer) for issuer in resource.authorization_servers[:3])
    raise IssuerMismatch(f"Expected {safe(configured)}, the configured issuer, among the authorization servers, got {listed}.")
