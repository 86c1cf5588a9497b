"""How we come by a client_id."""

import pytest

from handstamp.errors import (
    HandstampError,
    IssuerMismatch,
    MalformedResponse,
    RegistrationRejected,
    TemporarilyUnavailable,
    UsageError,
)
from handstamp.model import Registration, RegistrationKind, Secret
from handstamp.protocol.registration import ClientSettings, build_registration, choose_registration_kind, register_client
from handstamp.protocol.server import AuthorizationServer
from protocol.wire import (
    ISSUER,
    REDIRECT,
    Answer,
    Wire,
    a_server,
    headers_of,
    json_response,
    status_response,
    text_response,
)

DOCUMENT = "https://handstamp.example/client.json"
PRE_REGISTERED, METADATA_DOCUMENT, DYNAMIC = RegistrationKind
REGISTER = f"{ISSUER}/register"


def register(
    answer: Answer | list[Answer], *, server: AuthorizationServer | None = None, redirect_uri: str = REDIRECT
) -> tuple[Registration, Wire]:
    wire = Wire({REGISTER: answer})
    exchange = register_client(server or a_server(), redirect_uri=redirect_uri, scopes=("read", "write"))
    return wire.run(exchange), wire


def a_registered_client(**members: object) -> Answer:
    return json_response({"client_id": "client-1", **members}, 201)


@pytest.mark.parametrize("has_id", [True, False])
@pytest.mark.parametrize("document", ["configured and supported", "configured", "supported", "neither"])
@pytest.mark.parametrize("endpoint", [REGISTER, None])
def test_the_kinds_are_tried_in_order(has_id: bool, document: str, endpoint: str | None) -> None:
    """A-37, A-38, A-40 to A-42."""
    server = a_server(registration_endpoint=endpoint, client_id_metadata_document_supported="supported" in document)
    client = ClientSettings(client_id="mine" if has_id else None, client_id_url=DOCUMENT if "configured" in document else None)
    possible = [
        kind
        for kind, is_open in [
            (PRE_REGISTERED, has_id),
            (METADATA_DOCUMENT, document == "configured and supported"),
            (DYNAMIC, endpoint is not None),
        ]
        if is_open
    ]

    if possible:
        assert choose_registration_kind(server, client) is possible[0]
        return
    with pytest.raises(RegistrationRejected) as raised:
        choose_registration_kind(server, client)
    assert raised.value.hint is None
    assert "auth.example" in raised.value.message


def test_a_metadata_document_is_its_own_client_id() -> None:
    """A-39, A-44, A-47, A-53."""
    registration = build_registration(METADATA_DOCUMENT, a_server(), ClientSettings(client_id_url=DOCUMENT), REDIRECT)

    assert registration == Registration(ISSUER, METADATA_DOCUMENT, DOCUMENT, REDIRECT, "none")


def test_a_metadata_document_with_a_key_signs_every_call() -> None:
    """A-49, A-141."""
    client = ClientSettings(client_id_url=DOCUMENT, private_key_from="env:KEY", signing_algorithm="ES256")
    server = a_server(token_endpoint_auth_signing_alg_values_supported=("ES256",))

    registration = build_registration(METADATA_DOCUMENT, server, client, REDIRECT)

    assert registration == Registration(
        ISSUER,
        METADATA_DOCUMENT,
        DOCUMENT,
        REDIRECT,
        "private_key_jwt",
        private_key_from="env:KEY",
        signing_algorithm="ES256",
        signing_algorithms_supported=("ES256",),
    )


@pytest.mark.parametrize("url", ["https://x.example/c", "https://x.example:8443/a/c.json?v=1", "https://X.example/c.json"])
def test_a_good_document_address_is_kept_to_the_letter(url: str) -> None:
    """A-44, A-45, A-47."""
    assert build_registration(METADATA_DOCUMENT, a_server(), ClientSettings(client_id_url=url), REDIRECT).client_id == url


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example",
        "https://x.example/",
        "http://x.example/c.json",
        "http://127.0.0.1/c.json",
        "https://x.example/c.json#x",
        "https://me:secret@x.example/c.json",
        "https://x.example/a/../c.json",
        "https://x.example/%2e%2e/c.json",
        "x.example/c.json",
        "",
    ],
)
def test_a_bad_document_address_is_the_persons_error(url: str) -> None:
    """A-43 to A-45."""
    with pytest.raises(UsageError):
        build_registration(METADATA_DOCUMENT, a_server(), ClientSettings(client_id_url=url), REDIRECT)


def test_a_pre_registered_public_client_has_no_method() -> None:
    """A-41, 4.8."""
    registration = build_registration(PRE_REGISTERED, a_server(), ClientSettings(client_id="mine"), REDIRECT)

    assert registration == Registration(ISSUER, PRE_REGISTERED, "mine", REDIRECT, "none")


@pytest.mark.parametrize(
    ("supported", "method"), [(None, "client_secret_basic"), (("client_secret_post",), "client_secret_post")]
)
def test_a_pre_registered_secret_is_remembered_by_its_place(supported: tuple[str, ...] | None, method: str) -> None:
    """A-41, 4.8, W12: conformance auth/pre-registration."""
    client = ClientSettings(client_id="mine", client_secret_from="env:SECRET", issuer=ISSUER)

    registration = build_registration(PRE_REGISTERED, a_server(token_endpoint_auth_methods_supported=supported), client, REDIRECT)

    assert registration == Registration(ISSUER, PRE_REGISTERED, "mine", REDIRECT, method, client_secret_from="env:SECRET")


def test_a_pre_registered_client_goes_to_no_other_issuer() -> None:
    """A-59, A-60, A-62."""
    client = ClientSettings(client_id="mine", client_secret_from="env:SECRET", issuer=ISSUER)

    with pytest.raises(IssuerMismatch):
        build_registration(PRE_REGISTERED, a_server(issuer="https://evil.example"), client, REDIRECT)


@pytest.mark.parametrize("kind", RegistrationKind)
def test_a_kind_without_its_setting_is_an_error(kind: RegistrationKind) -> None:
    with pytest.raises(UsageError):
        build_registration(kind, a_server(), ClientSettings(), REDIRECT)


@pytest.mark.parametrize("redirect_uri", ["http://app.example/callback", "myapp://callback", "http://127.0.0.1/cb#x", ""])
def test_a_redirect_address_is_https_or_loopback(redirect_uri: str) -> None:
    """A-78, A-80."""
    with pytest.raises(UsageError):
        build_registration(PRE_REGISTERED, a_server(), ClientSettings(client_id="mine"), redirect_uri)
    with pytest.raises(UsageError):
        Wire().run(register_client(a_server(), redirect_uri=redirect_uri, scopes=()))


def test_a_registration_asks_for_a_native_public_client() -> None:
    """A-42, A-54, A-55, A-106."""
    registration, wire = register(a_registered_client(unknown=1))

    assert registration == Registration(ISSUER, DYNAMIC, "client-1", REDIRECT, "none", scopes=("read", "write"))
    [request] = wire.requests
    assert (request.method, request.url, request.form) == ("POST", REGISTER, None)
    assert headers_of(request) == {"accept": "application/json"}
    assert request.json == {
        "client_name": "Handstamp",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "scope": "read write",
    }


def test_a_web_redirect_makes_a_web_client() -> None:
    """A-55."""
    _, wire = register(a_registered_client(), redirect_uri="https://app.example/callback")

    assert (wire.requests[0].json or {})["application_type"] == "web"


def test_no_scope_is_sent_where_none_is_wanted() -> None:
    """A-70."""
    wire = Wire({REGISTER: a_registered_client()})

    wire.run(register_client(a_server(), redirect_uri=REDIRECT, scopes=()))

    assert "scope" not in (wire.requests[0].json or {})


@pytest.mark.parametrize(
    ("supported", "requested"),
    [
        (None, "none"),
        (("client_secret_basic", "none"), "none"),
        (("private_key_jwt",), "none"),
        ((), "none"),
        (("client_secret_basic", "client_secret_post"), "client_secret_basic"),
        (("client_secret_post",), "client_secret_post"),
    ],
)
def test_the_method_asked_for_is_one_that_the_server_lists(supported: tuple[str, ...] | None, requested: str) -> None:
    """A-95, 4.8: mcp's own server lists no `none`."""
    server = a_server(token_endpoint_auth_methods_supported=supported)

    registration, wire = register(a_registered_client(client_secret="given"), server=server)

    assert (wire.requests[0].json or {})["token_endpoint_auth_method"] == requested
    if requested != "none":
        assert registration.token_endpoint_auth_method == requested
        assert registration.client_secret == Secret("given")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_method_that_comes_back_is_honoured(method: str) -> None:
    """A-58."""
    registration, _ = register(
        a_registered_client(token_endpoint_auth_method=method, client_secret="given", client_secret_expires_at=2000)
    )

    assert registration.token_endpoint_auth_method == method
    assert registration.client_secret == Secret("given")
    assert registration.client_secret_expires_at == 2000
    assert registration.is_usable(1999)
    assert not registration.is_usable(2001)


def test_a_secret_for_a_public_client_is_not_kept() -> None:
    """A-58, TB14: authlib hands one out even for `none`."""
    registration, _ = register(a_registered_client(token_endpoint_auth_method="none", client_secret="given"))

    assert registration.token_endpoint_auth_method == "none"
    assert registration.client_secret is None


def test_a_secret_without_a_method_means_the_servers_default() -> None:
    """A-58, RFC 7591 §2."""
    registration, _ = register(a_registered_client(client_secret="given"))

    assert registration.token_endpoint_auth_method == "client_secret_basic"
    assert registration.client_secret == Secret("given")


@pytest.mark.parametrize(
    ("value", "expiry"),
    [
        (0, None),
        (None, None),
        ("2000", 2000.0),
        (2000.5, 2000.5),
        (-1, None),
        ("soon", None),
        (True, None),
        (10**30, None),
        ([], None),
    ],
)
def test_a_secrets_expiry_is_read_with_care(value: object, expiry: float | None) -> None:
    """A-58, TE21."""
    registration, _ = register(
        a_registered_client(
            token_endpoint_auth_method="client_secret_basic", client_secret="given", client_secret_expires_at=value
        )
    )

    assert registration.client_secret_expires_at == expiry


@pytest.mark.parametrize("status", [200, 201])
def test_both_statuses_of_success_will_do(status: int) -> None:
    registration, _ = register(json_response({"client_id": "client-1", "redirect_uris": [REDIRECT]}, status))

    assert registration.client_id == "client-1"


def test_a_refusal_carries_the_servers_code_and_words() -> None:
    """A-57."""
    refused = json_response({"error": "invalid_client_metadata", "error_description": "no \x1b[31mloopback"}, 400)

    with pytest.raises(RegistrationRejected) as raised:
        register(refused)

    assert raised.value.error == "invalid_client_metadata"
    assert raised.value.message == (
        'auth.example answered the client registration with invalid_client_metadata ("no \\x1b[31mloopback").'
    )
    assert raised.value.hint is None


def test_a_long_refusal_is_cut() -> None:
    """A-57, TH2."""
    with pytest.raises(RegistrationRejected) as raised:
        register(json_response({"error": "e" * 5000, "error_description": "d" * 5000}, 400))

    assert len(raised.value.message) < 500
    assert len(raised.value.error) == 100


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_refusal_without_a_reason_is_still_a_refusal(status: int) -> None:
    """A-56, A-57, TE5."""
    with pytest.raises(RegistrationRejected, match=str(status)):
        register(text_response("<html>no", "text/html", status))


def test_a_refusal_over_the_redirect_address_is_tried_once_as_the_other_type() -> None:
    """A-56, A-57."""
    refused = json_response({"error": "invalid_redirect_uri"}, 400)

    registration, wire = register([refused, a_registered_client()])

    assert registration.client_id == "client-1"
    assert [(request.json or {})["application_type"] for request in wire.requests] == ["native", "web"]


def test_a_second_refusal_over_the_redirect_address_is_the_last() -> None:
    """A-56, A-57."""
    refused = json_response({"error": "invalid_redirect_uri"}, 400)
    wire = Wire({REGISTER: [refused, refused]})

    with pytest.raises(RegistrationRejected):
        wire.run(register_client(a_server(), redirect_uri=REDIRECT, scopes=()))

    assert len(wire.requests) == 2


def test_a_refusal_over_the_metadata_is_tried_once_without_the_scopes() -> None:
    """A-56. oidc-provider knows no resource's scopes at its registration endpoint."""
    refused = json_response({"error": "invalid_client_metadata"}, 400)

    registration, wire = register([refused, a_registered_client()])

    assert registration.client_id == "client-1"
    assert [(request.json or {}).get("scope") for request in wire.requests] == ["read write", None]


def test_a_server_that_refuses_everything_is_asked_three_times() -> None:
    """A-56, A-57."""
    refusals: list[Answer] = [
        json_response({"error": error}, 400)
        for error in ("invalid_redirect_uri", "invalid_client_metadata", "invalid_redirect_uri", "too many")
    ]
    wire = Wire({REGISTER: refusals})

    with pytest.raises(RegistrationRejected, match="invalid_redirect_uri"):
        wire.run(register_client(a_server(), redirect_uri=REDIRECT, scopes=("read",)))

    assert [((request.json or {})["application_type"], (request.json or {}).get("scope")) for request in wire.requests] == [
        ("native", "read"),
        ("web", "read"),
        ("web", None),
    ]


@pytest.mark.parametrize(
    ("redirect_uri", "error"), [("https://app.example/callback", "invalid_redirect_uri"), (REDIRECT, "invalid_client_metadata")]
)
def test_another_type_is_not_tried_where_it_cannot_help(redirect_uri: str, error: str) -> None:
    """A-57."""
    wire = Wire({REGISTER: json_response({"error": error}, 400)})

    with pytest.raises(RegistrationRejected):
        wire.run(register_client(a_server(), redirect_uri=redirect_uri, scopes=()))

    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status_response(503), TemporarilyUnavailable),
        (status_response(429), TemporarilyUnavailable),
        (status_response(307, ("location", "https://evil.example/register")), MalformedResponse),
        (text_response("<html>", "text/html"), MalformedResponse),
    ],
)
def test_what_is_no_decision_is_no_refusal(answer: Answer, error: type[HandstampError]) -> None:
    """TE1, TE5."""
    with pytest.raises(error):
        register(answer)


def test_a_server_without_an_endpoint_registers_nobody() -> None:
    """A-38."""
    with pytest.raises(RegistrationRejected):
        register(a_registered_client(), server=a_server(registration_endpoint=None))
