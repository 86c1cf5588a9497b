"""Servers that are wrong: each sign-in ends in one error that says what was expected and what came, and in one command."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from authority import Authority, Knobs, StartAuthority
from command_line import is_accepted
from handstamp.errors import (
    AccessDenied,
    DiscoveryFailed,
    HandstampError,
    InsecureUrl,
    InvalidGrant,
    IssuerMismatch,
    LoginTimedOut,
    MalformedResponse,
    PkceUnsupported,
    RegistrationRejected,
    ResourceMismatch,
    ServerSaidNo,
    TemporarilyUnavailable,
)
from scenarios.wire_log import steps
from weaknesses.machine import Machine

LONGEST = 600
"""Two values of 200 characters, and a sentence around them."""
ACTS = "\x1b]0;owned\x07\u202e\u200b"
ENDLESS = "https://other.example/" + "a" * 1500
HOSTILE = f"https://other.example/{ACTS}"

NOWHERE: tuple[str, ...] = ()
REGISTERED = ("register",)
ANSWERED = ("register", "authorize")
REDEEMED = ("register", "authorize", "token")


@dataclass(frozen=True)
class Scenario:
    """How a server is wrong, the error it ends in, and how far the sign-in came at the authorization server."""

    name: str
    knobs: dict[str, Any]
    error: type[HandstampError]
    steps: tuple[str, ...]
    names: tuple[str, ...] = ()
    """What the message says of what was expected and of what came; `{issuer}` and `{server}` are the scenario's own."""
    options: dict[str, Any] = field(default_factory=dict[str, Any])


OTHER = "https://other.example"
PLAIN = "http://other.example"
BOTH_ISSUERS = ("{issuer}", "https://attacker.example")
SCENARIOS = [
    # As the official suite has them
    Scenario("resource-mismatch", {"resource_in_metadata": OTHER}, ResourceMismatch, NOWHERE, ("{server}", OTHER)),
    Scenario("metadata-issuer-mismatch", {"issuer_in_metadata": OTHER}, IssuerMismatch, NOWHERE, ("{issuer}", OTHER)),
    Scenario("iss-wrong-issuer", {"iss": "wrong"}, IssuerMismatch, ANSWERED, BOTH_ISSUERS),
    Scenario("iss-unexpected", {"iss": "wrong", "no_iss_advertised": True}, IssuerMismatch, ANSWERED, BOTH_ISSUERS),
    Scenario("iss-supported-missing", {"iss": "missing"}, IssuerMismatch, ANSWERED, ("{issuer}", "none")),
    Scenario("iss-normalized", {"iss": "trailing slash"}, IssuerMismatch, ANSWERED, ('"{issuer}"', '"{issuer}/"')),
    # What it leaves out
    Scenario("no authorization server", {"authorization_servers": ()}, DiscoveryFailed, NOWHERE, ("{server}",)),
    Scenario("no metadata", {"metadata_at": "nowhere"}, DiscoveryFailed, NOWHERE, ("{issuer}", "2 addresses")),
    Scenario("metadata out of order", {"metadata_status": 503}, TemporarilyUnavailable, NOWHERE, ("HTTP 503",)),
    Scenario("PKCE not offered", {"no_code_challenge_methods": True}, PkceUnsupported, NOWHERE, ("S256", "it says nothing")),
    Scenario("only plain", {"no_s256": True}, PkceUnsupported, NOWHERE, ("S256", "plain")),
    Scenario("insecure page", {"authorization_endpoint": PLAIN}, DiscoveryFailed, NOWHERE, ("expected https", PLAIN)),
    Scenario("script for a page", {"authorization_endpoint": "javascript:x()"}, DiscoveryFailed, NOWHERE, ("https",)),
    Scenario("insecure issuer", {"authorization_servers": (PLAIN,)}, InsecureUrl, NOWHERE, ("https", PLAIN)),
    Scenario("refused registration", {"registration_error": "not_you"}, RegistrationRejected, REGISTERED, ("not_you",)),
    Scenario("client without id", {"registration": {"client_id": None}}, MalformedResponse, REGISTERED, ("client_id", "none")),
    Scenario("denied", {"deny": True}, AccessDenied, ANSWERED, ("access_denied", "pressed Deny")),
    Scenario("state missing", {"state": "missing"}, LoginTimedOut, ANSWERED, ("no answer",), {"deadline": 0.1}),
    Scenario("neither code nor error", {"authorization_response": {"code": None}}, MalformedResponse, ANSWERED, ("neither",)),
    Scenario("code refused", {"code_error": "invalid_grant"}, InvalidGrant, REDEEMED, ("invalid_grant",)),
    Scenario("unknown refusal", {"code_error": "not_today"}, ServerSaidNo, REDEEMED, ("not_today",)),
    Scenario("another type", {"token_type": "mac"}, MalformedResponse, REDEEMED, ("Bearer", "mac")),
    Scenario("no bearer", {"token_type": "N_A"}, MalformedResponse, REDEEMED, ("Bearer", "N_A")),
    Scenario("no type", {"token_members": {"token_type": None}}, MalformedResponse, REDEEMED, ("Bearer", "none")),
    Scenario("web page for a token", {"token_status": "html"}, MalformedResponse, REDEEMED, ("JSON", "HTML page")),
    Scenario("token sent on", {"redirects": {"/token": (307, OTHER)}}, MalformedResponse, REDEEMED, ("HTTP 307",)),
    Scenario("token later", {"token_status": 503}, TemporarilyUnavailable, REDEEMED, ("HTTP 503",)),
    # Values that act on a terminal, or never end
    Scenario("hostile resource", {"resource_in_metadata": HOSTILE}, ResourceMismatch, NOWHERE, (OTHER,)),
    Scenario("endless resource", {"resource_in_metadata": ENDLESS}, ResourceMismatch, NOWHERE, (OTHER, "…")),
    Scenario("hostile issuer", {"issuer_in_metadata": HOSTILE}, IssuerMismatch, NOWHERE, (OTHER,)),
    Scenario("endless issuer", {"issuer_in_metadata": ENDLESS}, IssuerMismatch, NOWHERE, (OTHER, "…")),
    Scenario("hostile iss", {"authorization_response": {"iss": HOSTILE}}, IssuerMismatch, ANSWERED, (OTHER,)),
    Scenario("endless iss", {"authorization_response": {"iss": ENDLESS}}, IssuerMismatch, ANSWERED, (OTHER, "…")),
    Scenario("hostile methods", {"server_metadata": {"code_challenge_methods_supported": [ACTS * 99]}}, PkceUnsupported, NOWHERE),
    Scenario("hostile refusal", {"code_error": ACTS * 99}, ServerSaidNo, REDEEMED),
    Scenario("hostile type", {"token_type": ACTS * 99}, MalformedResponse, REDEEMED),
    Scenario("hostile way on", {"redirects": {"/mcp": (302, "/" + "\xad" * 900)}}, MalformedResponse, NOWHERE, ("redirect",)),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_server_that_is_wrong_ends_in_an_error_that_says_how(
    scenario: Scenario, machine: Machine, authority: StartAuthority
) -> None:
    """A-82."""
    site = authority(Knobs(**scenario.knobs))

    with pytest.raises(scenario.error) as caught:
        machine.vault().sync.login(site.server_url, **scenario.options)

    require_helpful(caught.value, site)
    assert [name for name in scenario.names if filled_in(name, site) not in caught.value.message] == []
    assert tuple(steps(site)) == scenario.steps
    assert machine.vault().grants() == []


def require_helpful(error: HandstampError, site: Authority) -> None:
    """One short sentence of what came in place of what, that acts on nothing; and a command that is there."""
    says_both = error.message.startswith("Expected ") and any(
        word in error.message for word in (", got ", ", found ", ", and it ")
    )
    assert says_both or (isinstance(error, ServerSaidNo | TemporarilyUnavailable | RegistrationRejected | InsecureUrl)), error
    assert error.message.isprintable()
    assert len(error.message) <= LONGEST
    assert error.hint is not None
    assert is_accepted(error.hint)
    assert site.server_url in error.hint


def filled_in(text: str, site: Authority) -> str:
    return text.format(issuer=site.issuer, server=site.server_url)


DENIAL = {
    "error": "access_denied",
    "error_description": "Call this number to unlock your account.",
    "error_uri": "https://help.example/unlock",
}


@pytest.mark.parametrize(
    ("knobs", "shown"),
    [
        ({"iss": "right"}, True),
        ({"iss": "right", "no_iss_advertised": True}, True),
        ({"iss": "missing", "no_iss_advertised": True}, True),
        ({"iss": "missing"}, False),
        ({"iss": "wrong"}, False),
        ({"iss": "wrong", "no_iss_advertised": True}, False),
        ({"iss": "trailing slash"}, False),
        ({"authorization_response": {"iss": ""}}, False),
        ({"authorization_response": {"iss": HOSTILE}}, False),
    ],
    ids=["right", "right, not promised", "neither", "missing", "wrong", "wrong, not promised", "slash", "empty", "hostile"],
)
def test_nothing_of_an_answer_is_shown_whose_issuer_did_not_check_out(
    knobs: dict[str, Any], shown: bool, machine: Machine, authority: StartAuthority
) -> None:
    """A-88, 4.7: neither in the error nor in the browser. Where it did, the server's code and words are; its link never is."""
    answer = knobs.get("authorization_response", {}) | DENIAL | {"code": None}
    site = authority(Knobs(**{**knobs, "authorization_response": answer}))

    with pytest.raises(AccessDenied if shown else IssuerMismatch) as caught:
        machine.vault().sync.login(site.server_url)

    everything = f"{caught.value!r} {caught.value.message} {caught.value.hint} {machine.browser.wait().body}"
    assert ["access_denied" in everything, "Call this number" in everything] == [shown, shown]
    assert "help.example" not in everything
    assert steps(site) == ["register", "authorize"]
