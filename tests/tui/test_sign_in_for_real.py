"""The sign-in dialog over real logins: a vault on disk, a listener on loopback, an authority, a person who presses Allow."""

import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from application.conftest import home, vault
from authority import Authority, FormBrowser, Knobs, StartAuthority
from handstamp.demo.visitor import visit
from handstamp.errors import AccessDenied, LoginTimedOut
from handstamp.model import Grant
from handstamp.ports import Browser, Presenter
from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.sign_in_dialog import SignInFunction
from handstamp.tui.sign_in_states import Done, Failed, Prompting, Waiting
from handstamp.vault import Vault
from tui.dialogs import Opened, OpensNothing, opened

__all__ = ["home", "vault"]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def site(authority: StartAuthority) -> Authority:
    return authority()


@pytest.fixture
def person() -> Iterator[FormBrowser]:
    """Somebody who presses Allow. The page that they end on has come when the test is over."""
    browser = FormBrowser()
    yield browser
    if browser.opened:
        browser.wait()


def signs_in_by(vault: Vault, *deadlines: float) -> SignInFunction:
    """As the app does it; the first logins with these deadlines."""
    left = list(deadlines)

    async def sign_in(wanted: SignIn, presenter: Presenter, browser: Browser) -> Grant | None:
        return await vault.login(
            wanted.server,
            account=wanted.account,
            scopes=wanted.scopes,
            again=wanted.again,
            presenter=presenter,
            browser=browser,
            deadline=left.pop(0) if left else 300.0,
        )

    return sign_in


def redirect_address(dialog: Opened) -> tuple[str, int]:
    assert isinstance(dialog.state, Waiting)
    redirect = urlsplit(parse_qs(urlsplit(dialog.state.url).query)["redirect_uri"][0])
    assert redirect.hostname is not None
    assert redirect.port is not None
    return redirect.hostname, redirect.port


async def test_one_key_and_it_is_signed_in(vault: Vault, site: Authority, person: FormBrowser) -> None:
    wanted = SignIn(site.server_url)

    async with opened([wanted], signs_in_by(vault), person) as dialog:
        await dialog.until(Prompting)
        await dialog.press("enter")
        await dialog.until(Done)
        stored = vault.grant(site.server_url)
        await dialog.press("enter")

        assert stored is not None
        assert dialog.outcome == SignInOutcome((wanted,), ())
        assert len(person.opened) == 1


async def test_nothing_is_opened_before_the_prompt_is_answered(vault: Vault, site: Authority, person: FormBrowser) -> None:
    """A-135."""
    async with opened([SignIn(site.server_url)], signs_in_by(vault), person) as dialog:
        await dialog.until(Prompting)
        prompt = dialog.state
        await dialog.press("escape")

        assert isinstance(prompt, Prompting)
        assert (prompt.prompt.authorization_host, prompt.prompt.scopes) == ("127.0.0.1", ("read", "write", "offline_access"))
        assert person.opened == []
        assert not [seen for seen in site.log if seen.path.endswith("/authorize")]


@pytest.mark.parametrize("way_out", ["escape", "the app's end"])
async def test_when_the_dialog_is_gone_so_is_the_listener(vault: Vault, site: Authority, way_out: str) -> None:
    async with opened([SignIn(site.server_url)], signs_in_by(vault), OpensNothing()) as dialog:
        await dialog.until(Prompting)
        await dialog.press("enter")
        await dialog.until(Waiting)
        address = redirect_address(dialog)
        socket.create_connection(address).close()
        if way_out == "escape":
            await dialog.press("escape")
            assert dialog.outcome is not None
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


async def test_denied_and_tried_again(vault: Vault, site: Authority, person: FormBrowser) -> None:
    """W16."""
    site.turn(deny=True)

    async with opened([SignIn(site.server_url)], signs_in_by(vault), person) as dialog:
        await dialog.until(Prompting)
        await dialog.press("enter")
        await dialog.until(Failed)
        failed = dialog.state
        site.turn(deny=False)
        await dialog.press("r")
        await dialog.until(Prompting)
        await dialog.press("enter")
        await dialog.until(Done)

        assert isinstance(failed, Failed)
        assert isinstance(failed.error, AccessDenied)
        assert len(person.opened) == 2


async def test_who_takes_too_long_can_begin_again(vault: Vault, site: Authority) -> None:
    """W3, W16: it is the login's own deadline."""
    async with opened([SignIn(site.server_url)], signs_in_by(vault, 0.05), OpensNothing()) as dialog:
        await dialog.until(Failed)
        failed = dialog.state
        await dialog.press("r")
        await dialog.until(Prompting)

        assert isinstance(failed, Failed)
        assert isinstance(failed.error, LoginTimedOut)


async def test_three_servers_of_which_one_is_skipped(vault: Vault, authority: StartAuthority, person: FormBrowser) -> None:
    first, second, third = (SignIn(authority().server_url) for _ in range(3))

    async with opened([first, second, third], signs_in_by(vault), person) as dialog:
        for keys in (("enter", Done, "enter"), ("s",), ("enter", Done, "enter")):
            await dialog.until(Prompting)
            for key in keys:
                await (dialog.press(key) if isinstance(key, str) else dialog.until(key))

        assert dialog.outcome == SignInOutcome((first, third), (second,))
        assert {grant.key.server for grant in vault.grants()} == {first.server, third.server}


async def test_over_ssh_the_address_of_the_last_page_completes_it(vault: Vault, site: Authority) -> None:
    """W20."""
    async with opened([SignIn(site.server_url)], signs_in_by(vault), OpensNothing(), obstacle="SSH session") as dialog:
        await dialog.until(Waiting)
        assert isinstance(dialog.state, Waiting)
        redirect = parse_qs(urlsplit(dialog.state.url).query)["redirect_uri"][0]
        address = visit(dialog.state.url, stop_before=redirect).url
        dialog.dialog._bring(address)
        await dialog.until(Done)

        assert vault.grant(site.server_url) is not None


async def test_an_open_server_works_at_once(vault: Vault, authority: StartAuthority) -> None:
    site = authority(Knobs(open_server=True))

    async with opened([SignIn(site.server_url)], signs_in_by(vault), OpensNothing()) as dialog:
        await dialog.until(Done)

        assert dialog.state == Done(None, was_asked=False)
