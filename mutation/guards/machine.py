"""Programs without a person: to whom what proves them goes, and what is refused before it does."""

from mutation.guard import Edit, Guard

SETTINGS = "protocol/client_settings.py"
GRANTS = "protocol/machine_grants.py"
ID_JAG = "protocol/id_jag.py"


def application(file: str, *names: str) -> tuple[str, ...]:
    """Node ids of tests in `tests/application/test_<file>.py`."""
    return tuple(f"tests/application/test_{file}.py::test_{name}" for name in names)


def protocol(file: str, *names: str) -> tuple[str, ...]:
    """Likewise in `tests/protocol`."""
    return tuple(f"tests/protocol/test_{file}.py::test_{name}" for name in names)


GUARDS = [
    Guard(
        "without a person the issuer is configured",
        (Edit(SETTINGS, "    if client.issuer is None:\n", "    if False:\n"),),
        tests=application("machine", "without_an_issuer_nothing_begins"),
    ),
    Guard(
        "what proves a program goes to the configured issuer alone",
        (
            Edit(
                "machine.py",
                "issuer=request.client.authorization_server)\n        discovered",
                "issuer=None)\n        discovered",
            ),
            Edit(GRANTS, "if expected is not None and expected != server.issuer:", "if False:"),
        ),
        tests=(
            *application("machine", "a_server_that_names_another_issuer_gets_neither_secret_nor_assertion"),
            *application("workload", "a_rogue_server_gets_no_identity"),
            *application("enterprise", "a_rogue_server_gets_no_assertion_and_none_is_made_for_it"),
        ),
    ),
    Guard(
        "a program's token endpoint does not move to another origin",
        (Edit("machine.py", "if former is not None and origin(now) != origin(former.token_endpoint):", "if False:"),),
        tests=application("machine", "a_token_endpoint_that_has_moved_gets_nothing_until_a_person_says_so"),
    ),
    Guard(
        "a program's settings name what proves it",
        (
            Edit(
                SETTINGS,
                "            # A-137, A-142: who proves nothing could be anybody.\n            if proof is None:",
                "            if False:",
            ),
        ),
        tests=protocol("machine_grants", "settings_that_lack_something_name_it"),
    ),
    Guard(
        "a client of one issuer asks no other for a token without a person",
        (Edit(GRANTS, "    if registration.issuer != server.issuer:\n", "    if False:\n"),),
        tests=protocol("machine_grants", "a_client_of_one_server_is_not_used_at_another"),
    ),
    Guard(
        "a metadata document is used only where documents are taken",
        (Edit(GRANTS, "if is_document and not server.client_id_metadata_document_supported:", "if False:"),),
        tests=protocol("machine_grants", "a_document_is_used_only_where_documents_are_taken"),
    ),
    Guard(
        "a grant of other settings is not used",
        (Edit("source.py", "return found if found is not None and self._fits(found) else None", "return found"),),
        tests=application(
            "machine",
            "a_grant_of_other_settings_is_not_used",
            "a_persons_sign_in_does_not_act_for_the_program_nor_the_other_way_round",
        ),
    ),
    Guard(
        "a step-up without a person ends in the settings",
        (
            Edit(
                "protocol/step_up.py",
                "if grant is not None and grant.grant_type is not GrantType.AUTHORIZATION_CODE:",
                "if False:",
            ),
        ),
        tests=application("machine", "a_call_that_wants_more_scopes_ends_in_the_setting_that_brings_them"),
    ),
    # Client assertions
    Guard(
        "a client assertion is for the issuer",
        (
            Edit(
                "protocol/client_auth.py",
                'token_endpoint if registration.assertion_audience == "token_endpoint" else registration.issuer',
                "token_endpoint",
            ),
        ),
        rows=("TE24",),
    ),
    Guard(
        "a client assertion bears an identifier of its own",
        (Edit("protocol/jwt.py", '"jti": self._random(16).hex()', '"jti": "one"'),),
        tests=protocol("jwt", "each_assertion_is_another_one"),
    ),
    Guard(
        "a client assertion ends within a minute",
        (Edit("protocol/client_auth.py", "ASSERTION_LIFETIME = 60\n", "ASSERTION_LIFETIME = 3600\n"),),
        rows=("TE24",),
    ),
    Guard(
        "a client that has lost its key is no public one",
        (
            Edit(
                "protocol/client_auth.py",
                "    if signer is None:\n",
                '    if signer is None:\n        return (("client_id", client_id),)\n    if False:\n',
            ),
        ),
        tests=protocol("jwt", "without_its_key_a_client_does_not_go_on_as_a_public_one"),
    ),
    Guard(
        "an algorithm is one that the server takes",
        (
            Edit(
                "protocol/jwt.py",
                "listed = next((name for name in fitting if name in supported), None)",
                "listed = next((name for name in fitting if name in supported), fitting[0])",
            ),
        ),
        tests=(
            *application("machine", "a_key_for_which_the_server_takes_no_algorithm_signs_nothing"),
            *protocol("jwt", "a_key_that_does_not_fit_says_what_would"),
        ),
    ),
    Guard(
        "an RSA key has 2048 bits",
        (
            Edit(
                "protocol/jwt.py",
                "isinstance(private, RSAPrivateKey) and private.key_size >= SMALLEST_RSA_KEY:",
                "isinstance(private, RSAPrivateKey):",
            ),
        ),
        tests=protocol("jwt", "what_is_no_key_of_ours_is_refused_and_not_repeated"),
    ),
    # An organisation's word
    Guard(
        "what an exchange gives is an ID-JAG and no other token",
        (Edit(ID_JAG, "if not isinstance(found, str) or found.lower() != expected.lower():", "if False:"),),
        tests=application("enterprise", "what_is_no_assertion_is_not_passed_on"),
    ),
    Guard(
        "an assertion is shown to the authorization server that it is for",
        (Edit(ID_JAG, "    if audience != issuer:\n", "    if False:\n"),),
        tests=protocol("machine_grants", "an_assertion_for_one_server_is_not_used_at_another"),
    ),
    Guard(
        "an assertion is shown again only for what it was asked for",
        (Edit(ID_JAG, "return self.wanted == wanted and self.expires_at", "return self.expires_at"),),
        tests=protocol("machine_grants", "an_assertion_serves_what_it_was_asked_for"),
    ),
    Guard(
        "an ID token that has ended is not sent",
        (Edit("enterprise.py", "if end is None or self._clock() < end:", "if True:"),),
        tests=application("enterprise", "an_id_token_that_has_ended_needs_a_person_and_says_where"),
    ),
    Guard(
        "a sign-in that is too weak goes back to the organisation",
        (Edit("enterprise.py", "            if error.error != STRONGER:\n                raise\n", "            raise\n"),),
        tests=application("enterprise", "a_sign_in_that_is_too_weak_is_done_again_at_the_organisation"),
    ),
    Guard(
        "a server whose profiles leave identity assertions out is not asked",
        (Edit(ID_JAG, "if listed is not None and PROFILE not in listed:", "if False:"),),
        tests=application("enterprise", "a_server_whose_profiles_leave_it_out_is_not_asked"),
    ),
]
