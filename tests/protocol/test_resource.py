"""Protected resource metadata: where it is looked for, and which document may be used."""

import json
from base64 import urlsafe_b64encode

import pytest

from handstamp.errors import (
    ConnectFailed,
    DiscoveryFailed,
    IssuerMismatch,
    MalformedResponse,
    ResourceMismatch,
    TemporarilyUnavailable,
    TimedOut,
)
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.resource import ProtectedResource, choose_issuer, find_protected_resource
from protocol.wire import (
    ISSUER,
    NOT_FOUND,
    SERVER,
    Answer,
    Wire,
    answer,
    headers_of,
    json_response,
    status_response,
    text_response,
)

PATH = "https://mcp.example/.well-known/oauth-protected-resource/mcp"
ROOT = "https://mcp.example/.well-known/oauth-protected-resource"
CUSTOM = "https://mcp.example/custom/prm.json"


def a_document(resource: str = SERVER, **members: object) -> Answer:
    return json_response({"resource": resource, "authorization_servers": [ISSUER], **members})


def pointing_to(url: str) -> Challenge:
    return Challenge("bearer", {"resource_metadata": url})


def test_the_challenges_address_goes_first() -> None:
    """A-08, A-09: conformance auth/metadata-var3."""
    wire = Wire({CUSTOM: a_document(), PATH: a_document(), ROOT: a_document("https://mcp.example")})

    found = wire.run(find_protected_resource(SERVER, pointing_to(CUSTOM)))

    assert found == ProtectedResource(SERVER, (ISSUER,), (), CUSTOM)
    assert wire.urls == [CUSTOM]


def test_without_a_challenge_the_path_goes_before_the_root() -> None:
    """A-08, A-10: conformance auth/metadata-default, -var1; the root is a trap."""
    wire = Wire({PATH: a_document(), ROOT: a_document("https://mcp.example")})

    found = wire.run(find_protected_resource(SERVER, None))

    assert found.document_url == PATH
    assert wire.urls == [PATH]


def test_the_root_is_asked_last_and_its_resource_kept_to_the_letter() -> None:
    """A-10, A-13, 4.1: conformance auth/metadata-var2."""
    wire = Wire({ROOT: a_document("https://mcp.example")})

    found = wire.run(find_protected_resource(SERVER, Challenge("bearer", {})))

    assert wire.urls == [PATH, ROOT]
    assert found.resource == "https://mcp.example"
    assert found.is_wider


@pytest.mark.parametrize(
    ("server", "urls"),
    [
        ("https://x.example", ["https://x.example/.well-known/oauth-protected-resource"]),
        (
            "https://x.example:8443/a/b",
            [
                "https://x.example:8443/.well-known/oauth-protected-resource/a/b",
                "https://x.example:8443/.well-known/oauth-protected-resource",
            ],
        ),
        (
            "https://x.example/a/?t=1",
            [
                "https://x.example/.well-known/oauth-protected-resource/a/?t=1",
                "https://x.example/.well-known/oauth-protected-resource",
            ],
        ),
        (
            "https://x.example?t=1",
            [
                "https://x.example/.well-known/oauth-protected-resource?t=1",
                "https://x.example/.well-known/oauth-protected-resource",
            ],
        ),
    ],
)
def test_the_well_known_part_goes_between_host_and_path(server: str, urls: list[str]) -> None:
    """A-11."""
    wire = Wire()

    with pytest.raises(DiscoveryFailed):
        wire.run(find_protected_resource(server, None))

    assert wire.urls == urls
    assert [request.method for request in wire.requests] == ["GET"] * len(urls)


def test_a_metadata_request_says_what_it_takes_and_which_version_it_speaks() -> None:
    """A-169."""
    _, [request] = answer(find_protected_resource(SERVER, None), {PATH: a_document()})

    assert headers_of(request) == {"accept": "application/json", "mcp-protocol-version": "2026-07-28"}


@pytest.mark.parametrize(
    ("server", "resource", "address"),
    [
        (SERVER, SERVER, PATH),
        (SERVER, SERVER + "/", PATH),
        (SERVER, "HTTPS://MCP.example:443/mcp", PATH),
        (SERVER, SERVER, CUSTOM),
        (SERVER, SERVER, "https://elsewhere.example/prm"),
        (SERVER, "https://mcp.example", ROOT),
        (SERVER, "https://mcp.example/", ROOT),
        ("https://mcp.example/mcp/", "https://mcp.example/mcp", CUSTOM),
        ("https://mcp.example", "https://mcp.example/", ROOT),
        ("https://mcp.example/mcp/a", SERVER, PATH),
    ],
)
def test_a_document_of_this_server_or_of_a_vouched_ancestor_is_used(server: str, resource: str, address: str) -> None:
    """A-13, A-14, 4.1, TF11."""
    found, _ = answer(find_protected_resource(server, pointing_to(address)), {address: a_document(resource)})

    assert found.resource == resource


@pytest.mark.parametrize(
    ("resource", "address"),
    [
        ("https://evil.example/mcp", PATH),
        ("https://evil.example", "https://evil.example/.well-known/oauth-protected-resource"),
        ("https://mcp.example/mcp-evil", PATH),
        ("https://mcp.example/mcp/../admin", PATH),
        ("https://mcp.example/mcp/%2e%2e", PATH),
        ("https://mcp.example", CUSTOM),
        ("https://mcp.example:8443/mcp", PATH),
        ("http://mcp.example/mcp", PATH),
        ("https://mcp.example/mcp#x", PATH),
        ("https://mcp.example@evil.example/mcp", PATH),
        ("https://mcp.example/MCP", PATH),
        ("urn:mcp", PATH),
    ],
)
def test_a_document_of_another_resource_is_refused_with_both_values(resource: str, address: str) -> None:
    """A-13, A-14, 4.1, TB3, TB4: conformance auth/resource-mismatch."""
    with pytest.raises(ResourceMismatch) as raised:
        answer(find_protected_resource(SERVER, pointing_to(address)), {address: a_document(resource)})

    assert SERVER in raised.value.message
    assert resource in raised.value.message


def test_a_mismatch_does_not_end_the_search() -> None:
    """4.1, 4.2: a server that answers with its origin's document at every address."""
    origin_document = a_document("https://mcp.example")
    wire = Wire({CUSTOM: origin_document, PATH: origin_document, ROOT: origin_document})

    found = wire.run(find_protected_resource(SERVER, pointing_to(CUSTOM)))

    assert wire.urls == [CUSTOM, PATH, ROOT]
    assert found.document_url == ROOT


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"resource": SERVER},
        {"authorization_servers": [ISSUER]},
        {"resource": SERVER, "authorization_servers": []},
        {"resource": SERVER, "authorization_servers": ISSUER},
        {"resource": SERVER, "authorization_servers": [ISSUER, 1]},
        {"resource": SERVER, "authorization_servers": ["https://x.example/" + "a" * 5000]},
        {"resource": [SERVER], "authorization_servers": [ISSUER]},
        {"resource": "", "authorization_servers": [ISSUER]},
    ],
)
def test_a_document_that_lacks_what_it_must_have_is_not_used(members: dict[str, object]) -> None:
    """A-17, TB5."""
    with pytest.raises(DiscoveryFailed) as raised:
        answer(find_protected_resource(SERVER, None), {PATH: json_response(members)})

    assert not raised.value.absent
    assert [line.split(": ")[0] for line in raised.value.tried] == [PATH, ROOT]


@pytest.mark.parametrize("scopes", [None, "read", [1, "a\x1b"], []])
def test_scopes_that_cannot_be_read_are_no_scopes(scopes: object) -> None:
    """TB23, A-12."""
    found, _ = answer(find_protected_resource(SERVER, None), {PATH: a_document(scopes_supported=scopes, signed_metadata="x.y.z")})

    assert found.scopes_supported == ()


def test_json_that_is_called_html_is_still_json() -> None:
    """A-12: wrong labels are common, and the body tells."""
    document = text_response(f' {{"resource": "{SERVER}", "authorization_servers": ["{ISSUER}"]}}', "text/html")

    found, _ = answer(find_protected_resource(SERVER, None), {PATH: document})

    assert found.resource == SERVER


def test_what_signed_metadata_claims_is_not_believed() -> None:
    """A-16: nobody has looked at its signature."""
    claims = {"resource": SERVER, "authorization_servers": ["https://evil.example"], "scopes_supported": ["admin"]}
    signed = ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims))

    found, _ = answer(find_protected_resource(SERVER, None), {PATH: a_document(signed_metadata=f"{signed}.")})
    with pytest.raises(DiscoveryFailed):
        answer(find_protected_resource(SERVER, None), {PATH: json_response({"signed_metadata": f"{signed}."})})

    assert found == ProtectedResource(SERVER, (ISSUER,), (), PATH)


def test_lists_are_bounded() -> None:
    """TB23, TA22."""
    document = json_response(
        {
            "resource": SERVER,
            "authorization_servers": [f"https://a{n}.example" for n in range(1000)],
            "scopes_supported": [f"s{n}" for n in range(10_000)],
        }
    )

    found, _ = answer(find_protected_resource(SERVER, None), {PATH: document})

    assert len(found.authorization_servers) == len(found.scopes_supported) == 100


@pytest.mark.parametrize(
    "nothing",
    [
        status_response(404),
        status_response(410),
        status_response(405),
        text_response("<!doctype html><title>App</title>", "text/html"),
        text_response(" <html>", "application/xhtml+xml"),
    ],
)
def test_nothing_at_every_address_is_a_certain_absence(nothing: Answer) -> None:
    """A-20, TA18, 4.5."""
    with pytest.raises(DiscoveryFailed) as raised:
        answer(find_protected_resource(SERVER, pointing_to(CUSTOM)), {CUSTOM: nothing, PATH: nothing, ROOT: nothing})

    assert raised.value.absent
    assert [line.split(": ")[0] for line in raised.value.tried] == [CUSTOM, PATH, ROOT]


@pytest.mark.parametrize(
    "something",
    [
        status_response(204),
        json_response({"resource": SERVER, "authorization_servers": [ISSUER]}, 201),
        json_response({"resource": SERVER, "authorization_servers": [ISSUER]}, 401),
        status_response(302, ("location", "https://evil.example")),
        status_response(400),
        status_response(401),
        status_response(403),
        json_response([]),
        text_response("not json", "application/json"),
        text_response("", "application/json"),
        MalformedResponse("Expected at most 256 KiB, got more."),
        a_document("https://evil.example/mcp"),
    ],
)
def test_anything_else_is_no_certain_absence(something: Answer) -> None:
    """A-12, TA9, TA14, TA18, 4.5."""
    with pytest.raises((DiscoveryFailed, ResourceMismatch)) as raised:
        answer(find_protected_resource(SERVER, None), {PATH: something, ROOT: NOT_FOUND})

    assert not getattr(raised.value, "absent", False)


def test_a_mismatch_beside_a_broken_document_is_a_failed_discovery() -> None:
    """4.2: all is reported."""
    with pytest.raises(DiscoveryFailed) as raised:
        answer(find_protected_resource(SERVER, None), {PATH: a_document("https://evil.example"), ROOT: json_response([])})

    assert "https://evil.example" in raised.value.tried[0]


@pytest.mark.parametrize("failure", [TimedOut("late"), ConnectFailed("refused"), status_response(503), status_response(429)])
def test_an_unknown_does_not_end_the_search(failure: Answer) -> None:
    """4.2, TA19."""
    found, requests = answer(find_protected_resource(SERVER, None), {PATH: failure, ROOT: a_document("https://mcp.example")})

    assert found.document_url == ROOT
    assert len(requests) == 2


@pytest.mark.parametrize("failure", [TimedOut("late"), ConnectFailed("refused")])
@pytest.mark.parametrize("other", [NOT_FOUND, json_response([]), a_document("https://evil.example")])
def test_an_unknown_is_never_reported_as_not_found(failure: TimedOut | ConnectFailed, other: Answer) -> None:
    """4.2, TA19: whoever can break a connection must not choose the protocol."""
    with pytest.raises(type(failure)) as raised:
        answer(find_protected_resource(SERVER, None), {PATH: failure, ROOT: other})

    assert raised.value is failure


def test_a_503_is_reported_with_the_time_to_wait() -> None:
    """4.2, TA18."""
    with pytest.raises(TemporarilyUnavailable) as raised:
        answer(find_protected_resource(SERVER, None), {PATH: status_response(503, ("retry-after", "1000000000"))})

    assert raised.value.retry_after == 3600


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:8000/prm",
        "http://mcp.example/prm",
        "javascript:alert(1)",
        "/relative",
        "https://me@mcp.example/prm",
    ],
)
def test_an_insecure_address_in_a_challenge_is_never_asked(address: str) -> None:
    """TA1, TA11, TA12, A-119."""
    wire = Wire({PATH: a_document()})

    found = wire.run(find_protected_resource(SERVER, pointing_to(address)))

    assert found.document_url == PATH
    assert wire.urls == [PATH]


def test_a_loopback_server_may_speak_http_on_loopback() -> None:
    """TA11, 4.13."""
    server = "http://localhost:3000/mcp"
    address = "http://localhost:3000/.well-known/oauth-protected-resource/mcp"

    found, _ = answer(find_protected_resource(server, None), {address: a_document(server)})

    assert found.resource == server


def test_a_hostile_resource_is_escaped_in_the_error() -> None:
    """TH1, TH2."""
    with pytest.raises(ResourceMismatch) as raised:
        answer(find_protected_resource(SERVER, None), {PATH: a_document("https://evil.example/\x1b]52;c;x\x07\u202e")})

    assert raised.value.message.isprintable()


def test_the_first_authorization_server_is_chosen_every_time() -> None:
    """A-17, TA22."""
    assert choose_issuer(ProtectedResource(SERVER, ("https://b.example", "https://a.example")), None) == "https://b.example"


def test_a_configured_issuer_is_chosen_where_it_is_listed() -> None:
    """A-17, A-62."""
    assert choose_issuer(ProtectedResource(SERVER, ("https://b.example", ISSUER)), ISSUER) == ISSUER


@pytest.mark.parametrize("listed", ["https://evil.example", ISSUER + "/", "https://AUTH.example"])
def test_a_configured_issuer_that_is_not_listed_is_an_error(listed: str) -> None:
    """A-60, A-62, TB2: conformance auth/authorization-server-migration."""
    with pytest.raises(IssuerMismatch) as raised:
        choose_issuer(ProtectedResource(SERVER, (listed,)), ISSUER)

    assert ISSUER in raised.value.message
    assert listed in raised.value.message
