"""
A real browser at both ends of a sign-in: through other people's pages and ours, and against it from a hostile page.

The hostile page is one of another site, `evil.example`, which leads to this machine in this browser only: what a page on the
internet can do once its name has been rebound. The sign-in is the real command, in a process of its own.
"""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from authority import Authority, Knobs, StartAuthority
from chromium import Chromium, Tab, Unanswered
from commands import Home, Running
from interop.screenshots import OUTCOMES, serve_pages
from interop.servers import oidc
from requires import require

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("chromium")]

EVIL = "evil.example"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One for all tests of this file; each opens tabs of its own."""
    with Chromium(require("chromium"), tmp_path_factory.mktemp("chromium"), EVIL) as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@dataclass(frozen=True)
class WaitingLogin:
    """`handstamp login` of a process of its own, which has printed its link."""

    running: Running
    link: str

    @property
    def asked(self) -> dict[str, str]:
        """The authorization request."""
        return dict(parse_qsl(urlsplit(self.link).query))

    @property
    def redirect_uri(self) -> str:
        return self.asked["redirect_uri"]

    def forge(self, state: str | None, by: str = "") -> str:
        """An address at the callback that an attacker sends somebody to."""
        query = {"code": "the-attackers-own", "state": state, "by": by}
        return f"{self.redirect_uri}?{urlencode({name: value for name, value in query.items() if value})}"


@contextmanager
def waiting_login(home: Home, server_url: str) -> Generator[WaitingLogin]:
    home.name("notes", server_url)
    with home.start("login", "notes", "--no-browser") as running:
        running.wait_for("Open this link")
        yield WaitingLogin(running, running.wait_for("http"))


@pytest.fixture
def site(authority: StartAuthority) -> Authority:
    """Its sign-in page asks nothing: whoever goes there comes back with a code."""
    return authority(Knobs())


@pytest.fixture
def login(home: Home, site: Authority) -> Iterator[WaitingLogin]:
    with waiting_login(home, site.server_url) as waiting:
        yield waiting


class _EvilPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>evil</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def evil(chromium: Chromium) -> Iterator[Tab]:
    """A tab that shows a page of the attacker's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EvilPage) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        tab = chromium.open_tab(private=False)
        tab.go(f"http://{EVIL}:{server.server_address[1]}/")
        yield tab
        tab.close()
        server.shutdown()
        thread.join()


def heading(tab: Tab) -> str:
    return str(tab.run("document.querySelector('h1').innerText"))


def finish(chromium: Chromium, login: WaitingLogin) -> None:
    """The person's own browser comes back with the true answer; fails where the sign-in had not gone on until then."""
    tab = chromium.open_tab(private=False)
    tab.go(login.link)

    assert heading(tab) == "Signed in to notes"
    assert login.running.finish().exit_code == 0
    tab.close()


def test_a_person_signs_in_through_real_pages_and_the_address_keeps_no_code(chromium: Chromium, home: Home) -> None:
    """TD13, W8: oidc-provider's own sign-in and consent pages, and then ours."""
    require("node")
    with oidc() as site, waiting_login(home, site.server_url) as login:
        tab = chromium.open_tab()
        tab.go(login.link)
        assert heading(tab) == "Sign-in"
        tab.run("for (const name of ['login', 'password']) document.forms[0][name].value = 'alice'")
        tab.load(lambda: tab.run("document.forms[0].querySelector('button').click()"))
        assert heading(tab) == "Authorize"
        tab.load(lambda: tab.run("document.forms[0].querySelector('button').click()"))
        ran = login.running.finish()
        told = home.run("call", "notes", "whoami", "--json")

    assert heading(tab) == "Signed in to notes"
    assert tab.run("document.body.innerText").endswith("You can close this tab and return to your terminal.")
    assert tab.address.startswith(f"{login.redirect_uri}/done/")
    assert not [url for url in [*tab.history, tab.run("document.referrer")] if "code=" in url or login.asked["state"] in url]
    assert ran.exit_code == 0
    assert json.loads(told.stdout)["structured_content"]["subject"] == "alice"
    tab.close()


def test_a_person_who_presses_cancel_reads_that_they_are_not_signed_in(chromium: Chromium, home: Home) -> None:
    require("node")
    with oidc() as site, waiting_login(home, site.server_url) as login:
        tab = chromium.open_tab()
        tab.go(login.link)
        tab.load(lambda: tab.run("[...document.links].find(link => link.href.endsWith('/abort')).click()"))
        ran = login.running.finish()

    assert heading(tab) == "notes did not sign you in"
    assert "handstamp login notes" in tab.run("document.querySelector('.next').innerText")
    assert not [url for url in tab.history if login.asked["state"] in url]
    assert ran.exit_code == 1
    tab.close()


def element(tag: str, attribute: str, setup: str = "") -> str:
    return (
        f"new Promise(done => {{ const e = document.createElement('{tag}'); {setup}; e.onload = () => done('loaded');"
        f" e.onerror = () => done('refused'); e.{attribute} = $ADDRESS; document.body.append(e) }})"
    )


def at(address: str, script: str) -> str:
    return script.replace("$ADDRESS", json.dumps(address))


def connection(kind: str, address: str) -> str:
    return (
        f"new Promise(done => {{ const e = new {kind}({address});"
        " e.onopen = () => done('open'); e.onerror = () => { e.close(); done('refused') } })"
    )


REFUSED = ".then(answer => answer.text(), () => 'refused')"
ATTACKS = {
    "fetch": (403, f"fetch($ADDRESS){REFUSED}"),
    "fetch that is opaque": (403, f"fetch($ADDRESS, {{mode: 'no-cors'}}){REFUSED}"),
    "fetch with cookies": (403, f"fetch($ADDRESS, {{credentials: 'include'}}){REFUSED}"),
    "fetch with a preflight": (405, f"fetch($ADDRESS, {{headers: {{'X-Any': '1'}}}}){REFUSED}"),
    "fetch by POST": (405, f"fetch($ADDRESS, {{method: 'POST', mode: 'no-cors', body: 'x'}}){REFUSED}"),
    "fetch by HEAD": (405, f"fetch($ADDRESS, {{method: 'HEAD', mode: 'no-cors'}}){REFUSED}"),
    "image": (403, element("img", "src")),
    "script": (403, element("script", "src")),
    "style": (403, element("link", "href", "e.rel = 'stylesheet'")),
    "video": (403, element("video", "src")),
    "object": (403, element("object", "data")),
    "prefetch": (403, element("link", "href", "e.rel = 'prefetch'")),
    "event source": (403, connection("EventSource", "$ADDRESS")),
    "web socket": (403, connection("WebSocket", "$ADDRESS.replace('http', 'ws')")),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_page_reads_and_uses_up_nothing_even_with_the_right_state(
    attack: str, chromium: Chromium, evil: Tab, login: WaitingLogin
) -> None:
    """TD6."""
    status, script = ATTACKS[attack]
    forged = login.forge(login.asked["state"])

    read = evil.run(at(forged, script))

    assert read == "refused"
    if attack != "web socket":  # of whose handshake DevTools tells in other words
        assert evil.statuses[forged] == status
    finish(chromium, login)


FORM = (
    "const form = document.createElement('form'), at = new URL($ADDRESS); form.action = at.origin + at.pathname;"
    " for (const [name, value] of at.searchParams) { const e = document.createElement('input');"
    " e.name = name; e.value = value; form.append(e) } document.body.append(form);"
)
INTO_FRAME = (
    " const e = document.createElement('iframe'); e.name = form.target = 'inner'; document.body.append(e);"
    " const loaded = new Promise(done => { e.onload = done }); form.submit(); return loaded"
)
FRAMES = {
    "frame": (403, element("iframe", "src")),
    "embed": (403, element("embed", "src")),
    "form": (403, f"(() => {{ {FORM} {INTO_FRAME} }})()"),
    "form by POST": (405, f"(() => {{ {FORM} form.method = 'POST'; form.action = $ADDRESS; {INTO_FRAME} }})()"),
}


@pytest.mark.parametrize("attack", FRAMES)
def test_a_frame_of_a_hostile_page_reads_and_uses_up_nothing(
    attack: str, chromium: Chromium, evil: Tab, login: WaitingLogin
) -> None:
    """TD6, TD7: a frame navigates, and with the right state; yet it is no tab."""
    status, script = FRAMES[attack]
    forged = login.forge(login.asked["state"])

    evil.run(at(forged, script))

    assert evil.statuses[forged] == status
    with pytest.raises(Unanswered, match="SecurityError"):
        evil.run("frames[0].document.body.innerText")
    finish(chromium, login)


TABS = {
    "window.open": "void (globalThis.opened = window.open($ADDRESS))",
    "form": f"(() => {{ {FORM} form.target = '_blank'; form.submit() }})()",
}


@pytest.mark.parametrize("attack", TABS)
@pytest.mark.parametrize("state", [None, "guessed"])
def test_a_tab_that_a_hostile_page_opens_ends_nothing(
    attack: str, state: str | None, chromium: Chromium, evil: Tab, login: WaitingLogin
) -> None:
    """TD1: it may be looked at, but not from the page that opened it."""
    forged = login.forge(state, attack)

    evil.run(at(forged, TABS[attack]))
    opened = chromium.find_tab(forged)

    assert heading(opened) == "This is not the sign-in that is under way."
    assert opened.run("window.opener") is None
    assert evil.run("globalThis.opened?.closed ?? true") is True, "the opener has lost it"
    finish(chromium, login)


def test_a_form_that_is_posted_from_a_tab_uses_up_nothing(chromium: Chromium, evil: Tab, login: WaitingLogin) -> None:
    """TD6, TD15."""
    forged = login.forge(login.asked["state"])

    evil.run(
        at(forged, f"(() => {{ {FORM} form.method = 'POST'; form.action = $ADDRESS; form.target = '_blank'; form.submit() }})()")
    )

    assert chromium.find_tab(forged).run("document.body.innerText").strip() == "Method Not Allowed"
    finish(chromium, login)


@pytest.mark.parametrize("kind", ["prefetch", "prerender"])
def test_a_page_that_is_fetched_ahead_uses_up_nothing(kind: str, chromium: Chromium, evil: Tab, login: WaitingLogin) -> None:
    """TD6: by a speculation rule, with the right state; in all but one header it is a person's own navigation."""
    forged = login.forge(login.asked["state"])
    rules = json.dumps({kind: [{"source": "list", "urls": [forged], "eagerness": "immediate"}]})

    evil.run(
        "(() => { const e = document.createElement('script'); e.type = 'speculationrules';"
        f" e.textContent = {json.dumps(rules)}; document.body.append(e) }})()"
    )
    attempt = evil.wait_until(lambda: find_attempt(evil), "an attempt to prefetch")

    assert attempt == "PrefetchFailedNon2XX"
    finish(chromium, login)


def find_attempt(tab: Tab) -> str | None:
    """What became of the tab's first prefetch."""
    events = [event for event in tab.happened("Preload.prefetchStatusUpdated") if event["status"] in ("Ready", "Failure")]
    return events[0]["prefetchStatus"] if events else None


def test_a_name_that_was_rebound_to_this_machine_reads_nothing(chromium: Chromium, login: WaitingLogin) -> None:
    """TD5: for the browser the listener is the hostile page's own server, so its script may read what it answers."""
    rebound = login.forge(login.asked["state"]).replace("127.0.0.1", EVIL)
    tab = chromium.open_tab(private=False)
    tab.go(rebound)

    read = tab.run(at(rebound, "fetch($ADDRESS).then(async answer => [answer.type, answer.status, await answer.text()])"))

    assert tab.run("document.body.innerText").strip() == "Misdirected Request"
    assert read == ["basic", 421, "Misdirected Request\n"]
    tab.close()
    finish(chromium, login)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_page_looks_as_it_should_under_its_own_policy(outcome: str, chromium: Chromium) -> None:
    """TD7: nothing of it is blocked, so that nobody is tempted to loosen the policy; and hostile words made no element."""
    with serve_pages() as origin:
        tab = chromium.open_tab()
        tab.go(f"{origin}/{outcome}")

    assert tab.run("getComputedStyle(document.querySelector('.stamp')).stroke") != "none"
    assert tab.run("document.querySelectorAll('script, b, img, [onload]').length") == 0
    assert [entry for entry in tab.happened("Log.entryAdded") if "Content Security Policy" in entry["entry"]["text"]] == []
    assert tab.run("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out at the side"
    tab.close()
