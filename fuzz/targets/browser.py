"""What a browser, or whoever poses as one, brings to the callback; and the page that it gets."""

from functools import cache
from html.parser import HTMLParser

from anyio import EndOfStream
from anyio.abc import ByteStream

from fuzz.loop import run
from fuzz.properties import check_refusal, check_shown
from fuzz.samples import AUTHORIZATION
from fuzz.target import Target
from handstamp.callback import page
from handstamp.callback.visit import MAX_ADDRESS, MAX_HEAD, Reply, Visit, read_visit
from handstamp.errors import HandstampError, MalformedResponse, NetworkError, ServerBrokeProtocol, ServerSaidNo
from handstamp.model import LoginFailed, SignedIn
from handstamp.protocol.authorization import (
    AuthorizationResponse,
    is_answer_to,
    judge_authorization_response,
    parse_authorization_response,
)

__all__ = ["TARGETS"]

FORGED = "forged words"


def read_callback(data: bytes) -> None:
    """The query of an authorization response, from the listener or from a person's paste."""
    query = data.decode("utf-8", "surrogateescape")
    try:
        response = parse_authorization_response(query)
    except MalformedResponse as error:
        check_refusal(error)
        return
    try:
        code = judge_authorization_response(AUTHORIZATION, response)
    except (NetworkError, ServerBrokeProtocol, ServerSaidNo) as error:
        check_refusal(error)
        _check_believed(error, response)
        return

    assert is_answer_to(AUTHORIZATION, response)
    assert response.iss == AUTHORIZATION.issuer
    assert response.error is None
    assert code.reveal()


def _check_believed(error: HandstampError, response: AuthorizationResponse) -> None:
    """Who has neither the state nor the issuer's name is not quoted (TB10)."""
    if not is_answer_to(AUTHORIZATION, response):
        assert error.code == "state_mismatch"
    elif response.iss != AUTHORIZATION.issuer:
        assert error.code == "issuer_mismatch"
    else:
        return
    if FORGED not in (response.iss or ""):
        assert FORGED not in error.message


class Visitor(ByteStream):
    """Sends `data` in pieces of `size`, hangs up, and hears nothing."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size
        self.taken = 0

    async def receive(self, max_bytes: int = 65536) -> bytes:
        piece = self._data[self.taken : self.taken + min(max_bytes, self._size)]
        if not piece:
            raise EndOfStream
        self.taken += len(piece)
        return piece

    async def send(self, item: bytes) -> None:
        raise AssertionError("an answer before the question was read")

    async def send_eof(self) -> None:
        raise AssertionError("an answer before the question was read")

    async def aclose(self) -> None:
        pass


def read_visitor(data: bytes) -> None:
    """A request to the listener, in one piece and in small ones."""
    whole, in_pieces = (_visit(data, size) for size in (len(data), 7))

    # In pieces, h11 may see what is wrong before it is over.
    if isinstance(whole, Visit) and isinstance(in_pieces, Visit):
        assert whole == in_pieces


def _visit(data: bytes, size: int) -> Visit | Reply | None:
    visitor = Visitor(data, size)
    try:
        found = run(read_visit(visitor))
    except EndOfStream:
        return None
    finally:
        assert visitor.taken <= MAX_HEAD
    if isinstance(found, Reply):
        assert 400 <= found.status < 600
        return found
    assert (found.path + found.query).isascii()
    check_shown(found.method + found.path + found.query)
    assert "?" not in found.path
    assert len(found.path + found.query) <= MAX_ADDRESS
    assert all(not set(name + value) & set("\r\n\0") for name, value in found.headers)
    assert found.is_navigation in (True, False)
    return found


class _Skeleton(HTMLParser):
    """The tags of a page with the names of their attributes, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[tuple[str, ...]] = set()
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add((tag, *sorted(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def show_page(data: bytes) -> None:
    """The page at the end of a login, with whatever a server calls things: always the same tags (TD7)."""
    first, second, third, *scopes = data.decode("utf-8", "replace").split("\n") + [""] * 3

    _check_page(SignedIn(first, second, (third, *scopes)))
    _check_page(LoginFailed(first, second, third))


def _check_page(outcome: page.Outcome) -> None:
    shown = _Skeleton(page.render(outcome).decode("utf-8"))

    assert shown.tags <= _usual_tags(), f"{shown.tags - _usual_tags()} came in"
    check_shown(shown.text, kept="\n")


@cache
def _usual_tags() -> set[tuple[str, ...]]:
    outcomes = (SignedIn("a", "b", ("c",)), LoginFailed("a", "b", "c", "d"))
    return {tag for outcome in outcomes for tag in _Skeleton(page.render(outcome).decode("utf-8")).tags}


TARGETS = (
    Target(
        "callback_query",
        read_callback,
        words=(
            "state=the-state-of-this-login",
            "&iss=https%3A%2F%2Fauth.example",
            "&code=",
            "&error=access_denied",
            "&error_description=forged+words",
            "%00",
            "%C3%28",
        ),
    ),
    Target(
        "callback_visit",
        read_visitor,
        max_length=10_000,
        words=(
            "GET /callback?",
            " HTTP/1.1\r\n",
            "Host: 127.0.0.1:49152\r\n",
            "\r\n\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: ",
            "Sec-Fetch-Mode: navigate\r\n",
            "Sec-Purpose: prefetch\r\n",
            "Expect: 100-continue\r\n",
        ),
    ),
    Target("callback_page", show_page, words=("<script>", "&lt;", "<!--", "]]>", "$name", "${", '"', "javascript:")),
)
