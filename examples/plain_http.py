"""
One request to an MCP server by hand, without an event loop, from a program that handles "you have to sign in".

    python plain_http.py https://mcp.linear.app/mcp
"""

import sys

import httpx2

import handstamp

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "plain_http", "version": "1"},
    },
}


def main(url: str) -> int:
    """Gives the exit code: 4 where you have to sign in."""
    with handstamp.Vault.open() as vault, httpx2.Client(auth=vault.auth(url)) as http:
        try:
            response = http.post(url, json=INITIALIZE, headers={"Accept": "application/json, text/event-stream"})
        except handstamp.LoginRequired as error:
            # The server answered 401, and no browser opens by itself: a person has to run this.
            print(error.message, f"Run: {error.hint}", sep="\n", file=sys.stderr)
            return error.exit_code
    print(response.status_code, response.headers["content-type"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
