"""Servers of 2025-03-26: when one is taken for such a server, and whose issuer it may be."""

import pytest

from handstamp.errors import DiscoveryFailed, HandstampError, IssuerMismatch, MalformedResponse, TimedOut
from handstamp.protocol.discovery import Discovered, discover
from handstamp.protocol.older import find_older_server
from handstamp.protocol.server import require_pkce
from protocol.wire import ISSUER, NOT_FOUND, SERVER, Answer, Wire, headers_of, json_response, status_response, text_response

ORIGIN = "https://mcp.example"
PATH = f"{ORIGIN}/.well-known/oauth-protected-resource/mcp"
ROOT = f"{ORIGIN}/.well-known/oauth-protected-resource"
METADATA = f"{ORIGIN}/.well-known/oauth-authorization-server"
UNAUTHORIZED = status_response(401, ("www-authenticate", 'Bearer scope="read"'))
A_WEB_PAGE = text_response("<!doctype html><title>App</title>", "text/html")


def a_document(issuer: str = ORIGIN, **members: object) -> Answer:
    endpoints = {"authorization_endpoint": f"{ORIGIN}/oauth/authorize", "token_endpoint": f"{ORIGIN}/oauth/token"}
    return json_response({"issuer": issuer, **endpoints, **members})


def find(answers: dict[str, Answer], *, server: Answer = UNAUTHORIZED, issuer: str | None = None) -> tuple[Discovered, Wire]:
    wire = Wire({SERVER: server, **answers})
    found = wire.run(discover(SERVER, headers=(), issuer=issuer, older=True))
    assert found is not None
    return found, wire


def refuse(answers: dict[str, Answer], *, server: Answer = UNAUTHORIZED) -> tuple[HandstampError, Wire]:
    wire = Wire({SERVER: server, **answers})
    with pytest.raises(HandstampError) as raised:
        wire.run(discover(SERVER, headers=(), issuer=None, older=True))
    return raised.value, wire


def test_metadata_lies_at_the_root_of_the_servers_origin() -> None:
    """A-167, A-169: conformance auth/2025-03-26-oauth-metadata-backcompat."""
    found, wire = find({METADATA: a_document()})

    assert found.is_older
    assert found.server.token_endpoint == f"{ORIGIN}/oauth/token"
    assert (found.resource.resource, found.resource.authorization_servers) == (SERVER, (ORIGIN,))
    assert wire.urls == [SERVER, PATH, ROOT, METADATA]
    versions = [headers_of(request).get("mcp-protocol-version") for request in wire.requests]
    assert versions == [None, "2026-07-28", "2026-07-28", "2025-03-26"]


@pytest.mark.parametrize("status", [404, 410])
def test_without_metadata_the_endpoints_have_default_names(status: int) -> None:
    """A-168, 4.4: conformance auth/2025-03-26-oauth-endpoint-fallback."""
    nothing = status_response(status)

    found, wire = find({PATH: nothing, ROOT: nothing, METADATA: nothing})

    server = found.server
    require_pkce(server, None)
    assert server.issuer == ORIGIN
    assert [server.authorization_endpoint, server.token_endpoint, server.registration_endpoint] == [
        f"{ORIGIN}/authorize",
        f"{ORIGIN}/token",
        f"{ORIGIN}/register",
    ]
    assert len(wire.requests) == 4


@pytest.mark.parametrize(
    ("server", "origin"),
    [("https://mcp.example:8443/a/b?t=1", "https://mcp.example:8443"), ("http://127.0.0.1:8000/mcp", "http://127.0.0.1:8000")],
)
def test_path_and_query_of_the_server_are_discarded(server: str, origin: str) -> None:
    """A-167, A-168."""
    wire = Wire()

    found = wire.run(find_older_server(server))

    assert wire.urls == [f"{origin}/.well-known/oauth-authorization-server"]
    assert found.token_endpoint == f"{origin}/token"


@pytest.mark.parametrize(
    "claimed",
    [ISSUER, "https://mcp.example.evil.example", f"{ORIGIN}/mcp", f"{ORIGIN}//", f"{ORIGIN}:443", "https://MCP.example"],
)
def test_a_server_that_claims_another_issuer_is_refused(claimed: str) -> None:
    """A-170, TB1: CVE-2026-115563, metadata of the real issuer with a token endpoint of its own."""
    error, wire = refuse({METADATA: a_document(claimed)})

    assert isinstance(error, IssuerMismatch)
    assert f'"{claimed}"' in error.message
    assert wire.urls[-1] == METADATA


def test_the_origin_may_be_written_with_its_slash() -> None:
    """A-170: one origin, one address of metadata; older releases of the official SDKs write it so."""
    found, _ = find({METADATA: a_document(f"{ORIGIN}/")})

    assert found.server.issuer == f"{ORIGIN}/"


@pytest.mark.parametrize(
    "no_definite_no",
    [
        A_WEB_PAGE,
        status_response(405),
        status_response(400),
        status_response(401),
        status_response(403),
        status_response(302, ("location", "https://evil.example")),
        status_response(503),
        status_response(429),
        TimedOut("late"),
        text_response("", "application/json"),
        json_response({}),
        json_response({"resource": "https://evil.example/mcp", "authorization_servers": [ISSUER]}),
        MalformedResponse("Expected at most 256 KiB, got more."),
    ],
    ids=lambda answer: str(getattr(answer, "status", None) or answer),
)
@pytest.mark.parametrize("place", [PATH, ROOT])
def test_without_a_definite_no_at_each_address_nothing_older_is_asked(no_definite_no: Answer, place: str) -> None:
    """4.5, TA19."""
    _, wire = refuse({METADATA: a_document(), place: no_definite_no})

    assert METADATA not in wire.urls


def test_an_address_that_the_challenge_names_is_one_of_them() -> None:
    """4.5: whoever names it and cannot serve it now is no older server."""
    named = f"{ORIGIN}/prm"
    challenge = status_response(401, ("www-authenticate", f'Bearer resource_metadata="{named}"'))

    _, wire = refuse({METADATA: a_document(), named: status_response(500)}, server=challenge)

    assert wire.urls == [SERVER, named, PATH, ROOT]


@pytest.mark.parametrize(
    "no_definite_no",
    [A_WEB_PAGE, status_response(405), status_response(403), status_response(503), TimedOut("late"), json_response({})],
    ids=lambda answer: str(getattr(answer, "status", None) or answer),
)
def test_without_a_definite_no_at_the_root_no_default_endpoint_is_taken(no_definite_no: Answer) -> None:
    """4.5, TA19."""
    _, wire = refuse({METADATA: no_definite_no})

    assert wire.urls == [SERVER, PATH, ROOT, METADATA]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_server_that_did_not_ask_for_a_sign_in_is_no_older_one(status: int) -> None:
    """4.5: the 401 has to be real."""
    error, wire = refuse({METADATA: a_document()}, server=status_response(status))

    assert "Expected an MCP server" in error.message
    assert METADATA not in wire.urls


def test_a_401_that_speaks_json_rpc_is_no_open_server() -> None:
    """A-01: what a server of 2025-03-26 says in the body of its 401 is not an answer."""
    error = json_response({"jsonrpc": "2.0", "error": {"code": -32001, "message": "Unauthorized"}, "id": None}, 401)

    found, _ = find({}, server=error)
    refused, _ = refuse({PATH: A_WEB_PAGE}, server=error)

    assert found.is_older
    assert isinstance(refused, DiscoveryFailed)


def test_a_named_issuer_without_metadata_is_not_replaced_by_the_servers_own_endpoints() -> None:
    """A-28, 4.3: the secret would go from X, whose metadata fails, to whoever named X."""
    resource = json_response({"resource": SERVER, "authorization_servers": [ISSUER]})

    _, wire = refuse({PATH: resource, METADATA: a_document()})

    assert METADATA not in wire.urls


def test_nothing_older_is_asked_for_a_caller_who_asks_nobody() -> None:
    """4.5: an unattended client would send its secret on the word of the server alone."""
    wire = Wire({SERVER: UNAUTHORIZED, METADATA: a_document()})

    with pytest.raises(DiscoveryFailed):
        wire.run(discover(SERVER, headers=(), issuer=None))

    assert METADATA not in wire.urls


@pytest.mark.parametrize("answer", [NOT_FOUND, a_document()], ids=["defaults", "metadata"])
def test_what_is_configured_for_another_issuer_is_not_for_the_server_itself(answer: Answer) -> None:
    """A-62, A-170."""
    with pytest.raises(IssuerMismatch, match=ISSUER):
        find({METADATA: answer}, issuer=ISSUER)

    found, _ = find({METADATA: answer}, issuer=ORIGIN)

    assert found.server.issuer == ORIGIN
