"""A login that fails opens one browser, loses nothing and stands in nobody's way."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx2
import pytest

from authority import Authority, FormBrowser, StartAuthority
from handstamp.errors import AccessDenied, HandstampError, InvalidGrant, LoginCancelled, LoginTimedOut
from handstamp.model import LoginPrompt
from weaknesses.machine import Machine, NoBrowser, Person, call

AT_ONCE = 5


class Counter:
    """Sets `all_there` once so many answers of 401 have come."""

    def __init__(self, number: int) -> None:
        self.all_there = threading.Event()
        self._left = number
        self._mutex = threading.Lock()

    def count(self, answer: httpx2.Response) -> None:
        with self._mutex:
            self._left -= answer.status_code == 401
            if self._left == 0:
                self.all_there.set()

    def wait(self) -> None:
        assert self.all_there.wait(20)


class Canceller(Person):
    """Thinks better of it."""

    async def prompt(self, prompt: LoginPrompt) -> bool:
        raise LoginCancelled("You stopped it.")


def test_a_denied_login_opens_one_browser(machine: Machine, authority: StartAuthority) -> None:
    """W4: the reference opened one for `server/discover` and another for `initialize`."""
    site = authority()
    site.turn(deny=True)

    with pytest.raises(AccessDenied):
        machine.vault().sync.login(site.server_url)

    assert len(machine.browser.opened) == 1


def test_many_requests_that_wait_for_one_login_open_one_browser_when_it_is_denied(
    machine: Machine, authority: StartAuthority
) -> None:
    """W4: and neither does the next request, a moment after the person said no."""
    site = authority()
    site.turn(deny=True)
    vault, refused = machine.vault(), Counter(AT_ONCE)
    person = Person(before=refused.wait)

    def ask(_: int) -> None:
        with pytest.raises(AccessDenied):
            call(vault, site.server_url, presenter=person, on_answer=refused.count)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(ask, range(AT_ONCE)))
    ask(0)

    assert person.asked == 1
    assert len(machine.browser.opened) == 1


def test_many_requests_that_wait_for_one_login_all_go_on_with_its_token(machine: Machine, authority: StartAuthority) -> None:
    """W4: also the one whose 401 is noticed only after the login has ended."""
    site = authority()
    vault, refused = machine.vault(), Counter(AT_ONCE)
    person, signed_in = Person(before=refused.wait), threading.Event()

    def ask(number: int) -> int:
        def on_answer(answer: httpx2.Response) -> None:
            refused.count(answer)
            if number == 0:
                assert answer.status_code == 200 or signed_in.wait(20)

        status = call(vault, site.server_url, presenter=person, on_answer=on_answer)
        signed_in.set()
        return status

    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(ask, range(AT_ONCE)))

    assert statuses == [200] * AT_ONCE
    assert (person.asked, len(machine.browser.opened)) == (1, 1)


def denied(machine: Machine, site: Authority) -> None:
    site.turn(deny=True)
    machine.vault().sync.login(site.server_url, again=True)


def refused(machine: Machine, site: Authority) -> None:
    site.turn(code_error="invalid_grant")
    machine.vault().sync.login(site.server_url, again=True)


def timed_out(machine: Machine, site: Authority) -> None:
    machine.vault(NoBrowser()).sync.login(site.server_url, again=True, deadline=0.05)


def cancelled(machine: Machine, site: Authority) -> None:
    machine.vault().sync.login(site.server_url, again=True, presenter=Canceller())


@pytest.mark.parametrize(
    ("end", "error"),
    [(denied, AccessDenied), (refused, InvalidGrant), (timed_out, LoginTimedOut), (cancelled, LoginCancelled)],
)
def test_after_a_login_that_came_to_nothing_the_old_grant_serves_and_the_next_login_works(
    end: Callable[[Machine, Authority], None], error: type[HandstampError], machine: Machine, authority: StartAuthority
) -> None:
    """W16: the reference stood in an error state that only a restart ended."""
    site = authority()
    machine.sign_in(site)
    before = machine.stored(site)

    with pytest.raises(error):
        end(machine, site)

    assert machine.stored(site) == before
    assert call(machine.vault(), site.server_url) == 200
    site.turn(deny=False, code_error=None)
    machine.sign_in(site, again=True)
    assert machine.stored(site).token != before.token


def test_a_login_task_that_is_cancelled_leaves_the_old_grant_and_a_way_in(machine: Machine, authority: StartAuthority) -> None:
    """W16: cancelled from outside while the person is in the browser, in the same vault that then signs in."""
    site = authority()
    vault = machine.sign_in(site)
    before = machine.stored(site)
    asked = anyio.Event()

    class Waiter(Person):
        async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
            asked.set()
            return None

    async def cancel_and_sign_in() -> None:
        async with anyio.create_task_group() as group:

            async def login() -> None:
                await vault.login(site.server_url, presenter=Waiter(), browser=NoBrowser(), again=True)

            group.start_soon(login)
            await asked.wait()
            group.cancel_scope.cancel()
        assert machine.stored(site) == before
        assert await vault.login(site.server_url, again=True) is not None

    anyio.run(cancel_and_sign_in)

    assert machine.stored(site).token != before.token


def test_a_registration_that_the_server_has_lost_spoils_one_login_and_not_the_next(
    machine: Machine, authority: StartAuthority
) -> None:
    """W16: only the person sees the server's error page, so a login that came to nothing registers anew the next time."""
    site = authority()
    machine.sign_in(site)
    site.forget_clients()

    with pytest.raises(LoginTimedOut):
        machine.vault().sync.login(site.server_url, again=True, deadline=0.3)
    grant = machine.vault(FormBrowser()).sync.login(site.server_url, again=True)

    assert grant is not None
    assert site.counts["registrations"] == 2
