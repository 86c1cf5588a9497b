"""Authorization server metadata: where it is looked for, and which document may be used."""

from collections.abc import Mapping

import pytest

from handstamp.errors import DiscoveryFailed, InsecureUrl, PkceUnsupported, TemporarilyUnavailable, TimedOut
from handstamp.protocol.exchange import Response
from handstamp.protocol.server import AuthorizationServer, find_authorization_server, require_pkce
from protocol.wire import ISSUER, SERVER, Wire, a_server, answer, headers_of, json_response, status_response

RFC_8414 = f"{ISSUER}/.well-known/oauth-authorization-server"
OPENID = f"{ISSUER}/.well-known/openid-configuration"


def members(issuer: str = ISSUER, **changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "issuer": issuer,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
    }
    return plain | changes


def a_document(issuer: str = ISSUER, **changes: object) -> Response:
    return json_response(members(issuer, **changes))


def find(document: Mapping[str, object], *, near: str = SERVER) -> AuthorizationServer:
    server, _ = answer(find_authorization_server(ISSUER, near=near), {RFC_8414: json_response(document)})
    return server


@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        (ISSUER, [RFC_8414, OPENID]),
        (ISSUER + "/", [RFC_8414, OPENID]),
        (
            ISSUER + "/tenant1",
            [RFC_8414 + "/tenant1", OPENID + "/tenant1", f"{ISSUER}/tenant1/.well-known/openid-configuration"],
        ),
        (
            ISSUER + "/api/auth/",
            [RFC_8414 + "/api/auth", OPENID + "/api/auth", f"{ISSUER}/api/auth/.well-known/openid-configuration"],
        ),
        (
            "https://auth.example:8443",
            [
                "https://auth.example:8443/.well-known/oauth-authorization-server",
                "https://auth.example:8443/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_metadata_is_looked_for_in_the_order_of_the_specification_and_nowhere_else(issuer: str, urls: list[str]) -> None:
    """A-20, A-22 to A-25, A-28: the root of a path issuer is a trap (conformance auth/metadata-var2, -var3)."""
    wire = Wire()

    with pytest.raises(DiscoveryFailed) as raised:
        wire.run(find_authorization_server(issuer, near=SERVER))

    assert wire.urls == urls
    assert [line.split(": ")[0] for line in raised.value.tried] == urls
    assert issuer in raised.value.message
    assert headers_of(wire.requests[0])["mcp-protocol-version"] == "2026-07-28"


@pytest.mark.parametrize("address", [RFC_8414, OPENID])
def test_each_kind_of_document_will_do(address: str) -> None:
    """A-22: conformance auth/metadata-var1."""
    server, _ = answer(find_authorization_server(ISSUER, near=SERVER), {address: a_document()})

    assert server == AuthorizationServer(ISSUER, f"{ISSUER}/authorize", f"{ISSUER}/token")


def test_all_that_matters_is_read_and_the_rest_ignored() -> None:
    """A-29, A-33, A-83."""
    server = find(
        members(
            registration_endpoint=f"{ISSUER}/register",
            revocation_endpoint="https://other.example/revoke",
            jwks_uri="http://169.254.169.254/",
            scopes_supported=["read", "offline_access"],
            code_challenge_methods_supported=["plain", "S256"],
            token_endpoint_auth_methods_supported=["none"],
            grant_types_supported=["authorization_code"],
            client_id_metadata_document_supported=True,
            authorization_response_iss_parameter_supported=True,
        )
    )

    assert server == AuthorizationServer(
        issuer=ISSUER,
        authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token",
        registration_endpoint=f"{ISSUER}/register",
        revocation_endpoint="https://other.example/revoke",
        scopes_supported=("read", "offline_access"),
        code_challenge_methods_supported=("plain", "S256"),
        token_endpoint_auth_methods_supported=("none",),
        client_id_metadata_document_supported=True,
        authorization_response_iss_parameter_supported=True,
    )


@pytest.mark.parametrize("value", [None, "true", 1, "S256", {"S256": True}, [1]])
def test_a_member_of_the_wrong_type_counts_as_absent(value: object) -> None:
    """A-12, A-33."""
    server = find(
        members(
            code_challenge_methods_supported=value,
            token_endpoint_auth_methods_supported=value,
            scopes_supported=value,
            client_id_metadata_document_supported=value,
            authorization_response_iss_parameter_supported=value,
        )
    )

    assert server == AuthorizationServer(ISSUER, f"{ISSUER}/authorize", f"{ISSUER}/token")


def test_a_trailing_slash_in_the_issuer_is_part_of_it() -> None:
    """A-26: the TypeScript SDK and fastmcp have issuers with a slash."""
    server, _ = answer(find_authorization_server(ISSUER + "/", near=SERVER), {RFC_8414: a_document(ISSUER + "/")})

    assert server.issuer == ISSUER + "/"


def test_a_mismatch_does_not_end_the_search() -> None:
    """4.2: a root document of another issuer before the right one."""
    path_issuer = ISSUER + "/o"
    wire = Wire(
        {
            RFC_8414 + "/o": a_document(ISSUER),
            f"{path_issuer}/.well-known/openid-configuration": a_document(path_issuer),
        }
    )

    server = wire.run(find_authorization_server(path_issuer, near=SERVER))

    assert server.issuer == path_issuer
    assert len(wire.requests) == 3


def test_a_time_out_is_not_a_not_found() -> None:
    """4.2, TA19."""
    with pytest.raises(TimedOut):
        answer(find_authorization_server(ISSUER, near=SERVER), {RFC_8414: TimedOut("late")})


def test_a_503_is_not_a_not_found() -> None:
    """4.2, TA19."""
    with pytest.raises(TemporarilyUnavailable):
        answer(find_authorization_server(ISSUER, near=SERVER), {RFC_8414: status_response(503)})


def test_a_503_at_the_first_address_does_not_hide_the_second() -> None:
    """4.2."""
    server, _ = answer(find_authorization_server(ISSUER, near=SERVER), {RFC_8414: status_response(503), OPENID: a_document()})

    assert server.issuer == ISSUER


@pytest.mark.parametrize(
    "issuer",
    [
        "http://auth.example",
        "http://localhost:9000",
        f"{ISSUER}?tenant=1",
        f"{ISSUER}?",
        f"{ISSUER}#x",
        "https://me@auth.example",
        "https://auth.example/a/../b",
        "javascript:alert(1)",
        "auth.example",
        "",
    ],
)
def test_an_issuer_that_is_no_plain_https_url_is_never_asked(issuer: str) -> None:
    """A-27, A-119, TA11, TA12, TB22."""
    wire = Wire()

    with pytest.raises(InsecureUrl):
        wire.run(find_authorization_server(issuer, near=SERVER))

    assert wire.requests == []


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"])
@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example/x",
        "http://127.0.0.1:8000/x",
        "javascript:alert(1)",
        "https://accounts.example@evil.example/x",
        "https://auth.example/x#y",
        "https://auth.example/$(id)\n",
        "/relative",
        ["https://auth.example/x"],
        "https://auth.example/" + "a" * 5000,
    ],
)
def test_a_document_with_one_insecure_endpoint_is_not_used(endpoint: str, url: object) -> None:
    """A-29, A-78, A-127, TA11, TA12, TC1, TC2, TC5, TC6."""
    with pytest.raises(DiscoveryFailed) as raised:
        find(members() | {endpoint: url})

    assert endpoint in raised.value.tried[0]
    assert all(line.isprintable() for line in raised.value.tried)


@pytest.mark.parametrize("endpoint", ["issuer", "authorization_endpoint", "token_endpoint"])
def test_a_document_without_what_a_login_needs_is_not_used(endpoint: str) -> None:
    """A-29."""
    with pytest.raises(DiscoveryFailed):
        find(members() | {endpoint: None})


def test_scopes_are_bounded() -> None:
    """TB23."""
    assert len(find(members(scopes_supported=[f"s{n}" for n in range(10_000)])).scopes_supported) == 2000


@pytest.mark.parametrize(
    ("authorization_endpoint", "token_endpoint", "elsewhere"),
    [
        (f"{ISSUER}/authorize", f"{ISSUER}/token", False),
        ("https://accounts.example/authorize", "https://accounts.example/token", False),
        (f"{ISSUER}/authorize", "https://api.example/token", False),
        ("https://accounts.example/authorize", f"{ISSUER}/token", True),
    ],
)
def test_a_sign_in_page_that_belongs_to_nobody_is_told(authorization_endpoint: str, token_endpoint: str, elsewhere: bool) -> None:
    """4.3, TB6."""
    server = a_server(authorization_endpoint=authorization_endpoint, token_endpoint=token_endpoint)

    assert server.authorizes_elsewhere is elsewhere


@pytest.mark.parametrize(
    ("advertised", "stated"), [(("S256",), None), (("plain", "S256"), None), (None, ("S256",)), (("S256",), ("plain",))]
)
def test_pkce_with_s256_is_enough(advertised: tuple[str, ...] | None, stated: tuple[str, ...] | None) -> None:
    """A-32, 4.4."""
    require_pkce(a_server(code_challenge_methods_supported=advertised), stated)


@pytest.mark.parametrize(
    ("advertised", "stated"), [(("plain",), None), ((), None), (("s256",), None), (("plain",), ("S256",)), (None, ("plain",))]
)
def test_a_list_without_s256_is_refused(advertised: tuple[str, ...] | None, stated: tuple[str, ...] | None) -> None:
    """A-35, TB13, 4.4: only what is missing may be stated."""
    with pytest.raises(PkceUnsupported):
        require_pkce(a_server(code_challenge_methods_supported=advertised), stated)


def test_a_silent_server_is_refused_with_the_line_that_helps() -> None:
    """A-20, A-33, A-34, 4.4."""
    with pytest.raises(PkceUnsupported) as raised:
        require_pkce(a_server(code_challenge_methods_supported=None), None)

    assert 'code_challenge_methods_supported = ["S256"]' in raised.value.message
    assert "servers.toml" in raised.value.message
