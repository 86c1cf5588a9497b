"""The report of a diagnosis can be pasted where others read it."""

from getpass import getuser
from pathlib import Path

import pytest

from handstamp.doctor import Diagnosis, Finding, Verdict, report
from handstamp.errors import HandstampError, ResourceMismatch
from handstamp.examination.findings import Findings, halves
from handstamp.model import Secret

AT = 1_795_435_200.0


def reported(*findings: Finding, personal: tuple[str, ...] = ()) -> str:
    return report(Diagnosis("linear", "https://mcp.example/mcp", findings, AT, personal))


def finding(text: str) -> Finding:
    return Finding("token", Verdict.BAD, "Refused", "https://mcp.example/mcp", 401, "a yes", text, code="login_required")


def test_a_report_names_versions_the_platform_and_every_step() -> None:
    text = reported(finding("a no"), Finding("pkce", Verdict.GOOD, "It does PKCE with S256"))

    assert "handstamp" in text
    assert "Python 3." in text
    assert "2026-11-23T12:00:00Z" in text
    assert (
        "- ✗ bad · token (HTTP 401): `Refused`\n  - url: `https://mcp.example/mcp`\n  - expected: `a yes`\n  - got: `a no`"
        in text
    )
    assert "- ✓ good · pkce: `It does PKCE with S256`" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a redirect to https://elsewhere.example/a?token=abc&b=c", "a redirect to https://elsewhere.example/a?***"),
        ('got "https://me:pw@elsewhere.example/a"', 'got "https://***@elsewhere.example/a"'),
        ("HTTPS://me@elsewhere.example?x", "HTTPS://***@elsewhere.example?***"),
        ("as me@example.com; read", "as ***; read"),
        ("account work", "account ***"),
        ("working", "working"),
        (f"the client secret in {Path.home()}/secret", "the client secret in ~/secret"),
        (f"the client secret in /srv/{getuser()}/secret", "the client secret in /srv/***/secret"),
        ("`@someone` look", "'@someone' look"),
    ],
)
def test_a_report_tells_nothing_of_whose_it_is(text: str, shown: str) -> None:
    assert f"  - got: `{shown}`\n" in reported(finding(text), personal=("me@example.com", "work"))


def test_an_account_and_an_identity_are_kept_out_of_a_report() -> None:
    findings = Findings("linear", "https://mcp.example/mcp", "at work")
    findings.keep_private("me@example.com")
    findings.good("grant", "You are signed in", "as at work (me@example.com)")

    diagnosis = findings.conclude(AT)

    assert "as at work (me@example.com)" in str(diagnosis.findings)
    assert "`as *** (***)`" in report(diagnosis)


def test_somebody_elses_words_are_one_bounded_line_without_our_secrets() -> None:
    """TF13, TH1."""
    findings = Findings("linear", "https://mcp.example/mcp")
    findings.hide([Secret("a-secret-of-ours-that-is-long")])

    findings.failed("token", "Refused", HandstampError("a\x1b[2Jb\nc a-secret-of-ours-that-is-long" + 1000 * "d"))

    [found] = findings.conclude(AT).findings
    assert found.actual is not None
    assert found.actual.startswith("a\\x1b[2Jb c ***ddd")
    assert len(found.actual) == 500


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Expected a, got b.", ("a", "b")),
        ("Expected a, got: b.", ("a", "b")),
        ("Expected a connection to b, but nothing listens there.", ("a connection to b", "nothing listens there")),
        ("Expected a for b, found none at 2 addresses.", ("a for b", "found none at 2 addresses")),
        ("b answered with no.", (None, "b answered with no.")),
    ],
)
def test_an_error_says_what_was_expected_and_what_came(message: str, expected: tuple[str | None, str]) -> None:
    assert halves(message) == expected


def test_the_first_thing_in_the_way_is_what_counts() -> None:
    findings = Findings("linear", "https://mcp.example/mcp")
    findings.odd("iss", "Unusual", "a", "b", next_step="handstamp status")
    findings.failed("pkce", "No PKCE", ResourceMismatch("Expected a, got b."))
    findings.failed("grant", "Nobody is signed in", HandstampError("c"))

    diagnosis = findings.conclude(AT)

    assert (diagnosis.summary, diagnosis.exit_code) == ("linear: no PKCE.", 1)
    assert diagnosis.next_step == "handstamp doctor linear --report"


def test_what_is_only_unusual_is_nothing_in_the_way() -> None:
    findings = Findings("linear", "https://mcp.example/mcp")
    findings.odd("iss", "Unusual", "a", "b", next_step="handstamp status")

    diagnosis = findings.conclude(AT)

    assert (diagnosis.exit_code, diagnosis.next_step) == (0, "handstamp status")
    assert diagnosis.summary == "linear: nothing is in the way; 1 thing is unusual."
