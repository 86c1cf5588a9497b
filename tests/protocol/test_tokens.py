"""The token endpoint: what is sent, and what each answer means."""

import json
from base64 import urlsafe_b64encode

import pytest

from handstamp.errors import (
    AccessDenied,
    HandstampError,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    IssuerMismatch,
    LoginRequired,
    MalformedResponse,
    ServerSaidNo,
    TemporarilyUnavailable,
    TimedOut,
)
from handstamp.model import Grant, Registration, Secret, Token
from handstamp.protocol.authorization import AuthorizationRequest
from handstamp.protocol.client_auth import NO_CREDENTIALS, Credentials
from handstamp.protocol.exchange import Purpose, Request, Response
from handstamp.protocol.tokens import TokenResponse, exchange_code, refresh_token, revoke_token
from protocol.wire import (
    ISSUER,
    REDIRECT,
    SERVER,
    Answer,
    Wire,
    a_grant,
    a_registration,
    form_of,
    headers_of,
    json_response,
    status_response,
    text_response,
)

TOKEN = f"{ISSUER}/token"
REVOKE = f"{ISSUER}/revoke"
SECRETS = ("c0de-value", "verifier-value", "old-refresh-token", "old-access", "client-secret-value")
REQUEST = AuthorizationRequest(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/authorize",
    client_id="client-1",
    redirect_uri=REDIRECT,
    resource=SERVER,
    scopes=("read",),
    state=Secret("state-value"),
    code_verifier=Secret("verifier-value"),
    iss_expected=False,
)


def exchange(
    answer: Answer, registration: Registration | None = None, secret: Secret | None = None
) -> tuple[TokenResponse, Request]:
    wire = Wire({TOKEN: answer})
    response = wire.run(
        exchange_code(
            token_endpoint=TOKEN,
            registration=registration or a_registration(),
            credentials=Credentials(secret),
            request=REQUEST,
            code=Secret("c0de-value"),
        )
    )
    [request] = wire.requests
    return response, request


def refresh(answer: Answer, grant: Grant | None = None, secret: Secret | None = None) -> tuple[TokenResponse, Request]:
    wire = Wire({TOKEN: answer})
    response = wire.run(refresh_token(grant or a_grant(), Credentials(secret)))
    [request] = wire.requests
    return response, request


def revoke(answer: Answer, grant: Grant | None = None, secret: Secret | None = None) -> Request:
    wire = Wire({REVOKE: answer})
    wire.run(revoke_token(grant or a_grant(), Credentials(secret)))
    [request] = wire.requests
    return request


def a_token(**members: object) -> Response:
    return json_response({"access_token": "new-access", "token_type": "Bearer", **members})


def an_id_token(claims: object) -> str:
    def part(value: object) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.c2ln"


def test_a_code_is_exchanged_with_its_verifier_and_resource() -> None:
    """A-30, A-64, A-66, A-93, A-94."""
    _, request = exchange(a_token())

    assert (request.method, request.url, request.purpose, request.json) == ("POST", TOKEN, Purpose.TOKEN, None)
    assert headers_of(request) == {"accept": "application/json"}
    assert form_of(request) == {
        "grant_type": "authorization_code",
        "code": "c0de-value",
        "redirect_uri": REDIRECT,
        "code_verifier": "verifier-value",
        "resource": SERVER,
        "client_id": "client-1",
    }
    assert not request.may_redirect


def test_a_refresh_sends_the_resource_and_never_a_scope() -> None:
    """A-64, A-109, A-110: oidc-provider forgets the resource of a refresh that does not name it."""
    _, request = refresh(a_token())

    assert form_of(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "old-refresh-token",
        "resource": SERVER,
        "client_id": "client-1",
    }


def test_no_secret_shows_in_the_repr_of_a_request() -> None:
    """A-105, TH5."""
    _, request = exchange(
        a_token(), a_registration(token_endpoint_auth_method="client_secret_post"), Secret("client-secret-value")
    )

    assert not any(secret in repr(request) for secret in SECRETS)


def test_a_configured_secret_goes_where_the_registration_says() -> None:
    """A-93, A-95."""
    registration = a_registration(token_endpoint_auth_method="client_secret_basic")

    _, exchanged = exchange(a_token(), registration, Secret("client-secret-value"))
    _, refreshed = refresh(a_token(), a_grant(registration=registration), Secret("client-secret-value"))
    revoked = revoke(status_response(200), a_grant(registration=registration), Secret("client-secret-value"))

    for request in (exchanged, refreshed, revoked):
        assert headers_of(request)["authorization"].startswith("Basic ")
        assert form_of(request)["client_id"] == "client-1"
        assert "client_secret" not in form_of(request)


def test_a_whole_answer_is_read() -> None:
    """A-96."""
    response, _ = exchange(a_token(expires_in=3600, refresh_token="new-refresh", scope="read write", resource=SERVER, more=[1]))

    assert response == TokenResponse(
        Token(Secret("new-access"), 1000.0, 4600.0, Secret("new-refresh"), "Bearer"), ("read", "write"), None, (SERVER,)
    )


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER"])
def test_the_token_type_is_read_in_any_case(token_type: str) -> None:
    """A-96: workers-oauth-provider writes it in lower case."""
    response, _ = exchange(a_token(token_type=token_type))

    assert response.token.token_type == "Bearer"


def test_a_form_is_read_as_well_as_json() -> None:
    """GitHub's token endpoint, were it not for the Accept header."""
    body = "access_token=new-access&token_type=bearer&expires_in=3600&scope=repo%20gist&refresh_token="

    response, _ = exchange(text_response(body, "application/x-www-form-urlencoded; charset=utf-8"))

    assert response.token == Token(Secret("new-access"), 1000.0, 4600.0)
    assert response.scopes == ("repo", "gist")


@pytest.mark.parametrize("media_type", ["text/html", "text/plain", "", "application/x-www-form-urlencoded"])
def test_json_is_known_by_its_first_byte(media_type: str) -> None:
    """django-oauth-toolkit sends JSON as text/html."""
    response, _ = exchange(text_response('{"access_token": "new-access", "token_type": "bearer"}', media_type))

    assert response.token.access_token == Secret("new-access")


@pytest.mark.parametrize(
    ("expires_in", "expires_at"),
    [
        (3600, 4600.0),
        ("3600", 4600.0),
        (3600.0, 4600.0),
        (0.5, 1000.5),
        (None, None),
        (-1, None),
        (0, None),
        (1e-99, None),
        ("-1", None),
        ("1e3", None),
        ("", None),
        ("٣", None),
        (True, None),
        ([3600], None),
        (10**30, None),
        (10**11, None),
        ("9" * 5000, None),
    ],
)
def test_a_lifetime_counts_from_when_the_request_left(expires_in: object, expires_at: float | None) -> None:
    """A-96, TE4."""
    response, _ = exchange(a_token(expires_in=expires_in))

    assert response.token.expires_at == expires_at
    assert response.token.obtained_at == 1000.0


def test_an_infinite_lifetime_is_an_unknown_one() -> None:
    """TE4: json reads 1e999 as infinity."""
    response, _ = exchange(
        text_response('{"access_token": "a", "token_type": "bearer", "expires_in": 1e999}', "application/json")
    )

    assert response.token.expires_at is None


def test_what_is_not_json_at_all_is_no_lifetime_either() -> None:
    """TE4, TA16."""
    with pytest.raises(MalformedResponse):
        exchange(text_response('{"access_token": "a", "token_type": "bearer", "expires_in": NaN}', "application/json"))


@pytest.mark.parametrize("members", [{}, {"refresh_token": None}, {"refresh_token": ""}])
def test_a_refresh_that_gives_no_refresh_token_keeps_the_old_one(members: dict[str, object]) -> None:
    """A-107, TE6, RFC 6749 §6."""
    response, _ = refresh(a_token(**members))

    assert response.token.refresh_token == Secret("old-refresh-token")


def test_a_rotated_refresh_token_replaces_the_old_one() -> None:
    """A-108."""
    response, _ = refresh(a_token(refresh_token="new-refresh"))

    assert response.token.refresh_token == Secret("new-refresh")


def test_a_login_that_gives_no_refresh_token_has_none() -> None:
    """A-107."""
    response, _ = exchange(a_token())

    assert response.token.refresh_token is None


@pytest.mark.parametrize(
    ("members", "scopes"),
    [
        ({}, None),
        ({"scope": None}, None),
        ({"scope": ""}, ()),
        ({"scope": "read admin"}, ("read", "admin")),
        ({"scope": ["read"]}, None),
    ],
)
def test_the_scopes_are_what_the_server_says(members: dict[str, object], scopes: tuple[str, ...] | None) -> None:
    """A-96, TE7, 4.9."""
    response, _ = exchange(a_token(**members))

    assert response.scopes == scopes


@pytest.mark.parametrize(
    ("claims", "identity"),
    [
        ({"sub": "42", "email": "me@example.com", "name": "Me"}, "me@example.com"),
        ({"sub": "42", "preferred_username": "me", "name": "Me"}, "me"),
        ({"sub": "42", "name": "Me"}, "Me"),
        ({"sub": "42", "email": ""}, "42"),
        ({"email": ["a"], "sub": 42}, None),
        ({"email": "a\x1b[31m\u202e"}, "a\\x1b[31m\\u202e"),
        ({"email": "a" * 500}, "a" * 99 + "…"),
        ([], None),
    ],
)
def test_an_id_token_tells_who_you_are(claims: object, identity: str | None) -> None:
    """TD4, TH1, TH2."""
    response, _ = exchange(a_token(id_token=an_id_token(claims)))

    assert response.identity == identity


@pytest.mark.parametrize(
    "id_token",
    ["", "a.b", "a.!.c", "a.\u00fc.c", "a.b.c.d", 7, None, an_id_token({"sub": "me", "pad": "a" * 100_000}), "a.eyJ.c"],
)
def test_an_id_token_that_cannot_be_read_tells_nothing(id_token: object) -> None:
    response, _ = exchange(a_token(id_token=id_token))

    assert response.identity is None


@pytest.mark.parametrize(
    "members",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "a\x00"},
        {"access_token": "tokén"},
        {"access_token": "a" * 100_000},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": "DPoP"},
        {"token_type": "N_A"},
        {"token_type": ["Bearer"]},
        {"refresh_token": 7},
        {"refresh_token": ["a"]},
        {"refresh_token": "a" * 100_000},
    ],
)
def test_a_token_that_cannot_be_used_is_refused(members: dict[str, object]) -> None:
    """TE3."""
    with pytest.raises(MalformedResponse) as raised:
        exchange(a_token(**members))

    assert raised.value.message.isprintable()
    assert "X-Evil" not in raised.value.message


def test_a_token_with_a_colon_is_fine() -> None:
    """workers-oauth-provider: user:grant:secret."""
    response, _ = exchange(a_token(access_token="user:grant:secret/+=~!"))

    assert response.token.access_token == Secret("user:grant:secret/+=~!")


@pytest.mark.parametrize("status", [200, 400, 401, 403])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_grant", InvalidGrant),
        ("invalid_client", InvalidClient),
        ("unauthorized_client", InvalidClient),
        ("invalid_scope", InvalidScope),
        ("invalid_target", InvalidScope),
        ("access_denied", AccessDenied),
        ("invalid_request", ServerSaidNo),
        ("unsupported_grant_type", ServerSaidNo),
        ("use_dpop_nonce", ServerSaidNo),
        ("bad_refresh_token", InvalidGrant),
        ("bad_verification_code", InvalidGrant),
        ("incorrect_client_credentials", InvalidClient),
    ],
)
def test_an_error_means_the_same_whatever_its_status(status: int, error: str, kind: type[ServerSaidNo]) -> None:
    """TE5: fastmcp answers invalid_grant with 401, GitHub with 200."""
    with pytest.raises(ServerSaidNo) as raised:
        refresh(json_response({"error": error, "error_description": "be\x1bcause"}, status))

    assert type(raised.value) is kind
    assert raised.value.error == error
    assert raised.value.message == f'auth.example answered the token request with {error} ("be\\x1bcause").'


def test_an_error_beside_a_token_is_an_error() -> None:
    """TE5."""
    with pytest.raises(InvalidGrant):
        refresh(a_token(error="invalid_grant"))


@pytest.mark.parametrize("error", [None, ""])
def test_an_empty_error_beside_a_token_is_none(error: object) -> None:
    response, _ = refresh(a_token(error=error))

    assert response.token.access_token == Secret("new-access")


def test_an_error_is_read_from_a_form_and_from_json_called_html() -> None:
    """django-oauth-toolkit, GitHub."""
    with pytest.raises(InvalidScope):
        refresh(text_response('{"error": "invalid_target"}', "text/html", 400))
    with pytest.raises(InvalidGrant):
        refresh(text_response("error=bad_refresh_token&error_description=x", "application/x-www-form-urlencoded"))


def test_a_secret_that_the_server_quotes_back_is_hidden() -> None:
    """TF13, TH5."""
    description = "refresh token old-refresh-token is unknown"

    with pytest.raises(InvalidGrant) as raised:
        refresh(json_response({"error": "invalid_grant", "error_description": description}, 400))

    assert "old-refresh-token" not in raised.value.message
    assert "refresh token *** is unknown" in raised.value.message


@pytest.mark.parametrize(
    ("members", "status"),
    [({"error": "old-refresh-token"}, 400), ({"access_token": "a", "token_type": "old-refresh-token"}, 200)],
)
def test_a_secret_that_the_server_puts_where_none_belongs_is_hidden_too(members: dict[str, str], status: int) -> None:
    """TF13, TH5."""
    with pytest.raises((ServerSaidNo, MalformedResponse)) as raised:
        refresh(json_response(members, status))

    assert "old-refresh-token" not in raised.value.message
    assert "***" in raised.value.message
    assert "old-refresh-token" not in getattr(raised.value, "error", "")


def test_a_hostile_error_is_short_and_printable() -> None:
    """TH1, TH2."""
    with pytest.raises(ServerSaidNo) as raised:
        refresh(json_response({"error": "\x1b]0;x" + "e" * 5000, "error_description": "d\n" * 5000}, 400))

    assert raised.value.message.isprintable()
    assert raised.value.error.isprintable()
    assert len(raised.value.message) < 500


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
def test_no_answer_for_now_is_no_refusal(status: int) -> None:
    """TE5, TE14, decision 10: even if a proxy's error page quotes one."""
    with pytest.raises(TemporarilyUnavailable) as raised:
        refresh(json_response({"error": "invalid_grant"}, status))

    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    ("status", "maybe"), [(429, False), (503, False), (500, True), (502, True), (504, True)], ids=lambda value: str(value)
)
def test_whether_an_unavailable_server_may_have_done_it_all_the_same(status: int, maybe: bool) -> None:
    """TE12: a gateway gives up on a server that has rotated the refresh token."""
    with pytest.raises(TemporarilyUnavailable) as raised:
        refresh(json_response({}, status))

    assert raised.value.maybe_done is maybe


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_a_transient_error_with_a_400_is_transient(error: str) -> None:
    with pytest.raises(TemporarilyUnavailable):
        refresh(json_response({"error": error}, 400))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1000000000", 3600.0),
        ("9" * 500, 3600.0),
        ("Thu, 01 Jan 1970 00:17:10 GMT", 30.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_read_and_capped(value: str, seconds: float | None) -> None:
    """TA18."""
    with pytest.raises(TemporarilyUnavailable) as raised:
        refresh(status_response(503, ("retry-after", value)))

    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_never_followed(status: int) -> None:
    """TE1, TE2."""
    with pytest.raises(MalformedResponse, match="redirect"):
        refresh(status_response(status, ("location", "https://evil.example/token")))


@pytest.mark.parametrize(
    "answer",
    [
        status_response(200),
        status_response(204),
        text_response("<html>Sign in", "text/html"),
        text_response("new-access", "text/plain"),
        text_response("[]", "application/json"),
        text_response('{"access_token": "a", "access_token": "b", "token_type": "bearer"}', "application/json"),
        text_response("access_token=a&access_token=b&token_type=bearer", "application/x-www-form-urlencoded"),
        status_response(400),
        text_response("<html>", "text/html", 404),
        json_response({"detail": "no"}, 400),
        json_response({"error": {"code": 7}}, 400),
        json_response({"access_token": "a", "token_type": "bearer"}, 400),
    ],
)
def test_what_is_no_answer_of_a_token_endpoint_is_malformed(answer: Response) -> None:
    """TE5."""
    with pytest.raises(MalformedResponse):
        refresh(answer)


def test_a_web_page_in_place_of_a_token_is_called_one() -> None:
    """TE5."""
    with pytest.raises(MalformedResponse, match="an HTML page"):
        refresh(text_response("<html>Sign in", "text/html"))


def test_a_time_out_goes_through_untouched() -> None:
    """Decision 10."""
    late = TimedOut("late")

    with pytest.raises(TimedOut) as raised:
        refresh(late)

    assert raised.value is late


def test_a_grant_without_a_refresh_token_asks_for_a_person() -> None:
    """A-107."""
    wire = Wire()

    with pytest.raises(LoginRequired):
        wire.run(refresh_token(a_grant(token=Token(Secret("old-access"), 0.0)), NO_CREDENTIALS))

    assert wire.requests == []


def test_nothing_is_sent_with_a_registration_of_another_issuer() -> None:
    """A-60, A-63, A-89, A-110, TB11."""
    wire = Wire()
    foreign = a_registration(issuer="https://other.example")

    with pytest.raises(IssuerMismatch):
        wire.run(refresh_token(a_grant(registration=foreign), NO_CREDENTIALS))
    with pytest.raises(IssuerMismatch):
        wire.run(revoke_token(a_grant(registration=foreign), NO_CREDENTIALS))
    with pytest.raises(IssuerMismatch):
        wire.run(
            exchange_code(
                token_endpoint=TOKEN, registration=foreign, credentials=NO_CREDENTIALS, request=REQUEST, code=Secret("c0de-value")
            )
        )

    assert wire.requests == []


def test_a_revocation_ends_the_refresh_token() -> None:
    """RFC 7009 §2.1."""
    request = revoke(status_response(200))

    assert (request.method, request.url, request.purpose) == ("POST", REVOKE, Purpose.REVOCATION)
    assert form_of(request) == {"token": "old-refresh-token", "token_type_hint": "refresh_token", "client_id": "client-1"}
    assert headers_of(request) == {"accept": "application/json"}


def test_a_revocation_without_a_refresh_token_ends_the_access_token() -> None:
    """RFC 7009 §2.1."""
    request = revoke(status_response(204), a_grant(token=Token(Secret("old-access"), 0.0)))

    assert form_of(request) == {"token": "old-access", "token_type_hint": "access_token", "client_id": "client-1"}


@pytest.mark.parametrize("answer", [text_response("", "application/json"), text_response("OK", "text/html")])
def test_the_body_of_a_revocation_does_not_matter(answer: Response) -> None:
    """RFC 7009 §2.2: better-auth sends JSON without a byte in it."""
    assert revoke(answer).url == REVOKE


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (json_response({"error": "unsupported_token_type"}, 400), ServerSaidNo),
        (json_response({"error": "invalid_client"}, 401), InvalidClient),
        (json_response({"detail": "client_secret: Field required"}, 400), MalformedResponse),
        (status_response(503), TemporarilyUnavailable),
        (status_response(307, ("location", "https://evil.example")), MalformedResponse),
    ],
)
def test_a_revocation_that_fails_says_how(answer: Response, kind: type[HandstampError]) -> None:
    """TE1, TE23: mcp's own server wants a secret from a public client."""
    with pytest.raises(kind):
        revoke(answer)


def test_a_server_without_revocation_is_told_apart() -> None:
    """TE23."""
    wire = Wire()

    with pytest.raises(ServerSaidNo, match="no way to revoke"):
        wire.run(revoke_token(a_grant(revocation_endpoint=None), NO_CREDENTIALS))

    assert wire.requests == []
