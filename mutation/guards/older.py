"""Servers of 2025-03-26, and servers that move to another issuer."""

from mutation.guard import Edit, Guard

DISCOVERY, OLDER, LOGIN = "protocol/discovery.py", "protocol/older.py", "login.py"
STEPS, JOURNEYS, MOVES = (
    "tests/protocol/test_older.py",
    "tests/application/test_older.py",
    "tests/application/test_issuer_change.py",
)
FIRST, SECOND = (
    f"{STEPS}::test_without_a_definite_no_at_each_address_nothing_older_is_asked",
    f"{STEPS}::test_without_a_definite_no_at_the_root_no_default_endpoint_is_taken",
)

GUARDS = [
    Guard(
        "404 and 410 alone say for certain that nothing is there",
        (
            Edit(
                "protocol/metadata.py",
                "definite=all(each.is_definite for each in failures)",
                "definite=not present",
            ),
        ),
        tests=(FIRST, SECOND),
    ),
    Guard(
        "every address has to say so before an older way is taken",
        (Edit("protocol/metadata.py", "definite=all(", "definite=any("),),
        tests=(FIRST,),
    ),
    Guard(
        "an older server has asked for a sign-in",
        (Edit(DISCOVERY, "if probe.asks and error.definite and older:", "if error.definite and older:"),),
        tests=(f"{STEPS}::test_a_server_that_did_not_ask_for_a_sign_in_is_no_older_one",),
    ),
    Guard(
        "only a caller who asks a person is led to an older server",
        (Edit(DISCOVERY, "error.definite and older:", "error.definite:"),),
        tests=(f"{STEPS}::test_nothing_older_is_asked_for_a_caller_who_asks_nobody",),
    ),
    Guard(
        "a 401 is no open server, whatever its body speaks",
        (Edit(DISCOVERY, "if probe.asks or not error.absent:", "if not error.absent:"),),
        tests=(f"{STEPS}::test_a_401_that_speaks_json_rpc_is_no_open_server",),
    ),
    Guard(
        "an older server is its own issuer",
        (Edit(OLDER, 'if named.removesuffix("/") != expected:', "if False:"),),
        tests=(
            f"{STEPS}::test_a_server_that_claims_another_issuer_is_refused",
            f"{JOURNEYS}::test_a_server_that_claims_the_issuer_of_another_gets_nothing",
        ),
    ),
    Guard(
        "default endpoints need a definite no at the root",
        (Edit(OLDER, "if not error.definite:", "if False:"),),
        tests=(SECOND,),
    ),
    Guard(
        "what is configured for another issuer is not for an older server",
        (Edit(DISCOVERY, "    choose_issuer(resource, issuer)  # A-62", "    # A-62"),),
        tests=(
            f"{STEPS}::test_what_is_configured_for_another_issuer_is_not_for_the_server_itself",
            f"{JOURNEYS}::test_what_is_configured_for_another_issuer_stays_away",
        ),
    ),
    Guard(
        "an older server needs a yes",
        (Edit(LOGIN, "if not login.is_expected(discovered):", "if False:"),),
        tests=(f"{JOURNEYS}::test_without_a_yes_nothing_is_asked_but_metadata",),
    ),
    Guard(
        "a secret goes to an older server that the settings name, and to no other",
        (Edit("confirmations.py", "if discovered.is_older or not await", "if not await"),),
        tests=(f"{JOURNEYS}::test_a_secret_needs_its_issuer_in_the_settings",),
    ),
    Guard(
        "of an older server no issuer was discovered",
        (
            Edit(
                LOGIN, "issuer = client.authorization_server if discovered.is_older else client.issuer", "issuer = client.issuer"
            ),
        ),
        tests=(f"{JOURNEYS}::test_a_secret_of_whichever_issuer_is_discovered_is_not_for_an_older_server",),
    ),
    Guard(
        "a grant is renewed under its own lock",
        (Edit("source.py", "            if grant is None or grant.key == key:\n", "            if True:\n"),),
        tests=("tests/application/test_source.py::test_a_refresh_holds_the_lock_of_the_grant_that_it_renews",),
    ),
    Guard(
        "another issuer is a reason for another sign-in at once",
        (Edit("on_demand.py", "if self._is_recent(self._followed_at) or not self._has_moved(refusal):", "if True:"),),
        tests=(f"{MOVES}::test_a_session_goes_on_after_one_more_sign_in",),
    ),
    Guard(
        "a server that refuses what the old issuer renewed is asked whether it has moved",
        (Edit("http/auth.py", "if tries == 1 and self._interactive is not None:", "if False:"),),
        tests=(f"{MOVES}::test_a_session_goes_on_after_one_more_sign_in",),
    ),
    Guard(
        "a server that has not moved is asked once a minute whether it has",
        (
            Edit(
                "on_demand.py",
                "            self._failed = (self._clock(), error)\n",
                "            if not isinstance(error, LoginRequired):\n                self._failed = (self._clock(), error)\n",
            ),
        ),
        tests=(f"{MOVES}::test_a_server_that_refuses_every_token_and_has_not_moved_gets_one_sign_in",),
    ),
    Guard(
        "a client that the settings place at another issuer may go there",
        (Edit(LOGIN, "client.authorization_server is not None or stored.key.issuer", "stored.key.issuer"),),
        tests=(f"{MOVES}::test_the_settings_can_move_a_client_of_the_person_s_own",),
    ),
    Guard(
        "what proves a client renews no sign-in of another",
        (Edit("vault.py", "if proves and not settings.is_of_client(registration):", "if False:"),),
        tests=(f"{MOVES}::test_the_secret_of_the_client_that_is_configured_now_renews_no_older_sign_in",),
    ),
    Guard(
        "a configured issuer tells one sign-in from another",
        (
            Edit(
                "settings/servers.py",
                "return is_same and client.authorization_server in (None, registration.issuer)",
                "return is_same",
            ),
        ),
        tests=(
            f"{MOVES}::test_the_secret_of_the_client_that_is_configured_now_renews_no_older_sign_in",
            f"{MOVES}::test_a_client_that_is_configured_at_another_issuer_signs_in_there",
        ),
    ),
]
