"""
A login inside your program: a presenter says who asks for what, and the request that needed the login goes on after it.

    python own_presenter.py https://mcp.linear.app/mcp
"""

import sys

import httpx2

import handstamp
from handstamp.model import LoginPrompt

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class Lines:
    """A `handstamp.Presenter` that speaks in lines and asks nothing. In a desktop program these would be dialogs."""

    async def confirm(self, question: str) -> bool:
        """No: an unusual sign-in page is for a person to judge, and here nobody is asked."""
        print(question)
        return False

    async def prompt(self, prompt: LoginPrompt) -> bool:
        """True opens the browser."""
        print(f"{prompt.server} asks you to sign in at {prompt.authorization_host}: {', '.join(prompt.scopes)}")
        return True

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        """None: nobody will paste an address here, so the browser's own return is waited for."""
        if not opened:
            print(f"Open this link: {authorization_url}")
        return None

    async def rejected(self, reason: str) -> None:
        """The login goes on."""
        print(reason)

    async def saving(self) -> None:
        """The answer is here."""
        print("Signing in…")

    async def noted(self, note: str) -> None:
        """What is unusual about the access that was given."""
        print(note)


def main(url: str) -> int:
    """Gives the exit code."""
    with handstamp.Vault.open() as vault, httpx2.Client(auth=vault.auth(url, presenter=Lines())) as http:
        try:
            response = http.post(url, json=PING, headers={"Accept": "application/json, text/event-stream"})
        except handstamp.HandstampError as error:
            print(error.message, f"Run: {error.hint}", sep="\n", file=sys.stderr)
            return error.exit_code
        print(f"HTTP {response.status_code}, signed in: {vault.grant(url) is not None}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
