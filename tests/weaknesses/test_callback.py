"""What comes back from the browser: the answer to this login ends it, nothing else does, and the page says what became of it."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from authority import FormBrowser, StartAuthority
from handstamp.demo.visitor import Visit, VisitFailed, visit
from handstamp.errors import HandstampError, InvalidGrant, MalformedResponse, TemporarilyUnavailable
from weaknesses.machine import Machine

NOT_THIS_LOGIN = "This is not the sign-in that is under way."
SIGNED_IN = "Signed in to"
NOT_SIGNED_IN = "did not sign you in"


class MeddledBrowser(FormBrowser):
    """Before the person's own page loads, others visit the redirect address."""

    def __init__(self, *queries: dict[str, str]) -> None:
        super().__init__()
        self.meddled: list[Visit] = []
        self._queries = queries

    def _walk(self, url: str) -> None:
        redirect_uri = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        self.meddled += [visit(f"{redirect_uri}?{urlencode(query)}") for query in self._queries]
        super()._walk(url)


def test_a_visit_that_is_no_answer_to_this_login_ends_nothing_and_is_told_so(machine: Machine, authority: StartAuthority) -> None:
    """W7: at the reference any local page could end a login, and was told "You're all set"."""
    site = authority()
    browser = MeddledBrowser(
        {}, {"code": "c"}, {"state": "not-yours", "code": "c"}, {"state": "not-yours", "error": "access_denied"}
    )

    grant = machine.vault(browser).sync.login(site.server_url)

    assert grant is not None
    assert [visit.status for visit in browser.meddled] == [400] * 4
    assert all(NOT_THIS_LOGIN in visit.body for visit in browser.meddled)
    assert SIGNED_IN in browser.wait().body


def test_the_browser_is_told_nothing_while_the_code_is_being_exchanged(machine: Machine, authority: StartAuthority) -> None:
    """W8."""
    site = authority()
    site.turn(token_status="hang")

    with ThreadPoolExecutor(1) as threads:
        login = threads.submit(machine.vault().sync.login, site.server_url)
        assert site.token_request_arrived.wait(20)
        with pytest.raises(VisitFailed):
            machine.browser.wait(0.2)
        site.release()

        assert login.result(20) is not None
    assert SIGNED_IN in machine.browser.wait().body


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        ({"code_error": "invalid_grant"}, InvalidGrant),
        ({"token_status": 503}, TemporarilyUnavailable),
        ({"token_status": "no access_token"}, MalformedResponse),
    ],
    ids=["invalid_grant", "503", "no token"],
)
def test_an_exchange_that_fails_shows_the_failure_in_the_browser(
    knobs: dict[str, object], error: type[HandstampError], machine: Machine, authority: StartAuthority
) -> None:
    """W8: at the reference the browser said connected, and only the terminal knew better."""
    site = authority()
    site.turn(**knobs)

    with pytest.raises(error):
        machine.vault().sync.login(site.server_url)
    page = machine.browser.wait()

    assert page.status == 400
    assert NOT_SIGNED_IN in page.body
    assert SIGNED_IN not in page.body
