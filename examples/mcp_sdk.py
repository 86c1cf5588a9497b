"""
The tools of an MCP server, through the official SDK.

    handstamp login https://mcp.linear.app/mcp
    python mcp_sdk.py https://mcp.linear.app/mcp
"""

import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import handstamp


async def show_tools(url: str) -> None:
    """Prints the name of each."""
    with handstamp.Vault.open() as vault:
        async with (
            httpx2.AsyncClient(auth=vault.auth(url)) as http,
            Client(streamable_http_client(url, http_client=http)) as server,
        ):
            for tool in (await server.list_tools()).tools:
                print(tool.name)


def main(url: str) -> int:
    """Gives the exit code: 4 where you have to sign in."""
    try:
        asyncio.run(show_tools(url))
    except Exception as error:
        known = handstamp.find_error(error)  # the SDK wraps it in an ExceptionGroup
        if known is None:
            raise
        print(known.message, f"Run: {known.hint}", sep="\n", file=sys.stderr)
        return known.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
