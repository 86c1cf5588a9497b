"""What a person would have configured in this host for a server: told by the suite, put into Handstamp's own settings."""

import json
from collections.abc import Mapping
from typing import cast

from handstamp import DISCOVERED, ClientSettings, GrantType, IdentityProvider, ServerSettings

__all__ = ["describe_server", "read_context"]

DOCUMENT = "https://conformance-test.local/client-metadata.json"
"""The client ID metadata document of whoever is tested: the suite's own name for it, which nobody fetches."""
CONTEXT = "MCP_CONFORMANCE_CONTEXT"


def read_context(environment: Mapping[str, str]) -> dict[str, object]:
    """What the suite hands to the client besides the URL; `name` says whose it is."""
    return cast("dict[str, object]", json.loads(environment.get(CONTEXT, "{}")))


def describe_server(url: str, context: Mapping[str, object]) -> ServerSettings:
    """The server with the client that is registered for it. Most have none: Handstamp registers by itself."""
    given = {name: value for name, value in context.items() if isinstance(value, str)}
    return ServerSettings("conformance", url, client=_describe_client(given))


def _describe_client(given: Mapping[str, str]) -> ClientSettings:
    # The suite names no issuer for those that need one: its servers' word is taken, which DISCOVERED says (4.6).
    match given:
        case {"client_id": client_id, "valid_jwt": assertion}:
            return ClientSettings(client_id, issuer=DISCOVERED, grant_type=GrantType.JWT_BEARER, assertion_from=lambda: assertion)
        case {"client_id": client_id, "private_key_pem": key, "signing_algorithm": algorithm}:
            return ClientSettings(
                client_id,
                issuer=DISCOVERED,
                grant_type=GrantType.CLIENT_CREDENTIALS,
                private_key_from=lambda: key,
                signing_algorithm=algorithm,
            )
        case {"client_id": client_id, "client_secret": secret, "idp_id_token": _}:
            return ClientSettings(
                client_id,
                client_secret_from=lambda: secret,
                issuer=DISCOVERED,
                grant_type=GrantType.ID_JAG,
                identity_provider=_describe_identity_provider(given),
            )
        case {"client_id": client_id, "client_secret": secret, "issuer": issuer}:
            return ClientSettings(client_id, client_secret_from=lambda: secret, issuer=issuer)
        case {"client_id": client_id, "client_secret": secret}:
            return ClientSettings(
                client_id, client_secret_from=lambda: secret, issuer=DISCOVERED, grant_type=GrantType.CLIENT_CREDENTIALS
            )
        case _:
            return ClientSettings(client_id_url=DOCUMENT)


def _describe_identity_provider(given: Mapping[str, str]) -> IdentityProvider:
    return IdentityProvider(
        given["idp_issuer"],
        given["idp_client_id"],
        subject_token_from=lambda: given["idp_id_token"],
        token_endpoint=given["idp_token_endpoint"],
    )
