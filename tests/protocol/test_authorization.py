"""The front channel: what goes to the browser, and whether its answer is believed."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import count
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from handstamp.errors import (
    AccessDenied,
    HandstampError,
    InsecureUrl,
    InvalidScope,
    IssuerMismatch,
    MalformedResponse,
    ServerSaidNo,
    StateMismatch,
    TemporarilyUnavailable,
)
from handstamp.model import Secret
from handstamp.protocol.authorization import (
    AuthorizationRequest,
    build_authorization_request,
    find_answer,
    is_answer_to,
    judge_authorization_response,
    parse_authorization_response,
)
from protocol.wire import ISSUER, REDIRECT, SERVER, a_registration, a_server


def counting_bytes() -> Callable[[int], bytes]:
    """A source that never gives the same bytes twice, and remembers nothing."""
    numbers = count(1)
    return lambda length: sha256(str(next(numbers)).encode()).digest()[:length]


def a_request(scopes: tuple[str, ...] = ("read",), **server: object) -> AuthorizationRequest:
    return build_authorization_request(
        a_server(**server), a_registration(), resource=SERVER, scopes=scopes, random=counting_bytes()
    )


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)


def judged(request: AuthorizationRequest, **parameters: str) -> Secret:
    return judge_authorization_response(request, parse_authorization_response(urlencode(parameters)))


def test_the_url_carries_all_that_a_login_needs_and_nothing_else() -> None:
    """A-30, A-31, A-64 to A-66, A-75, A-77, A-80, TC8, TC13."""
    request = a_request()

    challenge = urlsafe_b64encode(sha256(request.code_verifier.reveal().encode()).digest()).rstrip(b"=").decode()
    assert request.url.startswith(f"{ISSUER}/authorize?")
    assert query_of(request.url) == {
        "response_type": ["code"],
        "client_id": ["client-1"],
        "redirect_uri": [REDIRECT],
        "resource": [SERVER],
        "scope": ["read"],
        "state": [request.state.reveal()],
        "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }
    assert request.code_verifier.reveal() not in request.url


def test_a_request_remembers_what_its_answer_is_held_against() -> None:
    """A-74."""
    request = a_request(authorization_response_iss_parameter_supported=True)

    assert (request.issuer, request.iss_expected, request.resource) == (ISSUER, True, SERVER)
    assert "***" in repr(request)
    assert request.state.reveal() not in repr(request)
    assert request.code_verifier.reveal() not in repr(request)


def test_the_resource_goes_out_as_the_document_wrote_it() -> None:
    """A-65, 4.1."""
    request = build_authorization_request(
        a_server(), a_registration(), resource="HTTPS://MCP.example:443/", scopes=(), random=counting_bytes()
    )

    assert query_of(request.url)["resource"] == ["HTTPS://MCP.example:443/"]


def test_state_and_verifier_are_long_and_new_each_time() -> None:
    """A-36, TC9."""
    asked: list[int] = []
    source = counting_bytes()

    def random(length: int) -> bytes:
        asked.append(length)
        return source(length)

    requests = [
        build_authorization_request(a_server(), a_registration(), resource=SERVER, scopes=(), random=random) for _ in range(3)
    ]

    values = [value.reveal() for request in requests for value in (request.state, request.code_verifier)]
    assert asked == [32] * 6
    assert len(set(values)) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", value) for value in values)


def test_no_scope_is_sent_where_none_is_wanted() -> None:
    """A-70: conformance auth/scope-omitted-when-undefined."""
    assert "scope" not in query_of(a_request(scopes=()).url)


def test_scopes_are_separated_by_an_encoded_space() -> None:
    """A-70."""
    assert "scope=read%20write" in a_request(scopes=("read", "write")).url


def test_offline_access_brings_the_consent_page() -> None:
    """4.10."""
    assert query_of(a_request(scopes=("read", "offline_access")).url)["prompt"] == ["consent"]
    assert "prompt" not in query_of(a_request().url)


@pytest.mark.parametrize(
    ("endpoint", "start"),
    [
        ("https://auth.example/a?p=B2C_1", "https://auth.example/a?p=B2C_1&response_type=code&"),
        ("https://auth.example/a?p=a%20b&q", "https://auth.example/a?p=a%20b&q&response_type=code&"),
        ("https://auth.example/a?", "https://auth.example/a?response_type=code&"),
        ("https://auth.example", "https://auth.example?response_type=code&"),
    ],
)
def test_the_endpoints_own_query_is_kept(endpoint: str, start: str) -> None:
    """P26."""
    assert a_request(authorization_endpoint=endpoint).url.startswith(start)


@pytest.mark.parametrize(
    "query",
    ["state=x", "p=1&redirect_uri=https://evil.example", "client_id=evil", "resource=x", "scope=admin", "response_type=token",
     "code_challenge_method=plain", "code_challenge", "%73tate=x", "request_uri=https://evil.example", "request=x",
     "response_mode=fragment", "prompt=none",
     "dpop_jkt=theirs"],
)  # fmt: skip
def test_an_endpoint_that_speaks_for_us_is_refused(query: str) -> None:
    """TC5."""
    with pytest.raises(InsecureUrl):
        a_request(authorization_endpoint=f"https://auth.example/a?{query}")


def test_a_url_over_8_kib_is_refused() -> None:
    """TC7."""
    with pytest.raises(InsecureUrl):
        a_request(scopes=tuple(f"{n:0200}" for n in range(60)))


def test_a_url_holds_only_what_a_url_may_hold() -> None:
    """TC2: nothing in it means anything to a shell but what the validated endpoint brought."""
    request = build_authorization_request(
        a_server(),
        a_registration(client_id="$(calc)`id`&calc|^%COMSPEC%\"'\n\x00"),
        resource=SERVER,
        scopes=(),
        random=counting_bytes(),
    )

    assert re.fullmatch(r"https://[A-Za-z0-9._~%&=?:/-]+", request.url)


def test_a_registration_of_another_issuer_is_not_used() -> None:
    """A-19, A-60."""
    with pytest.raises(IssuerMismatch):
        a_request(issuer="https://other.example")


def test_a_good_answer_gives_the_code() -> None:
    """A-82, A-86, A-172, TB9: conformance auth/iss-not-advertised."""
    request = a_request()

    assert judged(request, state=request.state.reveal(), code="c0de", next="https://evil.example") == Secret("c0de")


@pytest.mark.parametrize("iss_expected", [True, False])
def test_a_right_iss_is_accepted_advertised_or_not(iss_expected: bool) -> None:
    """A-83, A-85, A-172: conformance auth/iss-supported."""
    request = a_request(authorization_response_iss_parameter_supported=iss_expected)

    assert judged(request, state=request.state.reveal(), code="c0de", iss=ISSUER) == Secret("c0de")


@pytest.mark.parametrize("iss_expected", [True, False])
@pytest.mark.parametrize(
    "iss",
    ["https://evil.example", ISSUER + "/", "https://AUTH.example", "HTTPS://auth.example", "https://auth.example:443",
     "https%3A%2F%2Fauth.example", "https://auth%2Eexample", "", " " + ISSUER],
)  # fmt: skip
def test_a_wrong_iss_is_refused_before_anything_else(iss_expected: bool, iss: str) -> None:
    """A-83, A-85, A-87, TB7: conformance auth/iss-wrong-issuer, -unexpected, -normalized."""
    request = a_request(authorization_response_iss_parameter_supported=iss_expected)

    with pytest.raises(IssuerMismatch) as raised:
        judged(request, state=request.state.reveal(), code="c0de", iss=iss)

    assert f'"{ISSUER}"' in raised.value.message
    assert f'"{iss}"' in raised.value.message


def test_a_promised_iss_that_is_missing_is_refused() -> None:
    """A-84, TB8: conformance auth/iss-supported-missing."""
    request = a_request(authorization_response_iss_parameter_supported=True)

    with pytest.raises(IssuerMismatch):
        judged(request, state=request.state.reveal(), code="c0de")


def test_an_iss_mismatch_says_nothing_of_the_error_that_came_with_it() -> None:
    """A-88, TB10, 4.7."""
    request = a_request()

    with pytest.raises(IssuerMismatch) as raised:
        judged(
            request,
            state=request.state.reveal(),
            iss="https://evil.example/" + "\x1b[2J" + "e" * 5000,
            error="access_denied",
            error_description="call 555-0100",
            error_uri="https://phish.example",
        )

    message = raised.value.message
    assert "access_denied" not in message
    assert "555-0100" not in message
    assert "phish.example" not in message
    assert "\x1b" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    "parameters",
    [
        {"code": "c0de"},
        {"code": "c0de", "state": ""},
        {"code": "c0de", "state": "wröng"},
        {"error": "access_denied"},
        {"error": "access_denied", "iss": "https://evil.example"},
    ],
)
def test_an_answer_without_the_state_is_not_ours_whatever_it_says(parameters: dict[str, str]) -> None:
    """A-75, TD1, TD2, TD16."""
    request = a_request()

    assert not is_answer_to(request, parse_authorization_response(urlencode(parameters)))
    with pytest.raises(StateMismatch) as raised:
        judged(request, **parameters)
    assert "access_denied" not in raised.value.message
    assert request.state.reveal() not in raised.value.message


def test_the_answer_to_one_login_is_not_the_answer_to_another() -> None:
    """TC9, TD17."""
    random = counting_bytes()
    one, other = (
        build_authorization_request(a_server(), a_registration(), resource=SERVER, scopes=(), random=random) for _ in range(2)
    )

    response = parse_authorization_response(f"?code=c0de&state={one.state.reveal()}")

    assert is_answer_to(one, response)
    assert not is_answer_to(other, response)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", AccessDenied),
        ("invalid_scope", InvalidScope),
        ("invalid_target", InvalidScope),
        ("server_error", TemporarilyUnavailable),
        ("temporarily_unavailable", TemporarilyUnavailable),
        ("unauthorized_client", ServerSaidNo),
        ("interaction_required", ServerSaidNo),
        ("", ServerSaidNo),
    ],
)
def test_an_error_is_told_in_our_words_and_the_servers(error: str, kind: type[HandstampError]) -> None:
    """A-92, TD7."""
    request = a_request()

    with pytest.raises(HandstampError) as raised:
        judged(request, state=request.state.reveal(), error=error, error_description="be\x1bcause", code="c0de")

    assert type(raised.value) is kind
    assert raised.value.message == f'auth.example answered the sign-in with {error} ("be\\x1bcause").'
    assert getattr(raised.value, "error", error) == error


@pytest.mark.parametrize("name", ["state", "code", "iss", "error", "error_description"])
def test_a_parameter_that_occurs_twice_is_refused(name: str) -> None:
    """TD8."""
    with pytest.raises(MalformedResponse, match=name):
        parse_authorization_response(f"{name}=a&{name}=a")


def test_unknown_parameters_may_occur_as_they_like() -> None:
    """A-90."""
    response = parse_authorization_response("session=1&session=2&code=c0de&code2=x")

    assert response.code == Secret("c0de")


@pytest.mark.parametrize("query", ["code=%ff", "&".join("a=1" for _ in range(300)), "code=" + "a" * 100_000, "state=\udc80"])
def test_a_hostile_query_is_a_typed_error(query: str) -> None:
    """A-92, TD9."""
    with pytest.raises(MalformedResponse):
        parse_authorization_response(query)


@pytest.mark.parametrize("query", ["", "?", "code", "code="])
def test_an_answer_of_another_shape_is_no_answer(query: str) -> None:
    """TD15: a form or a fragment leaves an empty query."""
    request = a_request()

    with pytest.raises(StateMismatch):
        judge_authorization_response(request, parse_authorization_response(query))


def test_our_state_without_code_or_error_is_malformed() -> None:
    """TD15."""
    request = a_request()

    with pytest.raises(MalformedResponse):
        judged(request, state=request.state.reveal(), access_token="implicit")


def test_a_response_does_not_show_its_secrets() -> None:
    """TC8."""
    shown = repr(parse_authorization_response("code=c0de-value&state=st4te-value&error_description=x"))

    assert "c0de-value" not in shown
    assert "st4te-value" not in shown


@pytest.mark.parametrize(
    "copied",
    [
        "127.0.0.1:41187/callback?code=a&state=b",
        "<http://127.0.0.1:41187/callback?code=a&state=b>",
        '"http://127.0.0.1:41187/callback?code=a&state=b"\n',
        "http://127.0.0.1:41187/callback?code=a\n  &state=b#",
    ],
)
def test_an_address_is_taken_as_terminals_chats_and_browsers_copy_it(copied: str) -> None:
    request = replace(a_request(), redirect_uri="http://127.0.0.1:41187/callback")

    assert find_answer(request, copied) == "code=a&state=b"


def test_an_address_at_the_port_of_http_is_taken_without_it() -> None:
    request = replace(a_request(), redirect_uri="http://127.0.0.1:80/callback")

    assert find_answer(request, "http://127.0.0.1/callback?code=a") == "code=a"
    assert find_answer(request, "http://127.0.0.1:81/callback?code=a") is None
