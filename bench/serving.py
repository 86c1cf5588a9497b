"""
A process of `serving_memory.py`: makes itself ready, says so, and ends with its stdin.

Imports nothing that such a process would not have. `trio`, which the tests have installed, is kept away from it: httpcore2 loads
it where it finds it.
"""

import sys

CALLS = 1000


def serve_tokens(server: str) -> object:
    """Refreshes first where what it finds has ended."""
    from handstamp import Vault

    vault = Vault.open()
    for _ in range(CALLS):
        vault.sync.token(server)
    return vault


def have_a_provider(server: str) -> object:
    """The SDK's, which has not been asked for anything."""
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
    from pydantic import AnyUrl

    class Storage:
        async def get_tokens(self) -> OAuthToken | None:
            return None

        async def set_tokens(self, tokens: OAuthToken) -> None:
            return

        async def get_client_info(self) -> OAuthClientInformationFull | None:
            return None

        async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
            return

    return OAuthClientProvider(server, OAuthClientMetadata(redirect_uris=[AnyUrl("http://127.0.0.1:9/callback")]), Storage())


def main(kind: str, server: str) -> None:
    sys.modules["trio"] = None  # type: ignore[assignment]
    match kind:
        case "Python":
            kept = None
        case "SDK":
            kept = have_a_provider(server)
        case _:
            kept = serve_tokens(server)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    del kept


if __name__ == "__main__":
    main(*sys.argv[1:])
