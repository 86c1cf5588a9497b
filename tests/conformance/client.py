"""
The client under test: a thin host. The official MCP SDK speaks MCP, and Handstamp does every byte of authorization.

The suite starts it with the server's URL as its last argument, and tells the rest by the environment. It knows no scenario: it
connects, lists what there is, uses it, and leaves, as it would anywhere. Where Handstamp says that it may not go on, it
ends with that error's sentence and an exit code of its own.
"""

import os
import secrets
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import httpx2
from mcp import Client, ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    ClientCapabilities,
    ElicitationCapability,
    Implementation,
    InitializedNotification,
    InitializeRequest,
    InitializeRequestParams,
    InitializeResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

import handstamp
from conformance.person import Person, answer_question
from conformance.settings import describe_server, read_context
from conformance.verdict import ENDED_IN_ERROR
from conformance.visit import use

CLIENT_INFO = Implementation(name="handstamp-conformance", version="1")
VERSION = "MCP_CONFORMANCE_PROTOCOL_VERSION"
SECONDS = 20.0


async def run(url: str, version: str, context: Mapping[str, object], vault: handstamp.Vault) -> None:
    """One visit to the server."""
    auth = vault.auth(url, presenter=Person())
    async with httpx2.AsyncClient(auth=auth, timeout=SECONDS, trust_env=False) as http, connect(url, version, http) as server:
        await use(server, context)


@asynccontextmanager
async def connect(url: str, version: str, http: httpx2.AsyncClient) -> AsyncGenerator[Client | ClientSession]:
    """A connection that speaks `version`. The SDK's `Client` offers the newest of each era, so older ones are offered here."""
    transport = streamable_http_client(url, http_client=http)
    if version in MODERN_PROTOCOL_VERSIONS:
        async with Client(transport, client_info=CLIENT_INFO, elicitation_callback=answer_question) as client:
            yield client
        return
    async with (
        transport as (read, write),
        ClientSession(read, write, client_info=CLIENT_INFO, elicitation_callback=answer_question) as session,
    ):
        await initialize(session, version)
        yield session


async def initialize(session: ClientSession, version: str) -> None:
    """`ClientSession.initialize` with a version of our choice."""
    parameters = InitializeRequestParams(
        protocol_version=version,
        capabilities=ClientCapabilities(elicitation=ElicitationCapability()),
        client_info=CLIENT_INFO,
    )
    session.adopt(await session.send_request(InitializeRequest(params=parameters), InitializeResult))
    await session.send_notification(InitializedNotification())


def main() -> None:
    """Runs it in a vault of its own, whose key no keychain of anybody's holds."""
    os.environ["HANDSTAMP_KEY"] = b64encode(secrets.token_bytes(32)).decode()
    url, context = sys.argv[-1], read_context(os.environ)
    with (
        TemporaryDirectory(prefix="handstamp-conformance-") as directory,
        handstamp.Vault.open(state=Path(directory), config=Path(directory), servers=[describe_server(url, context)]) as vault,
    ):
        try:
            anyio.run(run, url, os.environ[VERSION], context, vault)
        except Exception as error:
            known = handstamp.find_error(error)  # the SDK wraps it in an ExceptionGroup
            if known is None:
                raise
            sys.stderr.write(f"{known.code}: {known.message} → {known.hint}\n")
            sys.exit(ENDED_IN_ERROR)


if __name__ == "__main__":
    main()
