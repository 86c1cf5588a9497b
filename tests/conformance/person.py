"""Whoever sits before the host: says yes, walks the sign-in page, takes what a form suggests."""

import sys

from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from authority.browser import FormBrowser
from conformance.sample import sample
from handstamp.model import LoginPrompt

__all__ = ["Person", "answer_question"]


class Person:
    """
    A `Presenter` for one login after another. The sign-in happens in the host's own window: a `Browser` in this process.

    It goes to the authorization address and by redirects to Handstamp's real listener, and stays until that has answered.
    """

    def __init__(self) -> None:
        self._browser = FormBrowser()

    async def confirm(self, question: str) -> bool:
        tell(f"{question} Yes.")
        return True

    async def prompt(self, prompt: LoginPrompt) -> bool:
        scopes = " ".join(prompt.scopes) or "what it gives without a scope"
        tell(f"{prompt.server} asks to sign in at {prompt.authorization_host} for {scopes}.")
        return False  # not in the system's browser

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        self._browser.open(authorization_url)
        return None

    async def rejected(self, reason: str) -> None:
        tell(reason)

    async def saving(self) -> None:
        tell("Signing in …")

    async def noted(self, note: str) -> None:
        tell(note)


async def answer_question(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """What a server asks in the middle of a call: accepted, each field as it was suggested."""
    if not isinstance(params, ElicitRequestFormParams):
        return ElicitResult(action="decline")
    return ElicitResult(action="accept", content=sample(params.requested_schema))


def tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
