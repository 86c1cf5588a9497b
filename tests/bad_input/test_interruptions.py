"""Ctrl-C at any point of a login, no browser, and a second login beside the first: nothing is lost and nothing is in the way."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from authority import Authority, FormBrowser, StartAuthority
from bad_input.sites import SilentSite
from commands import Home, Ran
from handstamp.demo.visitor import visit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")

INTERRUPTED = 130


@contextmanager
def an_earlier_grant(home: Home, site: Authority) -> Generator[None]:
    """There before and there afterwards, the same; and signing in anew works."""
    with home.vault() as vault:
        before = vault.sync.login(site.server_url, browser=FormBrowser())
    yield
    with home.vault() as vault:
        after = vault.grant(site.server_url)
        again = vault.sync.login(site.server_url, browser=FormBrowser(), again=True)
    assert before is not None
    assert after == before
    assert again is not None
    assert again.token != before.token


def said_after(ran: Ran, words: str) -> list[str]:
    return ran.stderr.partition(words)[2].split("\n", 1)[1].strip("\n").splitlines()


@pytest.mark.parametrize("command", [("login", "--again"), ("tools",)])
def test_interrupted_while_the_server_says_nothing(command: tuple[str, ...], home: Home) -> None:
    with SilentSite() as site, home.start(command[0], site.url, *command[1:]) as running:
        site.wait_for_a_visitor()

        running.interrupt()
        ran = running.finish()

    assert (ran.exit_code, ran.stdout, ran.stderr) == (INTERRUPTED, "", "\n")
    assert home.run("status").exit_code == 0


def test_interrupted_while_the_authorization_server_says_nothing(home: Home, authority: StartAuthority) -> None:
    site = authority()
    with an_earlier_grant(home, site), SilentSite() as silent:
        site.turn(authorization_servers=(silent.url,))
        with home.start("login", site.server_url, "--again") as running:
            silent.wait_for_a_visitor()

            running.interrupt()
            ran = running.finish()
        site.turn(authorization_servers=None)

    assert (ran.exit_code, ran.stdout, ran.stderr) == (INTERRUPTED, "", "\n")


def test_interrupted_while_waiting_for_the_browser(home: Home, authority: StartAuthority) -> None:
    site = authority()
    with an_earlier_grant(home, site), home.start("login", site.server_url, "--again", "--no-browser") as running:
        running.wait_for(f"{site.issuer}/authorize")

        running.interrupt()
        ran = running.finish()

    assert (ran.exit_code, ran.stdout) == (INTERRUPTED, "")
    assert said_after(ran, f"{site.issuer}/authorize") == []


def test_interrupted_while_the_code_is_being_exchanged(home: Home, authority: StartAuthority) -> None:
    site = authority()
    with an_earlier_grant(home, site):
        site.turn(token_status="hang")
        site.token_request_arrived.clear()
        with home.start("login", site.server_url, "--again") as running:
            assert site.token_request_arrived.wait(20)

            running.interrupt()
            ran = running.finish()
        site.turn(token_status=None)
        site.release()

    assert (ran.exit_code, ran.stdout) == (INTERRUPTED, "")
    assert said_after(ran, f"{site.issuer}/authorize") == []


def test_interrupted_by_the_keyboard_at_the_prompt_of_a_terminal(home: Home, authority: StartAuthority) -> None:
    """The terminal echoes again afterwards, and no traceback was drawn on it."""
    site = authority()
    controller, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    process = subprocess.Popen(
        [sys.executable, "-m", "handstamp", "login", site.server_url],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=home.environ | {"TERM": "xterm"},
        start_new_session=True,
        preexec_fn=lambda: make_controlling(terminal),
    )
    drawn = read_until(controller, b"Press Enter")

    os.write(controller, b"\x03")
    code = process.wait(20)
    rest = read_until(controller, b"")
    after = termios.tcgetattr(terminal)
    os.close(controller)
    os.close(terminal)

    assert code == INTERRUPTED
    assert b"Traceback" not in drawn + rest
    assert after == before


def make_controlling(terminal: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def read_until(controller: int, words: bytes) -> bytes:
    """All that was drawn, at least up to `words`."""
    drawn = b""
    while not words or words not in drawn:
        ready, _, _ = select.select([controller], [], [], 20 if words else 0)
        if not ready:
            break
        drawn += os.read(controller, 65536)
    assert words in drawn, drawn
    return drawn


def test_the_process_that_was_interrupted_has_let_go_of_the_vault(home: Home, authority: StartAuthority) -> None:
    """Killed outright, which nothing can tidy up after."""
    site = authority()
    with an_earlier_grant(home, site), home.start("login", site.server_url, "--again", "--no-browser") as running:
        running.wait_for(f"{site.issuer}/authorize")

        running.process.send_signal(signal.SIGKILL)
        running.process.wait(20)


@pytest.mark.parametrize("browser", ["/nonexistent", None], ids=["one that is not there", "none and no display"])
def test_without_a_browser_the_link_is_shown_and_the_login_goes_on(
    browser: str | None, home: Home, authority: StartAuthority
) -> None:
    """A browser that will not open never fails the login."""
    site = authority()
    home.environ.pop("BROWSER")

    with home.start("login", site.server_url, environ={"BROWSER": browser} if browser else {}) as running:
        link = running.wait_for(f"{site.issuer}/authorize")
        page = visit(link)
        ran = running.finish()

    assert (ran.exit_code, ran.stdout) == (0, "")
    assert page.status == 200
    assert home.run("token", site.server_url).exit_code == 0


def test_a_login_that_nobody_finishes_ends_by_itself(home: Home, authority: StartAuthority) -> None:
    site = authority()

    ran = home.fail("login", site.server_url, "--no-browser", "--timeout", "1", code=1)

    assert "within 1 seconds" in ran.error
    assert ran.hint == f"handstamp login {site.server_url}"


def test_a_second_login_beside_the_first(home: Home, authority: StartAuthority) -> None:
    """W11: both wait for a person, and both end well, the second first."""
    site = authority()

    with (
        home.start("login", site.server_url, "--no-browser") as first,
        home.start("login", site.server_url, "--no-browser") as second,
    ):
        links = [running.wait_for(f"{site.issuer}/authorize") for running in (first, second)]
        pages = [visit(link) for link in reversed(links)]
        codes = [running.finish().exit_code for running in (second, first)]

    assert codes == [0, 0]
    assert [page.status for page in pages] == [200, 200]
    assert home.run("token", site.server_url).exit_code == 0


def test_a_configured_callback_port_that_is_taken(home: Home, authority: StartAuthority) -> None:
    """4.12: the error names the port and the setting."""
    site = authority()
    site.turn(clients={"mine": ""})
    with SilentSite() as other:
        home.name("mine", site.server_url, client_id="mine", callback_port=other.port)

        ran = home.fail("login", "mine", code=2)

    assert str(other.port) in ran.error
    assert "callback_port in servers.toml" in ran.error
    assert home.run("login", "mine").exit_code == 0
