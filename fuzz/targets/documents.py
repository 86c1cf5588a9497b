"""What a server says of itself: its challenge, JSON in general, both metadata documents, and discovery from end to end."""

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from fuzz.conversation import Conversation, read_answers
from fuzz.properties import RFC_3986, check_refusal, check_scopes, check_shown, check_url
from fuzz.samples import ISSUER, REGISTRATION, SERVER_URL
from fuzz.target import Target
from handstamp.errors import InsecureUrl, MalformedResponse, NetworkError, ServerBrokeProtocol
from handstamp.protocol.authorization import build_authorization_request
from handstamp.protocol.challenge import Challenge, parse_challenges
from handstamp.protocol.discovery import choose_scopes, discover
from handstamp.protocol.exchange import parse_json
from handstamp.protocol.resource import choose_issuer, judge_protected_resource
from handstamp.protocol.server import AuthorizationServer, judge_authorization_server
from handstamp.protocol.urls import is_within, same_url

__all__ = ["TARGETS"]

METADATA_URL = "https://mcp.example/.well-known/oauth-protected-resource/mcp"
MAX_REQUESTS = 7
"""The probe, three addresses of the resource's metadata, three of the server's (TA22)."""


def read_challenge(data: bytes) -> None:
    """Lines of `WWW-Authenticate`."""
    lines = data.decode("latin-1").split("\n")

    challenges = parse_challenges(lines)

    header = data.decode("latin-1").replace("\\", "")
    for challenge in challenges:
        assert challenge.scheme in ("bearer", "dpop")
        check_scopes(challenge.scopes)
        for value in challenge.parameters.values():
            assert value.replace("\\", "") in header, "a parameter that nobody sent"
    assert parse_challenges([_write(challenge) for challenge in challenges]) == challenges


def _write(challenge: Challenge) -> str:
    quoted = {name: value.replace("\\", r"\\").replace('"', r"\"") for name, value in challenge.parameters.items()}
    return f"{challenge.scheme} " + ", ".join(f'{name}="{value}"' for name, value in quoted.items())


def read_json(data: bytes) -> None:
    """Any JSON of a server's: stricter than Python's, and never different from it (TA16)."""
    try:
        members = parse_json(data, "it")
    except MalformedResponse as error:
        check_refusal(error)
        return

    assert members == json.loads(data.decode())
    written = json.dumps(members)
    # 1e999 is a number to JSON, and none that could be written again; who reads one has to look (TE4).
    if "Infinity" not in written:
        assert parse_json(written.encode(), "it") == members


def read_resource_metadata(data: bytes) -> None:
    """Protected resource metadata (RFC 9728)."""
    try:
        document = parse_json(data, "it")
        found = judge_protected_resource(SERVER_URL, METADATA_URL, document)
    except ServerBrokeProtocol as error:
        check_refusal(error)
        return

    assert same_url(found.resource.removesuffix("/"), SERVER_URL) or is_within(SERVER_URL, found.resource)
    assert found.resource == document["resource"]
    check_scopes(found.scopes_supported)
    assert choose_issuer(found, None) in found.authorization_servers


def read_server_metadata(data: bytes) -> None:
    """Authorization server metadata (RFC 8414), and the address that a browser would be sent to."""
    try:
        server = judge_authorization_server(ISSUER, parse_json(data, "it"), near=SERVER_URL)
    except ServerBrokeProtocol as error:
        check_refusal(error)
        return

    assert server.issuer == ISSUER
    _check_endpoints(server)
    _check_authorization(server, server.scopes_supported[:20])


def discover_server(data: bytes) -> None:
    """Every answer on the way from a server's URL to the address for the browser."""
    conversation = Conversation(read_answers(data))
    try:
        found = conversation.run(discover(SERVER_URL, headers=(), issuer=None))
    except (NetworkError, ServerBrokeProtocol) as error:
        check_refusal(error)
        for line in getattr(error, "tried", ()):
            check_shown(line)
        return
    finally:
        assert len(conversation.requests) <= MAX_REQUESTS

    assert all(request.url.startswith("https://") for request in conversation.requests)
    if found is None:
        return
    _check_endpoints(found.server)
    scopes = choose_scopes(configured=(), challenge=found.challenge, resource=found.resource, server=found.server)
    check_scopes(scopes)
    _check_authorization(found.server, scopes, found.resource.resource)


def _check_endpoints(server: AuthorizationServer) -> None:
    endpoints = (
        server.authorization_endpoint,
        server.token_endpoint,
        server.registration_endpoint,
        server.revocation_endpoint,
    )
    for endpoint in filter(None, endpoints):
        check_url(endpoint)
        assert endpoint.lower().startswith("https://"), "plain http for a server that is not on this machine"
    check_scopes(server.scopes_supported)
    assert server.authorizes_elsewhere in (True, False)


def _check_authorization(server: AuthorizationServer, scopes: tuple[str, ...], resource: str = SERVER_URL) -> None:
    """What the browser opens: characters of a URL alone, and each of our parameters once, as we mean it (TC1, TC2, TC5)."""
    registration = replace(REGISTRATION, issuer=server.issuer)
    try:
        request = build_authorization_request(server, registration, resource=resource, scopes=scopes, random=bytes)
    except InsecureUrl as error:
        check_refusal(error)
        return
    url = request.url
    assert RFC_3986.fullmatch(url)
    assert url.lower().startswith("https://")
    sent = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    for name, value in (("state", request.state.reveal()), ("redirect_uri", request.redirect_uri), ("resource", resource)):
        assert [given for key, given in sent if key == name] == [value]


TARGETS = (
    Target(
        "challenge",
        read_challenge,
        words=("Bearer ", "DPoP ", "Basic ", "resource_metadata=", "scope=", "error=", '"', '\\"', ", ", "insufficient_scope"),
    ),
    Target("json", read_json, words=("null", "true", "1e999", "NaN", "Infinity", "\\ud800", '{"a":', "[[")),
    Target(
        "resource_metadata",
        read_resource_metadata,
        words=('"resource":', '"authorization_servers":', '"scopes_supported":', SERVER_URL, ISSUER, "https://mcp.example/"),
    ),
    Target(
        "server_metadata",
        read_server_metadata,
        words=(
            '"issuer":"https://auth.example"',
            '"authorization_endpoint":',
            '"token_endpoint":',
            '"registration_endpoint":',
            '"revocation_endpoint":',
            '"scopes_supported":',
            "https://auth.example/",
            "http://127.0.0.1/",
            "https://[::1]/",
            "?state=",
        ),
    ),
    Target(
        "discovery",
        discover_server,
        words=(
            "\n%%\n",
            "\n\n",
            "401\n",
            "404\n",
            "200\n",
            "503\n",
            "lost\n",
            "content-type: application/json",
            "www-authenticate: Bearer ",
        ),
    ),
)
