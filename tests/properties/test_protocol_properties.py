"""What holds for every input."""

import string
from base64 import b64decode
from functools import partial
from urllib.parse import unquote_plus

from hypothesis import given
from hypothesis import strategies as st

from fuzz.properties import check_refusal, check_shown
from handstamp.errors import InsecureUrl, MalformedResponse, UsageError
from handstamp.model import Secret
from handstamp.protocol.authorization import parse_authorization_response
from handstamp.protocol.challenge import Challenge, parse_challenges
from handstamp.protocol.client_auth import Credentials, authenticate
from handstamp.protocol.exchange import parse_form, parse_json
from handstamp.protocol.scopes import parse_scopes, union_scopes
from handstamp.protocol.text import safe
from handstamp.protocol.urls import is_loopback, is_within, origin, parse_server_url, require_secure, same_url
from protocol.wire import a_registration

HOSTS = st.sampled_from(["MCP.example", "x.y.example", "127.0.0.1", "LocalHost", "[::1]", "[0:0::1]"])
PATHS = st.text(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/", max_size=20).map(
    lambda path: f"/{path}" if path else ""
)
URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "HTTPS", "http"]),
    HOSTS,
    st.sampled_from(["", ":80", ":443", ":8443"]),
    PATHS,
    st.sampled_from(["", "?", "?a=B&c", "?x=%2F"]),
)
HEADERS = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            ["Bearer ", "DPoP ", "Basic ", 'a="b"', "a=b", '"', "\\", ",", " ", "=", "abc==", "\x00", "é", 'scope="x y"']
        ),
        max_size=40,
    ).map("".join),
)
TOKENS = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=10)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
SCOPES = st.lists(st.text(string.ascii_letters + ":/.", min_size=1, max_size=8), max_size=8).map(tuple)


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(HEADERS, max_size=4))
def test_no_header_breaks_the_challenge_parser(values: list[str]) -> None:
    """TF6."""
    for challenge in parse_challenges(values):
        assert challenge.scheme in ("bearer", "dpop")
        assert challenge.scopes is not None


@given(st.dictionaries(TOKENS.map(str.lower), VALUES, max_size=5), HEADERS)
def test_a_written_challenge_is_read_back_whatever_came_on_the_line_before(parameters: dict[str, str], before: str) -> None:
    """A-06, TF4."""
    header = "Bearer " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())

    assert parse_challenges([before, header])[-1] == Challenge("bearer", parameters)


@given(st.dictionaries(TOKENS.map(str.lower), VALUES, min_size=1, max_size=5))
def test_what_another_scheme_says_is_never_the_bearers(parameters: dict[str, str]) -> None:
    """TF4, TF5."""
    foreign = "Basic " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())

    assert parse_challenges([f"{foreign}, Bearer"]) == [Challenge("bearer", {})]


@given(URLS)
def test_a_canonical_address_stays_as_it_is(typed: str) -> None:
    """A-68."""
    try:
        canonical = parse_server_url(typed)
    except UsageError:
        return

    assert parse_server_url(canonical) == canonical
    assert same_url(typed, canonical)
    assert is_within(canonical, origin(canonical))
    assert require_secure(canonical, "it", near=canonical) == canonical


@given(st.text(max_size=60), URLS)
def test_no_text_breaks_the_reading_of_urls(text: str, near: str) -> None:
    """TA6, TC1."""
    is_loopback(text)
    is_within(text, near)
    is_within(near, text)
    for read in (parse_server_url, origin, partial(require_secure, what="it", near=near)):
        try:
            read(text)
        except (UsageError, InsecureUrl) as error:
            check_refusal(error)


@given(URLS, PATHS, PATHS)
def test_what_is_within_is_on_the_same_origin(url: str, path: str, deeper: str) -> None:
    """TB4."""
    if is_within(url + deeper, url + path):
        assert origin(url + deeper) == origin(url + path)


@given(st.lists(SCOPES, max_size=4))
def test_a_union_has_every_scope_once_in_order(groups: list[tuple[str, ...]]) -> None:
    """A-114."""
    union = union_scopes(*groups)

    assert set(union) == {scope for group in groups for scope in group}
    assert len(union) == len(set(union))
    assert union_scopes(union, *groups) == union
    assert union_scopes(*groups, union) == union


@given(st.text(max_size=200))
def test_parsed_scopes_are_read_back(text: str) -> None:
    """TF9."""
    scopes = parse_scopes(text)

    assert parse_scopes(" ".join(scopes)) == scopes


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
)
def test_basic_brings_every_client_and_secret_home(client_id: str, secret: str) -> None:
    """A-95."""
    registration = a_registration(client_id=client_id, token_endpoint_auth_method="client_secret_basic")

    [(_, value)], form = authenticate(registration, Credentials(Secret(secret)), token_endpoint="https://auth.example/token")

    assert isinstance(value, Secret)
    sent = b64decode(value.reveal().removeprefix("Basic ")).decode("ascii").split(":")
    assert [unquote_plus(part) for part in sent] == [client_id, secret]
    assert form == (("client_id", client_id),)


@given(st.text(max_size=400), st.integers(1, 300))
def test_printable_is_printable_and_short(text: str, limit: int) -> None:
    """TH1, TH2."""
    shown = safe(text, limit)

    check_shown(shown)
    assert len(shown) <= limit
    shown.encode("utf-8")


@given(st.binary(max_size=200) | st.text(string.printable, max_size=200).map(str.encode))
def test_no_body_breaks_the_readers(body: bytes) -> None:
    """TA16, TE5."""
    for parse in (parse_json, parse_form):
        try:
            assert isinstance(parse(body, "it"), dict)
        except MalformedResponse as error:
            check_refusal(error)


@given(st.text(max_size=200))
def test_no_query_breaks_the_reading_of_an_answer(query: str) -> None:
    """TD8, TD9."""
    try:
        response = parse_authorization_response(query)
    except MalformedResponse:
        return

    assert response.code is None or bool(response.code)
