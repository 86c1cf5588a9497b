"""TF: requests to the server, and its challenges."""

from mutation.guard import Edit, Guard

TF = "tests/threats/test_tf.py::"
ORIGIN = "            if origin(url) != origin(self._server):\n                return False\n"
BEARER_ALONE = "for draft in drafts if draft.scheme in SCHEMES and not draft.is_bad]"

GUARDS = [
    Guard(
        "our own client sends nothing but to the server itself",
        (Edit("http/client.py", "if not self._auth.covers(str(request.url)):", "if False:"),),
        rows=("TF1", "TF2", "TF3", "TF16"),
    ),
    Guard(
        "a token goes to the server's own origin",
        (Edit("http/coverage.py", ORIGIN, "            pass\n"),),
        rows=("TF1", "TF2", "TF3"),
    ),
    Guard(
        "another port or scheme of a host is another origin",
        (
            Edit(
                "http/coverage.py",
                ORIGIN,
                ORIGIN.replace("origin(url) != origin(", "str(url).split('/')[2].split(':')[0] not in str("),
            ),
        ),
        rows=("TF2",),
    ),
    Guard(
        "an answer from where a redirect led is nothing of our server's",
        (
            Edit(
                "http/auth.py",
                "return response.status_code == status and self.covers(str(response.url))",
                "return response.status_code == status",
            ),
        ),
        rows=("TF1",),
    ),
    Guard(
        "a token that a redirect carried to a neighbour is taken out",
        (Edit("http/auth.py", "if request.extensions.get(SIGNED):", "if False:"),),
        tests=(f"{TF}test_tf1_a_token_that_a_redirect_carried_to_a_neighbour_is_taken_out",),
    ),
    Guard(
        "only challenges of our schemes count",
        (Edit("protocol/challenge.py", BEARER_ALONE, "for draft in drafts if draft.scheme and not draft.is_bad]"),),
        rows=("TF4",),
    ),
    Guard(
        "a comma in a quoted string separates nothing",
        (Edit("protocol/challenge.py", r"""(?:[^",]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+""", "[^,]++"),),
        rows=("TF4", "TF5"),
    ),
    Guard(
        "a parameter that comes twice spoils its challenge",
        (Edit("protocol/challenge.py", "self.is_bad |= name.lower() in self.parameters", "pass"),),
        tests=(f"{TF}test_tf4_parameters_of_a_foreign_challenge_do_not_count",),
    ),
    Guard(
        "a scope is the parameter of that very name",
        (
            Edit(
                "protocol/challenge.py",
                'parse_scopes(self.parameters.get("scope", ""))',
                'parse_scopes(" ".join(value for name, value in self.parameters.items() if name.endswith("scope")))',
            ),
        ),
        rows=("TF5",),
    ),
    Guard(
        "no more than 16 kib of challenges are read",
        (Edit("protocol/challenge.py", "if budget < 0:", "if False:"),),
        rows=("TF6",),
    ),
    Guard(
        "a broken challenge is left out",
        (Edit("protocol/challenge.py", BEARER_ALONE, "for draft in drafts if draft.scheme in SCHEMES]"),),
        tests=(f"{TF}test_tf4_parameters_of_a_foreign_challenge_do_not_count",),
    ),
    Guard(
        "a second 401 ends the conversation",
        (Edit("http/auth.py", "        if tries == 0:\n", "        if True:\n"),),
        rows=("TF7",),
    ),
    Guard(
        "refreshes that a 401 forces are counted",
        (Edit("source.py", "if len(self._forced) >= FORCED_PER_MINUTE:", "if False:"),),
        rows=("TF7", "TF10"),
    ),
    Guard(
        "an operation has two step-ups",
        (
            Edit("http/auth.py", "tried=step_ups > STEP_UPS", "tried=step_ups > 9"),
            Edit("on_demand.py", "if before >= STEP_UPS or (before", "if before >= 9 or (before"),
        ),
        tests=(f"{TF}test_tf8_a_server_that_never_has_enough_gets_two_step_ups",),
    ),
    Guard(
        "step-ups are counted beyond a request",
        (Edit("on_demand.py", "self._step_ups[operation] = self._step_ups.get(operation, 0) + 1", "pass"),),
        rows=("TF8",),
    ),
    Guard(
        "what was got once is not asked for again",
        (Edit("on_demand.py", "or (before and refusal.is_within(grant)) ", ""),),
        tests=(
            "tests/application/test_on_demand.py::test_an_operation_that_wants_what_it_has_just_got_is_asked_about_once",
            f"{TF}test_tf8_a_server_that_never_has_enough_gets_two_step_ups",
        ),
    ),
    Guard(
        "a refused scope is remembered",
        (Edit("login.py", "and is_refusal_of_scopes(error):", "and False:"),),
        tests=(f"{TF}test_tf8_a_scope_that_was_denied_is_not_asked_for_again",),
    ),
    Guard(
        "a refused scope is not asked for again",
        (
            Edit("http/auth.py", "or tried or refusal.is_final_for(grant):", "or tried:"),
            Edit("on_demand.py", " or refusal.is_final_for(grant):", ":"),
        ),
        tests=("tests/http/test_auth.py::test_what_was_refused_is_not_asked_for_again",),
    ),
    Guard(
        "a refused scope is left out of what is asked for by itself",
        (Edit("protocol/discovery.py", "if scope not in refused) or wanted", ") or wanted"),),
        tests=("tests/application/test_step_up.py::test_a_login_that_begins_by_itself_leaves_out_what_was_refused",),
    ),
    Guard(
        "operations that are remembered are bounded",
        (Edit("on_demand.py", "if len(self._step_ups) >= KNOWN_OPERATIONS and", "if False and"),),
        tests=("tests/application/test_on_demand.py::test_no_more_than_some_operations_are_remembered",),
    ),
    Guard(
        "who joined a login for other scopes begins one of its own",
        (Edit("on_demand.py", "return not refusal.operation or refusal.is_met_by(self._source.grant())", "return True"),),
        tests=("tests/application/test_on_demand.py::test_requests_that_want_different_scopes_both_end_well",),
    ),
    Guard(
        "a registration for less is not used for more",
        (Edit("login.py", " and stored.may_ask_for(scopes):", ":"),),
        tests=(
            "tests/application/test_step_up.py::test_a_server_that_holds_clients_to_their_registrations_gives_more_access_too",
        ),
    ),
    Guard(
        "a login starts from the answer that made it necessary",
        (Edit("protocol/discovery.py", "probe = probe or (yield from", "probe = (yield from"),),
        tests=("tests/application/test_step_up.py::test_a_login_that_a_request_begins_costs_no_request_more_than_it_needs",),
    ),
    Guard(
        "more access never comes from a refresh",
        (
            Edit(
                "http/auth.py",
                "        return self._login(refusal)\n\n    def _replacement",
                '        return self._replacement(cast("Token", refusal.token))\n\n    def _replacement',
            ),
        ),
        tests=("tests/http/test_auth.py::test_more_access_comes_from_a_login_and_never_from_a_refresh",),
    ),
    Guard(
        "a list of scopes is bounded",
        (Edit("protocol/scopes.py", "if len(found) == limit:", "if False:"),),
        rows=("TF9",),
    ),
    Guard(
        "a scope of a challenge is what the grammar says",
        (Edit("protocol/scopes.py", "if isinstance(value, str) and _SCOPE.fullmatch(value):", "if isinstance(value, str):"),),
        tests=(f"{TF}test_tf9_what_is_no_scope_is_left_out",),
    ),
    Guard(
        "a long list of scopes is cut in a message",
        (Edit("protocol/step_up.py", 'shown = safe(" ".join(refusal.wanted)) or', 'shown = " ".join(refusal.wanted) or'),),
        tests=(f"{TF}test_tf9_more_access_for_a_call_is_bounded_too",),
    ),
    Guard(
        "resource metadata is about this server",
        (
            Edit(
                "protocol/resource.py",
                "if not is_same and not _is_vouched_ancestor(resource, server, document_url):",
                "if False:",
            ),
        ),
        rows=("TF11",),
    ),
    Guard(
        "a token goes into the header",
        (
            Edit(
                "http/auth.py",
                'request.headers["Authorization"] = f"Bearer {token.access_token.reveal()}"',
                'request.url = request.url.copy_merge_params({"access_token": token.access_token.reveal()})',
            ),
        ),
        rows=("TF12",),
    ),
    Guard(
        "what is said bears no secret that was sent",
        (Edit("output.py", '_write(sys.stderr, _show(self._masked(text)) + "\\n")', '_write(sys.stderr, _show(text) + "\\n")'),),
        rows=("TF13",),
    ),
    Guard(
        "a result bears no secret that was sent",
        (Edit("output.py", '_write(sys.stdout, _show(self._masked(text)) + "\\n")', '_write(sys.stdout, _show(text) + "\\n")'),),
        rows=("TF13",),
    ),
    Guard(
        "a json document bears no secret that was sent",
        (
            Edit(
                "output.py",
                "return value if VOCABULARY.fullmatch(value) else self._masked(value)",
                "return value",
            ),
        ),
        rows=("TF13",),
    ),
    Guard(
        "the token that a client sends is told before it is sent",
        (Edit("http/client.py", '"request": [hide_token]', '"request": []'),),
        rows=("TF13",),
    ),
    Guard(
        "the secret headers that a client sends are told",
        (Edit("http/client.py", "            hide(find_credentials(value))\n", "            pass\n"),),
        rows=("TF13",),
    ),
    Guard(
        "what our own requests bear is told",
        (Edit("cli/session.py", "            self.output.hide(request.secrets)\n", ""),),
        tests=(
            f"{TF}test_tf13_a_challenge_that_repeats_the_token_is_masked",
            f"{TF}test_tf13_an_authorization_server_that_repeats_is_masked_too",
        ),
    ),
    Guard(
        "a secret that was cut is masked too",
        (Edit("protocol/text.py", 'return f"{text[:start]}***"', "return text"),),
        tests=(f"{TF}test_tf13_a_secret_that_was_cut_is_masked",),
    ),
    Guard(
        "a session id is short and visible ascii",
        (Edit("http/client.py", "if not all(SESSION_ID.fullmatch(value)", "if False and not all(SESSION_ID.fullmatch(value)"),),
        rows=("TF14",),
    ),
    Guard(
        "nobody waits for a refresh while the token is good",
        (
            Edit(
                "source.py",
                "                    self._begin_early(grant)\n",
                "                    return self._board(grant, None)\n",
            ),
        ),
        rows=("TF15",),
    ),
]
