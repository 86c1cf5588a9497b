"""Our client ID metadata document, and what an authorization server finds wrong with others."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from handstamp.errors import ConnectFailed, UsageError
from handstamp.model import CallbackPlan
from handstamp.protocol.client_document import LISTED_PORTS, build_document, redirect_uris, require_document_url
from handstamp.protocol.document_check import Finding, Verdict, check_document, find_faults, judge_address
from handstamp.protocol.exchange import Response
from protocol.wire import Answer, Wire, json_response, status_response, text_response

URL = "https://handstamp.example/client.json"
KEYS = "https://handstamp.example/keys.json"
PUBLIC = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}
Edit = Callable[[dict[str, Any]], object]


def check(answer: Answer, *, url: str = URL, keys: Answer | None = None) -> tuple[Finding, ...]:
    return Wire({url: answer} | ({} if keys is None else {KEYS: keys})).run(check_document(url))


def check_edited(edit: Edit) -> tuple[Finding, ...]:
    document = build_document(URL)
    edit(document)
    return check(json_response(document))


def doubts(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.subject for finding in findings if finding.verdict is Verdict.DOUBTFUL]


def test_what_is_built_is_accepted() -> None:
    """A-43 to A-48, A-50, A-51."""
    findings = check(json_response(build_document(URL, logo_uri="https://handstamp.example/logo.svg")))

    assert find_faults(findings) == []
    assert {finding.subject for finding in findings} >= {"address", "status", "content type", "size", "client_id"}
    assert all(finding.actual is None for finding in findings if finding.verdict is Verdict.FINE)


def test_every_address_that_a_login_may_send_is_listed_once_with_its_port_and_once_without_any() -> None:
    """4.12: for servers that compare ports, and for those that ignore the port of what was registered without one."""
    listed = build_document(URL)["redirect_uris"]
    plan = CallbackPlan(LISTED_PORTS)

    assert listed == ["http://127.0.0.1/callback", *(f"http://{plan.host}:{port}{plan.path}" for port in plan.ports)]
    assert "localhost" not in str(listed)


def test_with_a_key_the_client_proves_itself_and_needs_no_warning() -> None:
    """A-49, A-52."""
    keyed, plain = build_document(URL, jwk=PUBLIC), build_document(URL)

    assert keyed["token_endpoint_auth_method"] == "private_key_jwt"
    assert keyed["jwks"] == {"keys": [PUBLIC]}
    assert doubts(check(json_response(keyed))) == []
    assert doubts(check(json_response(plain))) == ["redirect_uris"]


BROKEN: dict[str, tuple[Edit, str, str]] = {
    "another client_id": (lambda it: it.update(client_id=URL.upper()), "client_id", "got HTTPS://HANDSTAMP.EXAMPLE/CLIENT.JSON"),
    "a client_id with a slash more": (lambda it: it.update(client_id=f"{URL}/"), "client_id", f"got {URL}/"),
    "no client_id": (lambda it: it.pop("client_id"), "client_id", "got nothing"),
    "no name": (lambda it: it.pop("client_name"), "client_name", "got nothing"),
    "a blank name": (lambda it: it.update(client_name=" "), "client_name", "a name for people"),
    "no redirect addresses": (lambda it: it.pop("redirect_uris"), "redirect_uris", "got nothing"),
    "an empty list of redirect addresses": (lambda it: it.update(redirect_uris=[]), "redirect_uris", "got an empty list"),
    "a port less": (lambda it: it["redirect_uris"].remove(redirect_uris()[3]), "redirect_uris", "without http://127.0.0.1:44483"),
    "localhost instead": (
        lambda it: it.update(redirect_uris=[f"http://localhost:{port}/callback" for port in LISTED_PORTS]),
        "redirect_uris",
        "a list without http://127.0.0.1:41187/callback",
    ),
    "http elsewhere": (lambda it: it["redirect_uris"].append("http://x.example/"), "redirect_uris", "got http://x.example/"),
    "http elsewhere, in capitals": (
        lambda it: it["redirect_uris"].append("HTTP://x.example/"),
        "redirect_uris",
        "got HTTP://x.example/",
    ),
    "a fragment": (lambda it: it["redirect_uris"].append("https://x.example/#a"), "redirect_uris", "got https://x.example/#a"),
    "no refresh": (lambda it: it.update(grant_types=["authorization_code"]), "grant_types", "a list without refresh_token"),
    "no grant types": (lambda it: it.pop("grant_types"), "grant_types", "a list without refresh_token"),
    "another response type": (lambda it: it.update(response_types=["token"]), "response_types", "expected code, got token"),
    "no method": (lambda it: it.pop("token_endpoint_auth_method"), "token_endpoint_auth_method", "means client_secret_basic"),
    "a symmetric method": (
        lambda it: it.update(token_endpoint_auth_method="client_secret_post"),
        "token_endpoint_auth_method",
        "expected none or private_key_jwt, got client_secret_post",
    ),
    "a secret": (lambda it: it.update(client_secret="hush-hush"), "client_secret", "got client_secret"),
    "a secret's end": (lambda it: it.update(client_secret_expires_at=0), "client_secret", "got client_secret_expires_at"),
    "a method without keys": (lambda it: it.update(token_endpoint_auth_method="private_key_jwt"), "jwks", "got neither"),
    "keys twice": (lambda it: it.update(jwks={"keys": [PUBLIC]}, jwks_uri=KEYS), "jwks", "got both"),
    "no keys in the set": (lambda it: it.update(jwks={"keys": []}), "jwks", "got none"),
    "no set of keys": (lambda it: it.update(jwks=[PUBLIC]), "jwks", "got none"),
    "a key for another use": (lambda it: it.update(jwks={"keys": [PUBLIC | {"use": "enc"}]}), "jwks", "got none"),
    "a key for another algorithm": (lambda it: it.update(jwks={"keys": [PUBLIC | {"alg": "RS256"}]}), "jwks", "that fits"),
    "a key that does not fit": (
        lambda it: it.update(jwks={"keys": [PUBLIC]}, token_endpoint_auth_signing_alg="EdDSA"),
        "jwks",
        "none of type EC, RSA or OKP that fits",
    ),
    "a private key": (lambda it: it.update(jwks={"keys": [PUBLIC | {"d": "hush-hush"}]}), "jwks", "known to the world now"),
    "a shared key": (lambda it: it.update(jwks={"keys": [{"kty": "oct", "k": "hush-hush"}]}), "jwks", "known to the world now"),
    "keys in the clear": (lambda it: it.update(jwks_uri="http://handstamp.example/k"), "jwks_uri", "expected an https URL"),
    "a picture in the clear": (lambda it: it.update(logo_uri="http://handstamp.example/l"), "logo_uri", "expected an https URL"),
    "a script as its page": (lambda it: it.update(client_uri="javascript:alert(1)"), "client_uri", "expected an https URL"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_refused_with_the_reason(name: str) -> None:
    """A-46 to A-49, A-51."""
    edit, subject, words = BROKEN[name]

    faults = find_faults(check_edited(edit))

    assert [fault.subject for fault in faults] == [subject]
    assert words in f"expected {faults[0].expected}, got {faults[0].actual}"
    assert "hush" not in repr(faults)


ODD: list[object] = [
    None,
    True,
    5,
    1e300,
    "",
    "\u202e\x1b[31m",
    [],
    [None],
    [["a"]],
    {},
    {"keys": 5},
    {"keys": [{"kty": ["EC"]}]},
]


@pytest.mark.parametrize(
    "member", [*build_document(URL), "jwks", "jwks_uri", "client_uri", "logo_uri", "token_endpoint_auth_signing_alg"]
)
def test_whatever_stands_in_a_member_is_judged_and_shown_without_harm(member: str) -> None:
    for value in ODD:
        findings = check_edited(lambda document: document.update({member: value}))  # noqa: B023 -- called at once

        assert findings
        assert "\x1b" not in "".join(f"{finding.expected}{finding.actual}" for finding in findings)


ANSWERS: dict[str, tuple[Answer, str, str]] = {
    "a redirect": (status_response(301, ("location", URL)), "status", "a redirect (HTTP 301), which servers do not follow"),
    "not there": (status_response(404), "status", "HTTP 404"),
    "another success": (status_response(203), "status", "HTTP 203"),
    "out of order": (status_response(503), "status", "HTTP 503"),
    "a page": (text_response(json.dumps(build_document(URL)), "text/html"), "content type", "text/html"),
    "no type": (Response(200, (), json.dumps(build_document(URL)).encode(), ""), "content type", "nothing"),
    "too large": (json_response(build_document(URL) | {"about": "x" * 5000}), "size", "bytes"),
    "no JSON": (text_response("<!doctype html>", "application/json"), "JSON", "an HTML page"),
    "no object": (json_response([build_document(URL)]), "JSON", "a JSON list"),
    "a member twice": (text_response('{"client_id": "a", "client_id": "b"}', "application/json"), "JSON", "something else"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_document_that_is_served_wrongly_is_refused_with_the_reason(name: str) -> None:
    """A-50."""
    answer, subject, words = ANSWERS[name]

    faults = find_faults(check(answer))

    assert [fault.subject for fault in faults] == [subject]
    assert words in str(faults[0].actual)


def test_a_check_follows_no_redirect() -> None:
    """A-50: the driver would take it for an answer elsewhere."""
    wire = Wire({URL: status_response(302, ("location", "https://handstamp.example/other.json"))})

    wire.run(check_document(URL))

    assert [(request.url, request.may_redirect) for request in wire.requests] == [(URL, False)]


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example/c.json",
        "https://x.example",
        "https://x.example/",
        "https://x.example/a/../c.json",
        "https://x.example/c.json#x",
        "https://me:hush@x.example/c.json",
        "x.example/c.json",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_and_not_asked(url: str) -> None:
    """A-43 to A-45."""
    wire = Wire()

    faults = find_faults(wire.run(check_document(url)))

    assert [fault.subject for fault in faults] == ["address"]
    assert wire.requests == []
    assert "hush" not in repr(faults)
    with pytest.raises(UsageError):
        require_document_url(url)
    with pytest.raises(UsageError):
        build_document(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://x.example/c.json?v=1", "without a query"),
        ("https://X.example/c.json", "its usual spelling, https://x.example/c.json"),
        ("https://x.example:443/c.json", "its usual spelling, https://x.example/c.json"),
        ("https://localhost:8443/c.json", "a host that servers can reach"),
    ],
)
def test_an_address_that_some_servers_will_not_like_is_doubted(url: str, words: str) -> None:
    """A-45, A-47."""
    findings = tuple(judge_address(url))

    assert find_faults(findings) == []
    assert [words in finding.expected for finding in findings if finding.verdict is Verdict.DOUBTFUL] == [True]


@pytest.mark.parametrize(
    ("edit", "subject"),
    [
        (lambda it: it.pop("application_type"), "application_type"),
        (lambda it: it.update(application_type="web"), "application_type"),
        (lambda it: it.update(client_uri="https://elsewhere.example/"), "client_uri"),
    ],
)
def test_what_some_servers_refuse_is_doubted(edit: Edit, subject: str) -> None:
    findings = check_edited(edit)

    assert find_faults(findings) == []
    assert subject in doubts(findings)


def test_a_more_special_type_of_json_is_doubted() -> None:
    """A-50."""
    findings = check(text_response(json.dumps(build_document(URL)), "application/oauth-client+json"))

    assert find_faults(findings) == []
    assert "content type" in doubts(findings)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (json_response({"keys": [PUBLIC]}), None),
        (json_response({"keys": [PUBLIC | {"d": "hush-hush"}]}), "known to the world now"),
        (json_response({"keys": []}), "none of type"),
        (status_response(404), "HTTP 404"),
        (text_response("<html>", "text/html"), "an HTML page"),
        (ConnectFailed("Expected a connection to keys.example, but nothing listens there."), "nothing listens there"),
    ],
)
def test_keys_elsewhere_are_asked_for_and_looked_at(answer: Answer, words: str | None) -> None:
    """A-49."""
    document = build_document(URL, jwks_uri=KEYS)

    faults = find_faults(check(json_response(document), keys=answer))

    assert [(fault.subject, (words or "") in str(fault.actual)) for fault in faults] == (
        [] if words is None else [("jwks_uri", True)]
    )
    assert "hush" not in repr(faults)


def test_ports_that_a_person_set_have_to_be_listed_too() -> None:
    wire = Wire({URL: json_response(build_document(URL))})

    faults = find_faults(wire.run(check_document(URL, ports=[*LISTED_PORTS, 8123])))

    assert [fault.actual for fault in faults] == ["a list without http://127.0.0.1:8123/callback"]
