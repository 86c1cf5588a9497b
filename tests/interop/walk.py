"""A browser that needs no browser: follows redirects, signs in, consents or declines, and stops at the client's own address."""

import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, Any
from urllib.parse import urlencode, urljoin

__all__ = ["StuckWalk", "walk"]

PAGES_AT_MOST = 10


class StuckWalk(AssertionError):
    """A page came that has neither a form nor, for someone who declines, a way out."""


class Arrived(Exception):
    def __init__(self, address: str) -> None:
        super().__init__("the browser is back at the client")
        self.address = address


@dataclass(frozen=True, slots=True)
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict[str, str])
    buttons: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def walk(url: str, redirect_uri: str, *, login: str = "alice", deny: bool = False) -> str:
    """The address that the authorization server sends the browser to in the end: `redirect_uri` with a code or an error."""
    browser = open_browser(redirect_uri)
    try:
        address, page = visit(browser, url)
        for _ in range(PAGES_AT_MOST):
            address, page = visit(browser, *next_request(address, page, login=login, deny=deny))
    except Arrived as arrived:
        return arrived.address
    raise StuckWalk(f"{PAGES_AT_MOST} pages and no end, at last {address}")


def open_browser(redirect_uri: str) -> urllib.request.OpenerDirector:
    class StopAtClient(urllib.request.HTTPRedirectHandler):
        def redirect_request(
            self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
        ) -> urllib.request.Request | None:
            if newurl.partition("?")[0] == redirect_uri:
                fp.close()
                raise Arrived(newurl)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    # Browsers send Secure cookies to http loopback addresses too; HTTP libraries do not.
    cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("https", "http")))
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies), StopAtClient()
    )


def visit(browser: urllib.request.OpenerDirector, url: str, form: dict[str, str] | None = None) -> tuple[str, str]:
    body = urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, data=body, headers={"Accept": "text/html"})
    try:
        with browser.open(request, timeout=10) as response:
            return response.url, response.read().decode()
    except urllib.request.HTTPError as refusal:
        with refusal:
            raise StuckWalk(f"{refusal.code} from {url}: {refusal.read().decode()[:2000]}") from None


def next_request(address: str, page: str, *, login: str, deny: bool) -> tuple[str, dict[str, str] | None]:
    parsed = Page(page)
    way_out = parsed.find_way_out()
    if deny and way_out:
        return urljoin(address, way_out), None
    if parsed.form is None:
        raise StuckWalk(f"no form at {address}: {page[:2000]}")
    return urljoin(address, parsed.form.action), parsed.form.fields | filled_in(parsed.form, login, deny=deny)


def filled_in(form: Form, login: str, *, deny: bool) -> dict[str, str]:
    people = {"login": login, "password": "any"}
    typed = {name: people[name] for name in form.fields if name in people}
    wanted = "deny" if deny else "allow"
    return typed | dict([button for button in form.buttons if button[1] == wanted] or form.buttons[:1])


class Page(HTMLParser):
    """The one form of a page, and its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.form: Form | None = None
        self.links: list[tuple[str, str]] = []
        self.feed(text)

    def find_way_out(self) -> str | None:
        return next((address for address, label in self.links if "cancel" in label.lower()), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag, self.form:
            case "form", None:
                self.form = Form(given.get("action", ""))
            case "input", Form(fields=fields):
                fields[given["name"]] = given.get("value", "")
            case "button", Form(buttons=buttons) if "name" in given:
                buttons.append((given["name"], given.get("value", "")))
            case "a", _:
                self.links.append((given.get("href", ""), ""))
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if self.links and not self.links[-1][1]:
            self.links[-1] = (self.links[-1][0], data)
