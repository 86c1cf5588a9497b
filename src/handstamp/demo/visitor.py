"""
A person without eyes: walks sign-in and consent pages over HTTP, fills the forms and presses the buttons.

Made for the demo, where it may stand in for you, and for the tests. It does what a browser does and HTTP libraries do not:
cookies marked Secure or named `__Host-` also go to plain http on loopback. It stands on `http.client`, which logs nothing: other
clients log each URL, and the last one bears the authorization code.
"""

import argparse
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from http.cookies import CookieError, SimpleCookie
from threading import Thread
from urllib.parse import urlencode, urljoin, urlsplit

__all__ = ["Visit", "VisitFailed", "Visitor", "main", "visit"]

GO_WORDS = (
    "allow",
    "continue",
    "approve",
    "accept",
    "authorize",
    "grant",
    "sign in",
    "sign-in",
    "log in",
    "login",
    "submit",
    "yes",
)
STOP_WORDS = ("deny", "cancel", "abort", "reject", "decline", "refuse")
NAME_FIELDS = ("login", "username", "user", "email")
TIMEOUT = 20.0
MAX_STEPS = 40


class VisitFailed(Exception):
    """The pages lead nowhere: too many of them, or none of the buttons fits."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a visit ended, and the addresses it came by."""

    url: str
    status: int
    body: str
    trail: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reply:
    url: str
    status: int
    location: str | None
    is_html: bool
    body: str


@dataclass(slots=True)
class _Button:
    name: str
    value: str
    text: str = ""

    def says(self, words: tuple[str, ...]) -> bool:
        label = f"{self.text} {self.value} {self.name}".lower()
        return any(word in label for word in words)


@dataclass(slots=True)
class _Form:
    action: str
    method: str
    fields: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """Type, name, value."""
    buttons: list[_Button] = field(default_factory=list[_Button])

    def filled(self, user: str) -> list[tuple[str, str]]:
        return [(name, _answer(kind, name, value, user)) for kind, name, value in self.fields]


@dataclass(slots=True)
class _Link:
    href: str
    text: str = ""


class _Page(HTMLParser):
    """The forms, buttons and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[_Form] = []
        self.links: list[_Link] = []
        self._form: _Form | None = None
        self._labelled: _Button | _Link | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self._form = _Form(values.get("action", ""), values.get("method", "get").lower())
                self.forms.append(self._form)
            case "input" if self._form:
                self._add_input(self._form, values)
            case "button" if self._form and values.get("type", "submit").lower() == "submit":
                self._labelled = _Button(values.get("name", ""), values.get("value", ""))
                self._form.buttons.append(self._labelled)
            case "a" if values.get("href"):
                self._labelled = _Link(values["href"])
                self.links.append(self._labelled)
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if self._labelled:
            self._labelled.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("button", "a"):
            self._labelled = None
        if tag == "form":
            self._form = None

    def _add_input(self, form: _Form, values: dict[str, str]) -> None:
        kind, name, value = values.get("type", "text").lower(), values.get("name", ""), values.get("value", "")
        if kind in ("submit", "image"):
            form.buttons.append(_Button(name, value))
        elif kind in ("checkbox", "radio") and "checked" not in values:
            return
        elif name and kind not in ("button", "reset", "file"):
            form.fields.append((kind, name, value or ("on" if kind == "checkbox" else "")))


class _Browser:
    """Requests and cookies; one connection a request."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._cookies: dict[tuple[str, str, str], str] = {}

    def ask(self, method: str, url: str, form: list[tuple[str, str]] | None = None) -> _Reply:
        split = urlsplit(url)
        path = (split.path or "/") + (f"?{split.query}" if split.query else "")
        headers = {"Accept": "text/html,*/*;q=0.5", "Connection": "close"}
        if cookie := self._cookies_for(split.hostname or "", split.path):
            headers["Cookie"] = cookie
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"{split.scheme}://{split.netloc}"}
        connection = self._connect(split.scheme, split.hostname or "", split.port)
        try:
            connection.request(method, path, urlencode(form) if form is not None else None, headers)
            response = connection.getresponse()
            body = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        self._keep_cookies(split.hostname or "", response.msg)
        is_html = response.headers.get_content_type() == "text/html"
        return _Reply(url, response.status, response.headers.get("location"), is_html, body)

    def _connect(self, scheme: str, host: str, port: int | None) -> HTTPConnection:
        match scheme:
            case "http":
                return HTTPConnection(host, port, timeout=TIMEOUT)
            case "https":
                return HTTPSConnection(host, port, timeout=TIMEOUT, context=self._tls)
            case _:
                raise VisitFailed(f"Expected an http or https address, got {scheme}:")

    def _keep_cookies(self, host: str, headers: HTTPMessage) -> None:
        for line in headers.get_all("set-cookie", []):
            try:
                parsed = SimpleCookie(line)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                self._cookies[host, morsel["path"] or "/", name] = morsel.coded_value
                if morsel["max-age"] == "0" or not morsel.coded_value or " 1970 " in morsel["expires"]:
                    del self._cookies[host, morsel["path"] or "/", name]

    def _cookies_for(self, host: str, path: str) -> str:
        # As browsers do, cookies do not tell ports apart, nor, on loopback, http from https.
        pairs = [
            (len(at), f"{name}={value}")
            for (owner, at, name), value in self._cookies.items()
            if owner == host and (path or "/").startswith(at)
        ]
        return "; ".join(pair for _, pair in sorted(pairs, reverse=True))


def visit(
    url: str,
    *,
    user: str = "alice@example.com",
    allow: bool = True,
    stop_before: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Visit:
    """
    Goes to `url` and through every form that follows, up to the first page that asks nothing.

    Signs in as `user`, then allows, or denies. An address that begins with `stop_before` is not visited any more: the visit ends
    with that address, status 0 and no body, which is what a person copies who pastes the answer by hand. Raises VisitFailed, or
    OSError where nobody answers.
    """
    browser = _Browser(tls)
    trail: list[str] = []
    method, form = "GET", None
    for _ in range(MAX_STEPS):
        if stop_before and url.startswith(stop_before):
            return Visit(url, 0, "", tuple(trail))
        trail.append(url)
        reply = browser.ask(method, url, form)
        if reply.location and 300 <= reply.status < 400:
            # RFC 9110 §15.4: only 307 and 308 repeat the method.
            if reply.status not in (307, 308):
                method, form = "GET", None
            url = urljoin(url, reply.location)
            continue
        step = _next_step(reply, user=user, allow=allow)
        if step is None:
            return Visit(reply.url, reply.status, reply.body, tuple(trail))
        method, url, form = step
    raise VisitFailed(f"Expected an end after {MAX_STEPS} pages; the last was at {urlsplit(url).netloc}{urlsplit(url).path}.")


class Visitor:
    """
    A `Browser` that opens nothing on your screen: each address is walked in a thread of its own.

    `wait()` gives the visit that ended last. Safe to call from many threads.
    """

    def __init__(
        self,
        *,
        user: str = "alice@example.com",
        allow: bool = True,
        stop_before: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.opened: list[str] = []
        self._user = user
        self._allow = allow
        self._stop_before = stop_before
        self._tls = tls
        self._threads: list[Thread] = []
        self._outcomes: list[Visit | Exception] = []

    def open(self, url: str) -> bool:
        self.opened.append(url)
        thread = Thread(target=self._walk, args=(url,), name="visitor", daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def wait(self, seconds: float = 30.0) -> Visit:
        """Waits for what is under way. Raises what the last visit raised, or VisitFailed if it does not end or never began."""
        for thread in self._threads:
            thread.join(seconds)
        if not self._outcomes or any(thread.is_alive() for thread in self._threads):
            raise VisitFailed(f"Expected a visit to end within {seconds} seconds.")
        match self._outcomes[-1]:
            case Visit() as ended:
                return ended
            case Exception() as error:
                raise error

    def _walk(self, url: str) -> None:
        try:
            outcome = visit(url, user=self._user, allow=self._allow, stop_before=self._stop_before, tls=self._tls)
        except Exception as error:  # told to whoever waits
            self._outcomes.append(error)
        else:
            self._outcomes.append(outcome)


def _next_step(reply: _Reply, *, user: str, allow: bool) -> tuple[str, str, list[tuple[str, str]] | None] | None:
    if not reply.is_html:
        return None
    page = _Page(reply.body)
    if not allow and (link := _stop_link(page)):
        return "GET", urljoin(reply.url, link.href), None
    chosen = _choose(page, allow=allow)
    if chosen is None:
        return None
    form, button = chosen
    fields = form.filled(user)
    if button and button.name:
        fields.append((button.name, button.value))
    target = urljoin(reply.url, form.action) if form.action else reply.url
    if form.method == "post":
        return "POST", target, fields
    return "GET", f"{target.partition('?')[0]}?{urlencode(fields)}", None


def _choose(page: _Page, *, allow: bool) -> tuple[_Form, _Button | None] | None:
    """The form to send and the button to press. A page that has nothing to deny, a login, is answered either way."""
    if not page.forms:
        return None
    buttons = [(form, button) for form in page.forms for button in form.buttons]
    if not allow:
        stops = [pair for pair in buttons if pair[1].says(STOP_WORDS)]
        if stops:
            return stops[0]
    goes = [pair for pair in buttons if not pair[1].says(STOP_WORDS)]
    wanted = [pair for pair in goes if pair[1].says(GO_WORDS)]
    if wanted or goes:
        return (wanted or goes)[0]
    # No button at all: a page that a script would send (`response_mode=form_post`).
    return None if buttons else (page.forms[0], None)


def _stop_link(page: _Page) -> _Link | None:
    if any(button.says(STOP_WORDS) for form in page.forms for button in form.buttons):
        return None
    return next((link for link in page.links if any(word in link.text.lower() for word in STOP_WORDS)), None)


def _answer(kind: str, name: str, value: str, user: str) -> str:
    if kind == "password" or "password" in name.lower():
        return "a password"
    if kind in ("text", "email") and any(word in name.lower() for word in NAME_FIELDS):
        return value or user
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Visits one URL, as the program that `$BROWSER` names: signs in under a name and allows, or denies."""
    parser = argparse.ArgumentParser(prog="python -m handstamp.demo.visitor", description="Answer a sign-in's pages over HTTP.")
    parser.add_argument("url")
    parser.add_argument("--user", default="mia", help="the name to sign in under")
    parser.add_argument("--deny", action="store_true", help="refuse instead of allowing")
    options = parser.parse_args(arguments)
    return 0 if visit(options.url, user=options.user, allow=not options.deny).status < 400 else 1


if __name__ == "__main__":
    sys.exit(main())
