"""`WWW-Authenticate`, read as RFC 9110 writes it."""

import time

import pytest

from handstamp.protocol.challenge import Challenge, find_challenge, parse_challenges

GOOD = "https://good.example/prm"


@pytest.mark.parametrize(
    ("header", "parameters"),
    [
        ("Bearer", {}),
        ("bEaReR", {}),
        ("Bearer YWJj==", {}),
        (f'Bearer resource_metadata="{GOOD}"', {"resource_metadata": GOOD}),
        (f'Bearer RESOURCE_METADATA="{GOOD}", Scope="a b"', {"resource_metadata": GOOD, "scope": "a b"}),
        ('Bearer scope="a b",error="invalid_token"', {"scope": "a b", "error": "invalid_token"}),
        ('Bearer   realm = "x" ,  error=invalid_token', {"realm": "x", "error": "invalid_token"}),
        ('Bearer realm="a, b=\\"c\\\\", error=x', {"realm": 'a, b="c\\', "error": "x"}),
        ('Bearer ,, realm="x",,', {"realm": "x"}),
        ('Bearer realm=""', {"realm": ""}),
        ('Bearer realm="Zürich"', {"realm": "Zürich"}),
        (f"Bearer resource_metadata={GOOD}", {"resource_metadata": GOOD}),
        ('Negotiate, Bearer error="x"', {"error": "x"}),
        ('Negotiate YWJj==, Bearer error="x"', {"error": "x"}),
        ('Basic realm="a, resource_metadata=https://evil.example/x", Bearer error="x"', {"error": "x"}),
        ('Digest scope="admin", Bearer error_description="use scope=admin", scope="read"', {
            "error_description": "use scope=admin",
            "scope": "read",
        }),
        ('Bearer x_scope="admin", scope="read"', {"x_scope": "admin", "scope": "read"}),
        ('Bearer scope="read", Basic scope="admin"', {"scope": "read"}),
        ('realm="x", Bearer error="y"', {"error": "y"}),
        ('Bearer @@@, Bearer error="y"', {"error": "y"}),
        ('Bearer realm="a" realm="b", Bearer error="y"', {"error": "y"}),
        ('Bearer scope="a", scope="b", Bearer error="y"', {"error": "y"}),
    ],
)  # fmt: skip
def test_only_the_parameters_of_the_bearer_challenge_count(header: str, parameters: dict[str, str]) -> None:
    """A-06, TF4, TF5, TF6."""
    assert parse_challenges([header]) == [Challenge("bearer", parameters)]


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        'Basic realm="x"',
        'Bearer realm="unclosed',
        'Bearer realm="unclosed\\"',
        'Bearer realm="nul\x00"',
        'Bearer realm="line\r\n break"',
        "Bearer realm=a b",
        'Bearer scope="a", scope="b"',
        'Bearer scope="a", SCOPE="b"',
        'Bearer realm="x"y',
        'Bearer realm="x", 🎫',
        "Bеarer",
    ],
)
def test_a_bad_challenge_is_ignored(header: str) -> None:
    """TF6."""
    assert parse_challenges([header]) == []


def test_an_unclosed_quote_spoils_only_its_own_challenge() -> None:
    """TF6."""
    header = 'DPoP algs="ES256", Bearer error="x, resource_metadata=https://evil.example'

    assert parse_challenges([header]) == [Challenge("dpop", {"algs": "ES256"})]


def test_several_lines_are_read_one_by_one() -> None:
    """A-06, TF6."""
    assert parse_challenges(['Bearer realm="unclosed', 'DPoP algs="ES256"', "Bearer scope=a"]) == [
        Challenge("dpop", {"algs": "ES256"}),
        Challenge("bearer", {"scope": "a"}),
    ]


def test_a_first_bearer_challenge_goes_before_dpop() -> None:
    found = find_challenge(['DPoP algs="ES256", Bearer scope="a"', "Bearer"])

    assert found == Challenge("bearer", {"scope": "a"})


def test_dpop_alone_is_found() -> None:
    """4.11."""
    assert find_challenge(['DPoP algs="ES256"']) == Challenge("dpop", {"algs": "ES256"})


def test_a_401_without_a_challenge_has_none() -> None:
    """A-06, A-10."""
    assert find_challenge([]) is None


def test_a_challenge_tells_what_it_wants() -> None:
    [challenge] = parse_challenges([f'Bearer error="insufficient_scope", scope="b a b", resource_metadata="{GOOD}"'])

    assert challenge.error == "insufficient_scope"
    assert challenge.scopes == ("b", "a")
    assert challenge.resource_metadata == GOOD


def test_an_empty_challenge_wants_nothing() -> None:
    challenge = Challenge("bearer", {})

    assert (challenge.error, challenge.scopes, challenge.resource_metadata) == (None, (), None)


def test_more_than_16_kib_are_not_read() -> None:
    """TF6."""
    assert parse_challenges(['Bearer realm="' + "a" * 91_000 + '"', "Bearer"]) == []
    assert len(parse_challenges(["Bearer realm=" + "a" * 10_000] * 3)) == 1


@pytest.mark.parametrize("piece", ['"', '\\"', '"\\', "a,", 'a="b" ', "=", "a=", " ", "Bearer ", ',"', 'a="\\'])
def test_no_header_takes_more_than_linear_time(piece: str) -> None:
    """TF6."""
    header = "Bearer " + piece * ((16 * 1024 - 7) // len(piece))
    started = time.process_time()

    parse_challenges([header])

    assert time.process_time() - started < 1
