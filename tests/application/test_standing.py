"""Which sign-ins a monitor is told of, by whose fault, and what somebody is to run."""

from dataclasses import replace

import pytest

from fakes import SERVER, make_grant
from handstamp.model import ClientSettings, Failure, Grant, GrantType, RegistrationKind, Status
from handstamp.settings import ServerSettings
from handstamp.standing import Standing

NOW = 1_000_000.0
ENDED = NOW + 3600
DAY = 86_400.0
LINEAR = ServerSettings("linear", SERVER)
CI = ServerSettings("ci", SERVER, client=ClientSettings(grant_type=GrantType.CLIENT_CREDENTIALS))


def standing(grant: Grant, server: ServerSettings = LINEAR) -> Standing:
    return Standing(server, grant.key, grant)


def failing(code: str) -> Grant:
    return replace(make_grant(kind=RegistrationKind.PRE_REGISTERED), failure=Failure(NOW, code, "It said no."))


def with_secret_until(ends_at: float, grant: Grant | None = None) -> Grant:
    grant = grant or make_grant()
    return replace(grant, registration=replace(grant.registration, client_secret_expires_at=ends_at))


def exit_code(grant: Grant, now: float) -> int:
    problem = standing(grant).problem(now)
    return 0 if problem is None else problem.exit_code


def test_a_token_that_renews_is_nobodys_affair_however_old_it_is() -> None:
    grant = make_grant()

    assert [exit_code(grant, at) for at in (NOW, ENDED, NOW + 30 * DAY)] == [0, 0, 0]


def test_a_token_that_nothing_renews_is_a_persons_when_it_ends() -> None:
    grant = make_grant(refresh=None)

    assert [exit_code(grant, at) for at in (NOW, ENDED)] == [0, 4]


def test_a_refused_sign_in_is_a_persons_while_its_token_is_still_good() -> None:
    grant = replace(make_grant(), refused="fingerprint")

    problem = standing(grant).problem(NOW)

    assert problem is not None
    assert (problem.exit_code, problem.needs_person, problem.next_step) == (4, True, "handstamp login linear")
    assert Status.of(grant, NOW) is Status.NEEDS_LOGIN


@pytest.mark.parametrize("code", ["connect_failed", "tls_failed", "timed_out", "temporarily_unavailable", "malformed_response"])
def test_what_may_mend_itself_counts_only_once_the_token_has_ended(code: str) -> None:
    grant = failing(code)

    assert [exit_code(grant, at) for at in (NOW, ENDED - 1, ENDED)] == [0, 0, 3]
    assert Status.of(grant, NOW) is Status.RENEWAL_FAILING


def test_a_token_without_an_end_is_renewed_because_it_was_refused() -> None:
    grant = failing("timed_out")

    assert exit_code(replace(grant, token=replace(grant.token, expires_at=None)), NOW) == 3


@pytest.mark.parametrize("code", ["invalid_client", "invalid_scope", "settings", "usage", "login_required", "of_a_later_version"])
def test_what_somebody_has_to_mend_counts_at_once(code: str) -> None:
    problem = standing(failing(code)).problem(NOW)

    assert problem is not None
    assert (problem.exit_code, problem.needs_person) == (4, True)
    assert (problem.words, problem.next_step) == ("It said no.", "handstamp -v login linear")


def test_a_vault_that_fails_the_refresh_is_the_vaults() -> None:
    assert exit_code(failing("store_unreachable"), NOW) == 5


def test_a_program_that_is_refused_needs_somebody_and_no_sign_in() -> None:
    grant = replace(failing("invalid_grant"), grant_type=GrantType.CLIENT_CREDENTIALS)

    problem = standing(grant, CI).problem(NOW)

    assert problem is not None
    assert (problem.exit_code, problem.next_step) == (4, "handstamp -v login ci")


def test_a_registration_that_the_server_has_forgotten_is_a_sign_in() -> None:
    """TE20: a dynamic one; nobody but a login registers another."""
    grant = replace(make_grant(), failure=Failure(NOW, "invalid_client", "It knows no such client."))

    problem = standing(grant).problem(NOW)

    assert problem is not None
    assert (problem.words, problem.next_step) == (
        "The server has forgotten this program's registration.",
        "handstamp login linear",
    )


def test_a_registration_counts_three_days_before_its_end() -> None:
    """A-58, TE21."""
    grant = with_secret_until(NOW + 90 * DAY)

    assert [exit_code(grant, NOW + at * DAY) for at in (0, 86, 87, 91)] == [0, 0, 4, 4]


def test_a_short_registration_counts_in_its_last_tenth() -> None:
    """Else one of a day would never be in order."""
    grant = with_secret_until(NOW + DAY)

    assert [exit_code(grant, NOW + at * DAY) for at in (0, 0.89, 0.9)] == [0, 0, 4]


def test_a_registration_that_was_over_before_the_sign_in_counts_for_nothing() -> None:
    """The server did not mean it: it gave a token."""
    assert exit_code(with_secret_until(NOW - 60), NOW) == 0


def test_a_registration_is_only_needed_to_renew() -> None:
    assert exit_code(with_secret_until(NOW + DAY, make_grant(refresh=None)), NOW + 3000) == 0


def test_nobody_has_to_sign_in_where_nobody_has_asked() -> None:
    standings = [Standing(LINEAR), Standing(LINEAR, is_named=True), Standing(CI, is_named=True)]

    problems = [each.problem(NOW) for each in standings]

    assert [problem and problem.exit_code for problem in problems] == [None, 4, None]
    assert [each.next_step(NOW) for each in standings] == ["handstamp login linear", "handstamp login linear", None]


def test_a_former_sign_in_is_over_and_that_is_well() -> None:
    grant = replace(make_grant(), refused="fingerprint")

    assert replace(standing(grant), is_former=True).problem(NOW) is None


def test_the_command_names_the_account() -> None:
    at_work = replace(make_grant(account="at work"), refused="fingerprint")
    failing_there = replace(at_work, refused=None, failure=Failure(NOW, "settings", "No secret."))

    steps = [standing(each).next_step(NOW) for each in (at_work, failing_there)]

    assert steps == ["handstamp login linear --account 'at work'", "handstamp -v login linear --account 'at work'"]


OFF = replace(LINEAR, enabled=False)


def test_a_server_that_is_switched_off_is_nobodys_affair_unless_it_is_named() -> None:
    refused = replace(make_grant(), refused="fingerprint")

    assert standing(refused, OFF).problem(NOW) is None
    assert Standing(OFF).next_step(NOW) is None
    assert standing(refused, LINEAR).problem(NOW) is not None
    assert replace(standing(refused, OFF), is_named=True).problem(NOW) is not None
    assert Standing(OFF, is_named=True).next_step(NOW) == "handstamp login linear"


@pytest.mark.parametrize(
    ("one", "wants"),
    [
        (Standing(LINEAR), True),
        (standing(replace(make_grant(), refused="fingerprint")), True),
        (standing(make_grant(refresh=None, lifetime=0.0)), True),
        (standing(make_grant()), False),
        (standing(failing("timed_out")), False),
        (Standing(OFF), False),
        (Standing(CI), False),
        (Standing(ServerSettings(SERVER, SERVER, is_configured=False)), False),
        (Standing(LINEAR, make_grant().key), False),
        (replace(standing(replace(make_grant(), refused="fingerprint")), is_former=True), False),
    ],
    ids=["nobody", "refused", "ended", "fine", "failing", "off", "machine", "nameless", "damaged", "former"],
)
def test_who_signs_in_everywhere_signs_in_where_a_person_is_needed(one: Standing, wants: bool) -> None:
    assert one.wants_login(NOW) is wants
