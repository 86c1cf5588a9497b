"""A login that the person turns away before anything opens leaves nothing behind, here or at the authorization server."""

import pytest

from authority import FormBrowser, Knobs, StartAuthority
from handstamp.errors import LoginCancelled
from handstamp.model import LoginPrompt
from handstamp.vault import Vault
from weaknesses.machine import Person


class Declining(Person):
    """Reads what is asked, and leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[LoginPrompt] = []

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self.prompts.append(prompt)
        raise LoginCancelled("Nobody wants to.")


def test_a_login_that_is_turned_away_registers_no_client(
    vault: Vault, authority: StartAuthority, form_browser: FormBrowser
) -> None:
    vault._parts.browser = lambda: form_browser
    site, person = authority(Knobs(challenge_scope="read")), Declining()

    with pytest.raises(LoginCancelled):
        vault.sync.login(site.server_url, presenter=person)

    [prompt] = person.prompts
    assert (prompt.authorization_host, prompt.scopes) == ("127.0.0.1", ("read", "offline_access"))
    assert site.counts["registrations"] == 0
    assert form_browser.opened == []
    assert vault.grants() == []
