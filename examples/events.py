"""
Watch a sign-in: every event of a server's grant as a line of JSON, until a person is needed.

    python events.py https://mcp.linear.app/mcp
"""

import json
import sys
import time

import handstamp
from handstamp.events import Event
from handstamp.listeners.words import members

EVERY = 30.0
"""Seconds between two looks."""


def show(event: Event) -> None:
    """A listener: whatever it does, no token waits for it."""
    print(json.dumps(members(event)), flush=True)


def main(url: str, looks: int = sys.maxsize) -> int:
    """Gives the exit code."""
    with handstamp.Vault.open() as vault:
        vault.subscribe(show)
        for look in range(looks):
            time.sleep(EVERY if look else 0)
            try:
                vault.sync.token(url)
            except handstamp.LoginRequired as error:
                print(error.message, f"Run: {error.hint}", sep="\n", file=sys.stderr)
                return error.exit_code
            except handstamp.NetworkError as error:
                print(error.message, file=sys.stderr)  # the next look may find it mended
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
