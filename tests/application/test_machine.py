"""A token for the program itself (client credentials), from the settings to the server's answer, and nobody at a browser."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx2
import jwt
import pytest

from application.machines import NAME, SECRET, WHOAMI, Program, a_program, with_key
from authority import Authority, FormBrowser, Knobs, StartAuthority
from handstamp.errors import (
    HandstampError,
    InvalidClient,
    IssuerMismatch,
    LoginRequired,
    ServerBrokeProtocol,
    SettingsError,
    StepUpRequired,
    TemporarilyUnavailable,
    UsageError,
)
from handstamp.model import DISCOVERED, ClientSettings, GrantType, RegistrationKind, Secret
from handstamp.vault import Vault
from signing import make_keys


@pytest.fixture
def site(authority: StartAuthority) -> Authority:
    """Knows the program's client, and would register any other too."""
    return authority(Knobs(clients={"ci": SECRET}, auth_methods=("client_secret_basic", "client_secret_post", "none")))


@pytest.fixture
def program(home: Path, site: Authority) -> Iterator[Program]:
    with a_program(home, site) as started:
        yield started


def test_a_client_calls_a_tool_as_the_program_itself(program: Program) -> None:
    """A-136, A-138, A-139, A-01: probed, found, asked once; no registration, no browser, no person."""
    said = program.who()

    assert said == "ci, allowed to read"
    assert program.site.counts["registrations"] == 0
    assert program.site.counts["authorization_requests"] == 0
    assert program.site.token_requests == [
        {"grant_type": "client_credentials", "resource": program.site.server_url, "scope": "read", "client_id": "ci"}
    ]


def test_the_secret_goes_by_basic_where_that_is_offered(program: Program) -> None:
    """A-137, A-141, A-94."""
    program.ask()

    [request] = program.site.requests_to("/token")
    assert request.headers["authorization"].startswith("Basic ")
    assert "client_secret" not in request.form


def test_the_secret_goes_in_the_form_where_that_alone_is_offered(program: Program) -> None:
    """A-137, A-141, A-94."""
    program.site.turn(auth_methods=("client_secret_post",))

    assert program.ask().status_code == 200
    [request] = program.site.requests_to("/token")
    assert "authorization" not in request.headers
    assert request.form["client_secret"] == SECRET


def test_a_key_signs_for_the_program_and_for_the_issuer_alone(program: Program) -> None:
    """A-137, A-139, A-140."""
    with_key(program)

    said = program.who()

    [form] = program.site.token_requests
    claims = jwt.decode(form["client_assertion"], options={"verify_signature": False})
    assert said == "ci, allowed to read"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("ci", "ci", program.site.issuer)
    assert claims["exp"] - claims["iat"] == 60
    assert "client_secret" not in form


def test_the_algorithm_is_one_that_the_server_takes(program: Program) -> None:
    """A-141."""
    keys = make_keys("RS256")
    program.site.turn(client_keys={"ci": keys.public_pem}, clients={}, signing_algorithms=("ES256", "PS256", "RS384"))
    program.configure(client_secret_from=None, private_key_from=lambda: json.dumps(keys.private_jwk(kid="k1")))

    assert program.ask().status_code == 200
    header = jwt.get_unverified_header(program.site.token_requests[0]["client_assertion"])
    assert (header["alg"], header["kid"]) == ("PS256", "k1")


def test_a_key_for_which_the_server_takes_no_algorithm_signs_nothing(program: Program) -> None:
    """A-141."""
    with_key(program)
    program.site.turn(signing_algorithms=("RS256", "EdDSA"))

    with pytest.raises(UsageError, match=r"RS256, EdDSA.*ES256"):
        program.ask()
    assert program.site.token_requests == []


def test_what_is_stored_is_the_grant_and_neither_secret_nor_key(program: Program) -> None:
    """A-142, W12."""
    program.ask()

    grant = program.vault().grant(NAME)
    assert grant is not None
    assert grant.grant_type is GrantType.CLIENT_CREDENTIALS
    assert grant.registration.kind is RegistrationKind.PRE_REGISTERED
    assert grant.registration.client_secret is None
    assert grant.token.refresh_token is None
    assert (grant.scopes, grant.identity, grant.registration.redirect_uri) == (("read",), None, "")


def test_one_token_serves_until_it_ends_and_then_there_is_another(program: Program) -> None:
    """A-142: without a refresh token."""
    vault = program.vault()

    statuses = [program.ask(vault).status_code for _ in range(3)]
    program.site.expire_access_tokens()
    statuses += [program.ask(vault).status_code, program.ask().status_code]

    assert statuses == [200] * 5
    assert program.site.counts["token_requests"] == {"client_credentials": 2}


def test_many_threads_tasks_and_vaults_ask_once(program: Program) -> None:
    """A-142: as for a refresh."""
    program.site.turn(token_status="hang")
    statuses: list[int] = []

    async def tasks(vault: Vault) -> None:
        async with httpx2.AsyncClient(auth=vault.auth(NAME), trust_env=False) as http, anyio.create_task_group() as group:

            async def one() -> None:
                statuses.append((await http.post(program.site.server_url, json=WHOAMI)).status_code)

            for _ in range(3):
                group.start_soon(one)

    vaults = [program.vault() for _ in range(3)]
    threads = [threading.Thread(target=anyio.run, args=(tasks, vault)) for vault in vaults]
    threads += [threading.Thread(target=lambda: statuses.append(program.ask(vaults[0]).status_code))]
    for thread in threads:
        thread.start()
    assert program.site.token_request_arrived.wait(20)
    program.site.turn(token_status=None)
    program.site.release()
    for thread in threads:
        thread.join(20)

    assert statuses == [200] * 10
    assert len(program.site.token_requests) == 1


def test_an_open_server_stays_open(program: Program) -> None:
    """4.14."""
    program.site.turn(open_server=True)

    assert program.ask().status_code == 200
    assert program.vault().sync.login(NAME) is None
    with pytest.raises(LoginRequired, match="works without signing in"):
        program.vault().sync.token(NAME)
    assert program.site.token_requests == []


def test_a_token_can_be_had_without_any_request_of_a_client(program: Program) -> None:
    vault = program.vault()

    token = vault.sync.token(NAME)
    again = anyio.run(lambda: vault.token(NAME))

    assert token == again
    assert program.ask(vault).status_code == 200
    assert len(program.site.token_requests) == 1


def test_a_login_asks_for_a_new_one_each_time_and_opens_no_browser(program: Program) -> None:
    browser = FormBrowser()
    vault = program.vault()

    grants = [vault.sync.login(NAME, browser=browser) for _ in range(2)]

    assert [grant is not None and grant.grant_type for grant in grants] == [GrantType.CLIENT_CREDENTIALS] * 2
    assert program.site.counts["token_requests"] == {"client_credentials": 2}
    assert program.site.counts["authorization_requests"] == 0


def test_a_login_for_scopes_that_are_not_configured_names_the_setting(program: Program) -> None:
    """A-113: nobody is there to allow more."""
    with pytest.raises(UsageError, match="scopes of reports in its settings") as caught:
        program.vault().sync.login(NAME, scopes=("admin",))
    assert caught.value.hint == f"handstamp add reports {program.site.server_url} --scope admin"


def test_a_call_that_wants_more_scopes_ends_in_the_setting_that_brings_them(program: Program) -> None:
    """A-113: step-up would ask nobody, so it stops."""
    program.site.turn(insufficient_scope="admin")
    stamp: dict[str, object] = {**WHOAMI, "params": {"name": "stamp", "arguments": {"text": "a"}}}
    program.ask()

    with pytest.raises(StepUpRequired, match="settings") as caught:
        program.ask(message=stamp)

    assert caught.value.hint == f"handstamp add reports {program.site.server_url} --scope 'read admin'"
    assert len(program.site.token_requests) == 1


def test_without_configured_scopes_those_of_the_challenge_are_asked_for_and_no_refresh(program: Program) -> None:
    """A-70, A-142, A-143."""
    program.scopes = ()
    program.site.turn(challenge_scope="read offline_access")

    program.ask()

    assert program.site.token_requests[0]["scope"] == "read"


def test_a_server_that_wants_tokens_bound_to_a_key_gets_one(program: Program) -> None:
    """A-164: also without a person; the key is new with each token."""
    program.site.turn(dpop=True)
    vault = program.vault()

    assert program.who(vault) == "ci, allowed to read"
    grant = vault.grant(NAME)
    assert grant is not None
    assert grant.token.dpop_key is not None


# The issuer (4.6, A-144)


def test_a_server_that_names_another_issuer_gets_neither_secret_nor_assertion(
    program: Program, authority: StartAuthority
) -> None:
    """A-144, A-62, TB11: the rogue authorization server would take everything."""
    rogue = authority(Knobs(auth_methods=None))
    program.site.turn(authorization_servers=(rogue.issuer,))

    with pytest.raises(IssuerMismatch, match="configured issuer"):
        program.ask()
    with_key(program)
    with pytest.raises(IssuerMismatch, match="configured issuer"):
        program.ask()

    assert rogue.log == []
    assert program.site.token_requests == []


def test_metadata_of_another_issuer_gets_nothing(program: Program) -> None:
    """A-144, A-26: the right address, and a document that speaks for somebody else."""
    program.site.turn(issuer_in_metadata="https://rogue.example")

    with pytest.raises(IssuerMismatch):
        program.ask()
    assert program.site.token_requests == []


@pytest.mark.parametrize("grant_type", [GrantType.CLIENT_CREDENTIALS, GrantType.JWT_BEARER])
def test_without_an_issuer_nothing_begins(grant_type: GrantType, program: Program) -> None:
    """A-144: the error names the setting, and not even the server is asked."""
    program.client = ClientSettings(
        client_id="ci",
        client_secret_from="env:CI_SECRET",
        grant_type=grant_type,
        assertion_from="file:/jwt" if grant_type is GrantType.JWT_BEARER else None,
    )

    with pytest.raises(UsageError, match=f'Expected issuer.*grant_type = "{grant_type.value}"'):
        program.vault().auth(NAME)
    assert program.site.log == []


def test_whoever_says_so_in_python_takes_the_servers_word_for_the_issuer(program: Program) -> None:
    """4.6: for a client that tests servers."""
    program.configure(issuer=DISCOVERED)

    assert program.ask().status_code == 200


def test_a_token_endpoint_that_has_moved_gets_nothing_until_a_person_says_so(program: Program, authority: StartAuthority) -> None:
    """TB12, 4.3: under the same issuer, at another origin."""
    program.ask()
    elsewhere = authority()
    program.site.turn(token_endpoint=f"{elsewhere.issuer}/token")
    program.site.expire_access_tokens()

    with pytest.raises(ServerBrokeProtocol, match="as before") as caught:
        program.ask()

    assert caught.value.hint == "handstamp logout reports"
    assert elsewhere.log == []


# Where the settings change, or are wrong


@pytest.mark.parametrize(
    "change",
    [
        lambda program: program.configure(client_id="other"),
        lambda program: setattr(program, "scopes", ("read", "write")),
    ],
    ids=["client", "scopes"],
)
def test_a_grant_of_other_settings_is_not_used(change: Callable[[Program], None], program: Program) -> None:
    """W13: nobody is signed out for it, and nobody has to know."""
    program.site.turn(clients={"ci": SECRET, "other": SECRET})
    program.ask()

    change(program)

    assert program.ask().status_code == 200
    assert len(program.site.token_requests) == 2


def test_a_persons_sign_in_does_not_act_for_the_program_nor_the_other_way_round(program: Program) -> None:
    """Whose a token is, the settings say."""
    person, machine = ClientSettings(), program.client
    program.client = person
    assert program.vault().sync.login(NAME, browser=FormBrowser()) is not None

    program.client = machine
    as_program = program.who()
    program.client = person
    with pytest.raises(LoginRequired):
        program.vault().sync.token(NAME)

    assert as_program == "ci, allowed to read"


def test_a_wrong_secret_is_told_as_it_is(program: Program) -> None:
    """Nothing else is tried: no registration, no other method, no sign-in."""
    program.configure(client_secret_from=lambda: "stamp_cs_not-the-secret-of-the-program")

    with pytest.raises(InvalidClient) as caught:
        program.ask()

    assert caught.value.hint == "handstamp -v login reports"
    assert len(program.site.token_requests) == 1
    assert program.site.counts["registrations"] == 0


def test_a_secret_that_is_not_there_is_an_error_of_the_settings(program: Program) -> None:
    program.configure(client_secret_from="env:NOT_SET_ANYWHERE")

    with pytest.raises(SettingsError, match="NOT_SET_ANYWHERE"):
        program.ask()
    assert program.site.token_requests == []


def test_a_secret_is_read_anew_each_time(home: Path, site: Authority) -> None:
    """A-143: it rotates where it is kept, and nothing has to be told."""
    secrets = iter(["stamp_cs_the-first-secret-of-it", "stamp_cs_the-second-secret-of-it"])
    current = next(secrets)
    site.turn(clients={"ci": current})
    with a_program(home, site, lambda: current) as program:
        vault = program.vault()
        before = program.ask(vault).status_code
        current = next(secrets)
        site.turn(clients={"ci": current})
        site.expire_access_tokens()

        assert (before, program.ask(vault).status_code) == (200, 200)


def test_a_server_in_trouble_is_no_refusal(program: Program) -> None:
    """Decision 10."""
    program.site.turn(token_status=503)

    with pytest.raises(TemporarilyUnavailable):
        program.ask()


def test_a_logout_revokes_and_the_next_request_gets_another(program: Program) -> None:
    vault = program.vault()
    program.ask(vault)

    [report] = vault.sync.logout(NAME)

    assert report.revoked
    assert vault.grant(NAME) is None
    assert program.ask(vault).status_code == 200
    assert len(program.site.token_requests) == 2


def test_no_error_keeps_a_secret_in_its_variables(program: Program) -> None:
    """TH6."""
    program.site.turn(machine_error="invalid_scope")

    with pytest.raises(HandstampError) as caught:
        program.vault().sync.token(NAME)

    trace, found = caught.value.__traceback__, list[object]()
    while trace is not None:
        if trace.tb_frame.f_globals["__name__"].startswith("handstamp.machine"):
            found += trace.tb_frame.f_locals.values()
        trace = trace.tb_next
    assert not any(isinstance(value, Secret) for value in found)


# A person whose client has a key


def person_with_key(program: Program) -> None:
    program.site.turn(auth_methods=("private_key_jwt",))
    with_key(program)
    program.configure(grant_type=GrantType.AUTHORIZATION_CODE)


def test_a_key_serves_a_person_s_sign_in_and_its_refresh_too(program: Program) -> None:
    """A-49, A-137: each request of the client is proved."""
    person_with_key(program)
    vault = program.vault()
    vault.sync.login(NAME, browser=FormBrowser())
    program.site.expire_access_tokens()

    assert program.ask(vault).status_code == 200
    assert [form["grant_type"] for form in program.site.token_requests] == ["authorization_code", "refresh_token"]
    assert all("client_assertion" in form for form in program.site.token_requests)


def test_where_nobody_says_whose_client_it_is_no_key_signs_for_it(program: Program) -> None:
    """4.6, A-144: before an assertion leaves, too."""
    person_with_key(program)
    program.configure(issuer=None)

    with pytest.raises(UsageError, match="Expected the issuer of client ci") as caught:
        program.vault().sync.login(NAME, browser=FormBrowser())

    assert caught.value.hint == f"handstamp add reports {program.site.server_url} --issuer ISSUER"
    assert program.site.token_requests == []
