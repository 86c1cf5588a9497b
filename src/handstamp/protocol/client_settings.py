"""
What the settings of a client have to say for its grant type.

Where no person takes part, nobody can be asked whose server it is that a secret goes to, so the settings name it (4.6, A-144).
"""

from collections.abc import Iterator

from handstamp.errors import UsageError
from handstamp.model import ClientSettings, GrantType

__all__ = ["machine_id", "require_complete"]


def machine_id(client: ClientSettings) -> str:
    """
    What a client that needs no person is called at the authorization server; empty for a workload without a name there.

    A metadata document names it only where an organisation vouches for the person (A-152): a program's own credentials were
    registered (A-138), and a document that is set for all servers says nothing about a workload.
    """
    document = client.client_id_url if client.grant_type is GrantType.ID_JAG else None
    return client.client_id or document or ""


def require_complete(client: ClientSettings) -> None:
    """Returns if the settings of a client fit its grant type. Raises UsageError, which names the setting."""
    missing = next(_find_missing(client), None)
    if missing is not None:
        raise UsageError(f'Expected {missing} with grant_type = "{client.grant_type.value}", got none.')
    stray = next(_find_stray(client), None)
    if stray is not None:
        raise UsageError(f"Expected {stray}.")


def _find_missing(client: ClientSettings) -> Iterator[str]:
    proof = client.client_secret_from or client.private_key_from
    match client.grant_type:
        case GrantType.AUTHORIZATION_CODE:
            return
        case GrantType.CLIENT_CREDENTIALS:
            if client.client_id is None:
                yield "client_id"
            # who proves nothing could be anybody.
            if proof is None:
                yield "client_secret_from or private_key_from"
        case GrantType.JWT_BEARER:
            if client.assertion_from is None:
                yield "assertion_from"
        case GrantType.ID_JAG:
            if client.identity_provider is None:
                yield "identity_provider"
            # the name may be a metadata document, whose client has a key. A-156: a public client signs a person in.
            if client.client_id is None and (client.client_id_url is None or client.private_key_from is None):
                yield "client_id, or client_id_url and private_key_from,"
            if proof is None:
                yield "client_secret_from or private_key_from"
    if client.issuer is None:
        yield "issuer, the authorization server that may get the client's credentials,"


def _find_stray(client: ClientSettings) -> Iterator[str]:
    if client.client_secret_from is not None and client.private_key_from is not None:
        yield "client_secret_from or private_key_from, got both"
    if client.private_key_from is None and (client.signing_algorithm or client.assertion_audience):
        yield "private_key_from with signing_algorithm and assertion_audience, got none"
    if client.assertion_from is not None and client.grant_type is not GrantType.JWT_BEARER:
        yield f'assertion_from only with grant_type = "jwt_bearer", got "{client.grant_type.value}"'
    if client.identity_provider is not None and client.grant_type is not GrantType.ID_JAG:
        yield f'identity_provider only with grant_type = "id_jag", got "{client.grant_type.value}"'
