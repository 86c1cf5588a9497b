"""The doctor says what a sign-in would meet, changes nothing, and tells nobody's secrets."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from authority import Knobs, StartAuthority
from handstamp.doctor import Diagnosis, Finding, Verdict, report
from handstamp.errors import HandstampError
from handstamp.model import Failure
from handstamp.settings import ProgramSettings
from handstamp.vault import Vault
from scenarios.wire_log import asked
from weaknesses.machine import Machine

RESOURCE = "/.well-known/oauth-protected-resource"
OAUTH = "/.well-known/oauth-authorization-server"
EVERYWHERE = {f"{RESOURCE}/mcp": (503, ""), RESOURCE: (503, "")}
GOOGLE = "https://accounts.google.example/authorize"

SERVERS: Mapping[str, Knobs] = {
    "one that is right": Knobs(),
    "one without a challenge": Knobs(challenge=""),
    "one whose metadata is at the root": Knobs(resource_metadata_at="root", resource_metadata_absent=True),
    "one whose issuer has OpenID's metadata alone": Knobs(metadata_at="openid"),
    "one that says 403 and can be signed in to": Knobs(forbidden=True),
    "one that is a web page": Knobs(html_at_mcp=True),
    "one that is open": Knobs(open_server=True),
    "one that sends elsewhere": Knobs(redirects={"/mcp": (302, "https://elsewhere.example/mcp")}),
    "one that is out of order": Knobs(redirects={"/mcp": (503, "")}),
    "one whose metadata is out of order": Knobs(redirects=EVERYWHERE),
    "one whose first metadata is out of order, and that has none else": Knobs(redirects={f"{RESOURCE}/mcp": (503, "")}),
    "one with nothing, and then something out of order": Knobs(redirects={f"{RESOURCE}/mcp": (404, ""), RESOURCE: (503, "")}),
    "one that speaks for another": Knobs(resource_in_metadata="https://other.example/mcp"),
    "one that names no authorization server": Knobs(resource_metadata={"authorization_servers": None}),
    "one whose authorization server is not secure": Knobs(authorization_servers=("http://auth.example",)),
    "one whose issuer has a query": Knobs(authorization_servers=("https://auth.example?a=b",)),
    "one whose issuer is another": Knobs(issuer_in_metadata="https://other.example"),
    "one whose issuer has no metadata": Knobs(metadata_at="nowhere"),
    "one whose issuer is out of order": Knobs(metadata_status=500),
    "one whose token endpoint is not secure": Knobs(token_endpoint="http://auth.example/token"),
    "one without PKCE": Knobs(no_s256=True),
    "one that says nothing of PKCE": Knobs(no_code_challenge_methods=True),
    "one that registers nobody": Knobs(no_registration_endpoint=True),
    "one that wants a proof that its authorization server cannot": Knobs(
        resource_metadata={"dpop_bound_access_tokens_required": True}
    ),
}


def of(diagnosis: Diagnosis, step: str) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.step == step]


def only(diagnosis: Diagnosis, step: str) -> Finding:
    [finding] = of(diagnosis, step)
    return finding


@pytest.mark.parametrize("server", SERVERS)
def test_what_the_doctor_finds_is_what_a_sign_in_meets(server: str, machine: Machine, authority: StartAuthority) -> None:
    site, vault = authority(SERVERS[server]), machine.vault()

    before = vault.sync.doctor(site.server_url)
    met, grant = None, None
    try:
        grant = vault.sync.login(site.server_url)
    except HandstampError as error:
        met = error
    after = vault.sync.doctor(site.server_url)

    if met is not None:
        assert before.failure is not None
        assert (before.failure.code, before.exit_code) == (met.code, met.exit_code)
        assert before.next_step is not None
    else:
        # A sign-in is all that was missing, or not even that.
        assert (before.exit_code, after.exit_code) == (0 if grant is None else 4, 0)


def test_each_step_of_a_server_that_works_is_told_in_its_order(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault, told = machine.sign_in(site), list[Finding]()

    diagnosis = vault.sync.doctor(site.server_url, on_finding=told.append)

    assert told == list(diagnosis.findings)
    assert [finding.step for finding in told] == [
        "connection",
        "challenge",
        "resource_metadata",
        "server_metadata",
        "endpoints",
        "pkce",
        "iss",
        "scopes",
        "registration",
        "grant",
        "token",
    ]
    assert {finding.verdict for finding in told} == {Verdict.GOOD}
    assert (diagnosis.failure, diagnosis.next_step) == (None, None)
    assert diagnosis.summary.endswith("nothing is in the way.")


def fingerprints(state: Path) -> dict[str, str]:
    """What is in each file of the vault but for the locks of readers, which SQLite keeps beside it."""
    files = [path for path in state.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("ended", [False, True])
def test_an_examination_changes_nothing(ended: bool, machine: Machine, authority: StartAuthority) -> None:
    """Neither here nor there: a token that has ended is not renewed, and nobody is registered."""
    site = authority()
    machine.sign_in(site)
    if ended:
        machine.expire(site)
    stored, files, seen = machine.stored(site), fingerprints(machine.home.state), len(site.log)
    counted = dict(site.counts)

    diagnosis = machine.vault().sync.doctor(site.server_url)

    ours = asked(site)[seen:]
    probes = [line for line in ours if line == "server POST /mcp"]
    assert len(probes) == (1 if ended else 2)
    assert [line for line in ours if line not in probes and " GET /.well-known/" not in line] == []
    assert machine.stored(site) == stored
    assert fingerprints(machine.home.state) == files
    assert {name: count for name, count in site.counts.items() if "request" in name or "registration" in name} == {
        name: count for name, count in counted.items() if "request" in name or "registration" in name
    }
    assert only(diagnosis, "token").verdict is (Verdict.SKIPPED if ended else Verdict.GOOD)


def test_an_examination_makes_no_vault(machine: Machine, authority: StartAuthority) -> None:
    site = authority()

    machine.vault().sync.doctor(site.server_url)

    assert not (machine.home.state / "vault.db").exists()
    assert asked(site)[-1] == f"authority GET {OAUTH}"


def test_every_address_is_told_with_its_verdict(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(resource_metadata_at="root", redirects={f"{RESOURCE}/mcp": (503, "")}, metadata_at="openid"))

    diagnosis = machine.vault().sync.doctor(site.server_url)

    found = [
        (finding.verdict, (finding.url or "").rpartition("/.well-known/")[2], finding.status)
        for finding in diagnosis.findings
        if finding.step.endswith("_metadata")
    ]
    assert found[-3:] == [
        (Verdict.ODD, "oauth-protected-resource", 200),  # the whole origin's
        (Verdict.SKIPPED, "oauth-authorization-server", 404),
        (Verdict.GOOD, "openid-configuration", 200),
    ]


def test_an_answer_of_no_mcp_server_is_in_the_way_only_where_the_search_finds_nothing(
    machine: Machine, authority: StartAuthority
) -> None:
    web_page, forbidding = authority(Knobs(html_at_mcp=True)), authority(Knobs(forbidden=True))

    of_page = machine.vault().sync.doctor(web_page.server_url)
    of_forbidding = machine.vault().sync.doctor(forbidding.server_url)

    assert only(of_page, "challenge").verdict is Verdict.BAD
    assert {finding.verdict for finding in of(of_page, "resource_metadata")} == {Verdict.SKIPPED}
    assert only(of_forbidding, "challenge").verdict is Verdict.ODD


def test_endpoints_that_a_sign_in_asks_about_are_told(machine: Machine, authority: StartAuthority) -> None:
    """TB6."""
    site = authority(Knobs(authorization_endpoint=GOOGLE))

    diagnosis = machine.vault().sync.doctor(site.server_url)

    endpoints = only(diagnosis, "endpoints")
    assert endpoints.verdict is Verdict.ODD
    assert "accounts.google.example" in (endpoints.actual or "")


def test_an_older_server_is_told_as_one(machine: Machine, authority: StartAuthority) -> None:
    """4.5."""
    site = authority(Knobs(older=True, resource_metadata_at="nowhere", resource_metadata_absent=True))
    machine.home.name("old", site.server_url)

    diagnosis = machine.vault().sync.doctor("old")

    older = only(diagnosis, "older")
    assert older.verdict is Verdict.ODD
    assert older.next_step == f"handstamp add old {site.server_url} --authorization-revision 2025-03-26"


def test_another_authorization_server_than_at_the_last_sign_in_is_told(machine: Machine, authority: StartAuthority) -> None:
    """TB11."""
    site, other = authority(), authority()
    machine.sign_in(site)
    site.turn(authorization_servers=(other.issuer,))

    diagnosis = machine.vault().sync.doctor(site.server_url)

    issuer = only(diagnosis, "issuer")
    assert (issuer.verdict, issuer.actual) == (Verdict.ODD, other.issuer)
    assert site.issuer in (issuer.expected or "")


def test_a_token_that_the_server_refuses_is_told(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    site.turn(always_401=True)

    diagnosis = vault.sync.doctor(site.server_url)

    token = only(diagnosis, "token")
    assert (token.verdict, token.status, token.code) == (Verdict.BAD, 401, "login_required")
    assert diagnosis.next_step == f"handstamp login {site.server_url}"


def test_a_bound_token_is_shown_with_its_proof(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(dpop=True, server_nonce="n-1"))

    diagnosis = machine.sign_in(site).sync.doctor(site.server_url)

    assert only(diagnosis, "token").verdict is Verdict.GOOD
    assert only(diagnosis, "dpop").verdict is Verdict.GOOD


def test_how_a_sign_in_stands_is_told(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    store, grant = vault._parts.store, machine.stored(site)
    failure = Failure(grant.granted_at, "temporarily_unavailable", "Expected a token, got HTTP 503.")

    store.save_grant(replace(grant, refused="fingerprint"))
    refused = vault.sync.doctor(site.server_url)
    store.save_grant(replace(grant, failure=failure))
    failing = vault.sync.doctor(site.server_url)
    store.save_grant(replace(grant, failure=failure, token=replace(grant.token, expires_at=grant.granted_at)))
    ended = vault.sync.doctor(site.server_url)

    assert (only(refused, "grant").code, refused.exit_code) == ("login_required", 4)
    assert (only(failing, "grant").verdict, failing.exit_code) == (Verdict.ODD, 0)
    assert (only(ended, "grant").code, ended.exit_code) == ("temporarily_unavailable", 3)


def test_a_secret_that_is_not_in_its_place_is_told_before_a_sign_in_needs_it(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = authority(Knobs(clients={"mine": "a-secret"}, auth_methods=("client_secret_basic",)))
    machine.home.name("work", site.server_url, client_id="mine", client_secret_from="env:WORK_SECRET", issuer=site.issuer)

    without = machine.vault().sync.doctor("work")
    monkeypatch.setenv("WORK_SECRET", "a-secret")
    with_it = machine.vault().sync.doctor("work")

    assert (only(without, "credentials").code, without.exit_code) == ("settings", 2)
    assert only(with_it, "credentials").verdict is Verdict.GOOD
    assert "your settings name the client" in (only(with_it, "registration").actual or "")


def test_settings_that_cannot_be_read_end_an_examination_before_it_asks_anybody(
    machine: Machine, authority: StartAuthority
) -> None:
    site = authority()
    machine.home.write_settings(f'[servers.linear]\nurl = "{site.server_url}"\nheaders = {{ "X-Key" = "env:NOT_SET" }}\n')

    diagnosis = machine.vault().sync.doctor("linear")

    assert [(finding.step, finding.code) for finding in diagnosis.findings] == [("settings", "settings")]
    assert site.log == []


def test_a_program_of_their_own_is_signed_in_by_nobody(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(clients={"ci": "a-secret"}, auth_methods=("client_secret_basic",)))
    place = machine.home.root / "secret"
    place.write_text("a-secret")
    machine.home.name(
        "ci",
        site.server_url,
        client_id="ci",
        client_secret_from=f"file:{place}",
        issuer=site.issuer,
        grant_type="client_credentials",
    )

    diagnosis = machine.vault().sync.doctor("ci")

    assert diagnosis.failure is None
    assert only(diagnosis, "registration").title == "Nobody has to sign in"
    assert only(diagnosis, "grant").verdict is Verdict.SKIPPED
    assert of(diagnosis, "pkce") == []


def test_what_a_server_repeats_of_a_token_is_masked(machine: Machine, authority: StartAuthority) -> None:
    """TF13."""
    site = authority()
    vault = machine.sign_in(site)
    token = machine.stored(site).token.access_token.reveal()
    site.turn(challenge=f'Bearer error="{token}", scope="read"', always_401=True)

    diagnosis = vault.sync.doctor(site.server_url)

    assert "***" in (only(diagnosis, "token").actual or "")
    assert token not in repr(only(diagnosis, "token"))


def test_the_report_of_a_sign_in_names_nobody(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    vault._parts.store.save_grant(replace(machine.stored(site), identity="me@example.com"))

    diagnosis = vault.sync.doctor(site.server_url)

    assert "as me@example.com; " in (only(diagnosis, "grant").actual or "")
    assert "as ***; " in report(diagnosis)
    assert "me@example.com" not in report(diagnosis)


def test_an_address_that_is_not_connected_to_is_told(home: Path) -> None:
    with Vault.open(state=home / "state", config=home / "config", network="public") as vault:
        diagnosis = vault.sync.doctor("https://127.0.0.1/mcp")

    assert only(diagnosis, "connection").code == "forbidden_address"


@pytest.mark.parametrize(("command", "code"), [("sh", None), ("no-such-program-anywhere", "settings")])
def test_of_a_program_it_is_told_whether_it_is_there(command: str, code: str | None, vault: Vault) -> None:
    program = ProgramSettings("files", (command, "-c", "exit 1"))
    vault.settings = replace(vault.settings, programs={"files": program})

    diagnosis = vault.sync.doctor("files")

    assert (diagnosis.failure and diagnosis.failure.code, diagnosis.url) == (code, "")
    assert only(diagnosis, "grant").title == "Nobody signs in to a program"
