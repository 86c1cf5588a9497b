"""W1 to W18: what other clients got wrong in daily use, and what keeps it from coming back."""

from mutation.guard import Edit, Guard


def weaknesses(file: str, *names: str) -> tuple[str, ...]:
    """Node ids of tests in `tests/weaknesses/test_<file>.py`."""
    return tuple(f"tests/weaknesses/test_{file}.py::test_{name}" for name in names)


GUARDS = [
    # W1: a token that has ended ends nothing else
    Guard(
        "a login goes on where the stored grant can give no token",
        (
            Edit(
                "vault.py",
                "            return None  # a person is here, and signing in anew may be the way out of whatever it is\n",
                "            if source.grant() is not None:\n                raise\n            return None\n",
            ),
        ),
        tests=weaknesses("endings", "an_expired_token_without_a_refresh_token_needs_one_login_and_one_browser"),
    ),
    Guard(
        "a request with a presenter signs in before its first answer",
        (
            Edit(
                "http/auth.py",
                "self._or_login(Want(self._source.token, self._source.token_async), Refusal())",
                "Want(self._source.token, self._source.token_async)",
            ),
        ),
        tests=weaknesses("endings", "a_request_with_a_presenter_signs_in_where_the_token_cannot_be_renewed"),
    ),
    Guard(
        "a token without a lifetime is not one that has ended",
        (
            Edit(
                "protocol/tokens.py",
                "expires_at=None if lifetime is None else response.sent_at + lifetime",
                "expires_at=0.0 if lifetime is None else response.sent_at + lifetime",
            ),
        ),
        tests=weaknesses("endings", "a_token_without_expires_in_is_good_until_a_401_says_otherwise"),
    ),
    Guard(
        "after a login the vault looks at the store again",
        (
            Edit(
                "vault.py",
                "        finally:\n            source.look_again()\n",
                "        finally:\n            pass\n",
            ),
        ),
        tests=weaknesses("endings", "a_token_without_expires_in_is_good_until_a_401_says_otherwise"),
    ),
    Guard(
        "a token without an end is fresh",
        (
            Edit(
                "model.py",
                "return self.expires_at is None or self.obtained_at",
                "return self.expires_at is not None and self.obtained_at",
            ),
        ),
        tests=weaknesses("endings", "a_token_without_expires_in_is_renewed_after_a_401_where_that_can_be"),
    ),
    # W4: one login, one browser
    Guard(
        "a login that fails is tried once",
        (
            Edit(
                "vault.py",
                "        return await self._sign_in(login, source, presenter or QuietPresenter(), browser)\n",
                "        try:\n"
                "            await self._sign_in(login, source, presenter or QuietPresenter(), browser)\n"
                "        except HandstampError:\n"
                "            pass\n"
                "        return await self._sign_in(login, source, presenter or QuietPresenter(), browser)\n",
            ),
        ),
        tests=weaknesses("logins", "a_denied_login_opens_one_browser"),
    ),
    Guard(
        "requests that need a login share the one that is under way",
        (Edit("on_demand.py", "if self._flight is None or not self._flight.board():", "if True:"),),
        tests=weaknesses("logins", "many_requests_that_wait_for_one_login_open_one_browser_when_it_is_denied"),
    ),
    Guard(
        "a login that has just failed is not begun again by the next request",
        (Edit("on_demand.py", "if self._failed is not None and self", "if self._failed is not None and not self"),),
        tests=weaknesses("logins", "many_requests_that_wait_for_one_login_open_one_browser_when_it_is_denied"),
    ),
    Guard(
        "a request looks for another login's token before it begins one",
        (
            Edit(
                "on_demand.py",
                "        token = self._stored_token(refusal)\n        if token is not None",
                "        token = None\n        if token is not None",
            ),
        ),
        tests=weaknesses("logins", "many_requests_that_wait_for_one_login_all_go_on_with_its_token"),
    ),
    # W5: a refusal costs no more than it says
    Guard(
        "a plain 403 is the caller's answer and no reason to sign in",
        (
            Edit(
                "http/auth.py",
                "            return None  # W5: a plan, an address or an administrator said no; signing in again",
                "            raise self._login_required('asks you to sign in')  #",
            ),
        ),
        tests=weaknesses("refusals", "a_plain_403_costs_neither_the_token_nor_the_registration"),
    ),
    Guard(
        "a 401 is followed by a renewal before a person is asked",
        (
            Edit(
                "http/auth.py",
                "return self._or_login(self._replacement(token), refusal)",
                "return self._login(refusal)",
            ),
        ),
        tests=weaknesses("refusals", "one_transient_401_costs_one_refresh_and_no_person"),
    ),
    Guard(
        "a token that was answered with 401 is not good whatever the clock says",
        (
            Edit(
                "source.py",
                "return token.is_fresh(self._now(token)) and _is_another(token, rejected)",
                "return token.is_fresh(self._now(token))",
            ),
        ),
        tests=weaknesses("refusals", "one_transient_401_costs_one_refresh_and_no_person"),
    ),
    # W7: a visit that is no answer ends nothing
    Guard(
        "the listener asks whether a visit is the answer",
        (
            Edit(
                "callback/listener.py",
                "        if self._query is None and not self._accept(query):\n            return _show(NotThisLogin())\n",
                "",
            ),
        ),
        tests=weaknesses("callback", "a_visit_that_is_no_answer_to_this_login_ends_nothing_and_is_told_so"),
    ),
    Guard(
        "an answer is told by its state",
        (
            Edit(
                "protocol/authorization.py",
                "return response.state is not None and response.state == request.state",
                "return True",
            ),
        ),
        tests=weaknesses("callback", "a_visit_that_is_no_answer_to_this_login_ends_nothing_and_is_told_so"),
    ),
    # W8: the page says what happened
    Guard(
        "the browser is held until the outcome is known",
        (
            Edit(
                "callback/listener.py",
                "        await self._finished.wait()\n        return plain_reply",
                "        return plain_reply",
            ),
        ),
        tests=weaknesses("callback", "the_browser_is_told_nothing_while_the_code_is_being_exchanged"),
    ),
    Guard(
        "the code is exchanged before the page is shown",
        (
            Edit(
                "login.py",
                "    await presenter.saving()\n",
                "    await presenter.saving()\n    await callback.finish(SignedIn(login.request.name))\n",
            ),
        ),
        tests=weaknesses("callback", "an_exchange_that_fails_shows_the_failure_in_the_browser"),
    ),
    Guard(
        "the page of a failed login is shown too",
        (Edit("login.py", "await callback.finish(_failed(login.request, error))", "pass"),),
        tests=weaknesses("callback", "an_exchange_that_fails_shows_the_failure_in_the_browser"),
    ),
    # W9: `iss` is compared, as it is, always
    Guard(
        "the issuer is compared with its slash",
        (
            Edit(
                "protocol/authorization.py",
                "if response.iss != request.issuer:",
                "if response.iss != request.issuer.rstrip('/'):",
            ),
        ),
        tests=weaknesses("issuer", "an_issuer_with_a_slash_and_an_iss_with_the_same_slash_belong_together"),
    ),
    Guard(
        "no slash of an issuer is evened out",
        (
            Edit(
                "protocol/authorization.py",
                "if response.iss != request.issuer:",
                "if response.iss.rstrip('/') != request.issuer.rstrip('/'):",
            ),
        ),
        tests=weaknesses("issuer", "a_slash_on_one_side_only_is_another_issuer"),
    ),
    Guard(
        "an iss that nobody announced is not wrong by that",
        (
            Edit(
                "protocol/authorization.py",
                "if response.iss != request.issuer:",
                "if not request.iss_expected or response.iss != request.issuer:",
            ),
        ),
        tests=weaknesses("issuer", "a_right_iss_that_was_not_advertised_is_accepted"),
    ),
    Guard(
        "an iss that nobody announced is compared all the same",
        (
            Edit(
                "protocol/authorization.py",
                "if response.iss != request.issuer:",
                "if request.iss_expected and response.iss != request.issuer:",
            ),
        ),
        tests=weaknesses("issuer", "a_wrong_iss_that_was_not_advertised_is_refused"),
    ),
    # W10: the port of a registration
    Guard(
        "a registration serves its own redirect address alone",
        (
            Edit(
                "login.py",
                "if stored is not None and stored.redirect_uri == redirect_uri and",
                "if stored is not None and",
            ),
        ),
        tests=weaknesses("ports", "where_the_registered_port_is_taken_another_is_registered"),
    ),
    Guard(
        "the registered port is tried first",
        (
            Edit(
                "login.py",
                "return CallbackPlan((redirect.port or 0, 0), redirect",
                "return CallbackPlan((0,), redirect",
            ),
        ),
        tests=weaknesses("ports", "a_registration_is_used_again_with_its_own_port"),
    ),
    Guard(
        "a grant is renewed with the registration that it was given with",
        (
            Edit(
                "renewal.py",
                "        from handstamp.protocol.tokens import refresh_token\n",
                "        from handstamp.protocol.tokens import refresh_token\n"
                "        newest = self._store.find_registration(grant.key.owner, grant.key.issuer) or grant.registration\n"
                "        grant = replace(grant, registration=newest)\n",
            ),
        ),
        tests=weaknesses("ports", "the_grant_of_the_earlier_registration_is_renewed_with_it_all_the_same"),
    ),
    Guard(
        "a configured port is the only one",
        (
            Edit(
                "login.py",
                "return CallbackPlan((self.request.callback_port,))",
                "return CallbackPlan((self.request.callback_port, 0))",
            ),
        ),
        tests=weaknesses("ports", "a_configured_port_that_is_taken_is_an_error_and_no_other_is_used"),
    ),
    # W11: logins stand side by side
    Guard(
        "a login listens on a port that is free",
        (Edit("login.py", "        return CallbackPlan(path=f", "        return CallbackPlan((40704,), path=f"),),
        tests=weaknesses(
            "ports",
            "two_logins_in_one_process_stand_side_by_side",
            "two_logins_in_two_processes_stand_side_by_side",
        ),
    ),
    Guard(
        "a port that is taken is followed by the next",
        (
            Edit(
                "callback/listener.py",
                "        except UsageError:\n            continue\n",
                "        except UsageError:\n            raise\n",
            ),
        ),
        tests=weaknesses("ports", "two_logins_to_one_authorization_server_stand_side_by_side"),
    ),
    Guard(
        "a client metadata document has more than one port",
        (Edit("login.py", "            return CallbackPlan(LISTED_PORTS)", "            return CallbackPlan(LISTED_PORTS[:1])"),),
        tests=weaknesses("ports", "two_logins_with_a_client_id_metadata_document_take_two_of_its_ports"),
    ),
    # W12: a configured secret is kept where it was configured
    Guard(
        "a configured secret gets neither into the registration nor into a file",
        (
            Edit(
                "login.py",
                "                registration=registration,\n                token=answer.token,",
                "                registration=replace(\n"
                "                    registration,\n"
                "                    client_secret=self._read_credentials(\n"
                "                        self.request.owner, self.request.url, registration\n"
                "                    ).secret,\n"
                "                ),\n"
                "                token=answer.token,",
            ),
            Edit(
                "stores/records.py",
                "    return replace(registration, client_secret=None)\n",
                "    return registration\n",
            ),
        ),
        tests=weaknesses("secrets", "a_secret_from_elsewhere_is_used_and_written_nowhere"),
    ),
    Guard(
        "a configured secret is struck out before a grant is written",
        (
            Edit(
                "stores/records.py",
                "    return replace(registration, client_secret=None)\n",
                "    return registration\n",
            ),
        ),
        tests=weaknesses("secrets", "a_grant_that_bears_a_configured_secret_is_stored_without_it"),
    ),
    Guard(
        "settings name the place of a secret and never hold one",
        (
            Edit(
                "settings/table.py",
                'if value is None or (or_vault and value == "vault") or value.startswith(("env:", "file:")):',
                "if True:",
            ),
        ),
        tests=weaknesses("secrets", "a_secret_can_not_be_given_on_the_command_line_nor_stand_in_the_settings"),
    ),
    # W13: credentials are bound to what they were given for
    Guard(
        "a grant is filed under the server's URL and not under its name",
        (
            Edit(
                "vault.py",
                "SourceSettings(owner, server.url, account, server.name)",
                "SourceSettings(owner, server.name, account, server.name)",
            ),
            Edit(
                "login.py",
                "return GrantKey(self.request.owner, self.request.url, self.request.account, issuer)",
                "return GrantKey(self.request.owner, self.request.name, self.request.account, issuer)",
            ),
        ),
        tests=weaknesses("binding", "a_name_that_is_given_to_another_url_gets_no_token_of_the_old_one"),
    ),
    Guard(
        "an auth object signs requests to its own origin alone",
        (Edit("http/coverage.py", "if origin(url) != origin(self._server):", "if False:"),),
        tests=weaknesses("binding", "an_auth_object_that_was_made_for_one_server_sends_nothing_to_another"),
    ),
    Guard(
        "a grant is found by its account",
        (
            Edit(
                "stores/sqlite.py",
                "WHERE owner = ? AND server = ? AND account = ? ORDER",
                "WHERE owner = ? AND server = ? AND ? <> '' ORDER",
            ),
        ),
        tests=weaknesses("binding", "another_account_gets_nothing_of_the_first"),
    ),
    Guard(
        "a registration is found by its issuer",
        (
            Edit(
                "login.py",
                "        stored = self.stored_registration(discovered.server.issuer)\n"
                "        if stored is not None and stored.redirect_uri == redirect_uri and stored.may_ask_for(scopes):\n"
                "            return stored\n",
                "        known = self._store.find_grant(self.request.owner, self.request.url, self.request.account)\n"
                "        if known is not None:\n"
                "            return replace(known.registration, issuer=discovered.server.issuer, redirect_uri=redirect_uri)\n",
            ),
        ),
        tests=weaknesses("binding", "credentials_do_not_follow_a_server_to_another_issuer"),
    ),
    Guard(
        "a client that was configured since wants a sign-in of its own",
        (
            Edit(
                "vault.py",
                "return grant if server.is_of_client(grant.registration) else None",
                "return grant",
            ),
        ),
        tests=weaknesses(
            "binding",
            "a_changed_client_id_renews_with_the_client_that_the_grant_was_given_to_and_signs_in_with_the_new_one",
        ),
    ),
    Guard(
        "after a logout the vault looks at the store again",
        (
            Edit(
                "vault.py",
                "            self._source(found, owner, account).look_again()\n",
                "            pass\n",
            ),
        ),
        tests=weaknesses("binding", "a_token_that_was_signed_out_is_handed_out_no_more"),
    ),
    # W14: one refresh for all processes
    Guard(
        "whoever waited for the lock looks again before it renews",
        (
            Edit(
                "source.py",
                "if grant is not None and self._is_good(grant.token, rejected) and not (early and self._is_due(grant)):",
                "if False:",
            ),
        ),
        tests=weaknesses("processes", "processes_that_meet_an_expired_token_send_one_refresh_and_print_one_token"),
    ),
    Guard(
        "a refresh holds the grant's lock",
        (Edit("source.py", "with self._store.lock(key, wait=not early) as held:", "if held := True:"),),
        tests=weaknesses(
            "processes",
            "processes_that_meet_an_expired_token_send_one_refresh_and_print_one_token",
            "vaults_that_meet_an_expired_token_at_once_send_one_refresh",
        ),
    ),
    Guard(
        "whoever comes late takes the newer token",
        (
            Edit(
                "renewal.py",
                "            if current is not None and current.generation != grant.generation:\n                return\n",
                "",
            ),
        ),
        tests=weaknesses("processes", "who_loses_the_race_for_the_refresh_token_takes_the_winner_s_and_deletes_nothing"),
    ),
    # W16: a login that came to nothing leaves what was there, and a way in
    Guard(
        "after a failed login the next one registers anew",
        (Edit("login.py", "login.distrust(discovered.server.issuer)\n", "pass\n"),),
        tests=weaknesses("logins", "a_registration_that_the_server_has_lost_spoils_one_login_and_not_the_next"),
    ),
    Guard(
        "a failed login forgets no grant",
        (
            Edit(
                "login.py",
                "        self._store.forget_registration(self.request.owner, issuer)\n",
                "        self._store.forget_registration(self.request.owner, issuer)\n"
                "        key = GrantKey(self.request.owner, self.request.url, self.request.account, issuer)\n"
                "        self._store.forget_grant(key)\n",
            ),
        ),
        tests=weaknesses("logins", "after_a_login_that_came_to_nothing_the_old_grant_serves_and_the_next_login_works"),
    ),
    Guard(
        "the old grant stays until the new one is complete",
        (
            Edit(
                "login.py",
                "        registration = await self._register(discovered, redirect_uri, scopes)\n",
                "        key = GrantKey(self.request.owner, self.request.url, self.request.account, server.issuer)\n"
                "        self._store.forget_grant(key)\n"
                "        registration = await self._register(discovered, redirect_uri, scopes)\n",
            ),
        ),
        tests=weaknesses("logins", "a_login_task_that_is_cancelled_leaves_the_old_grant_and_a_way_in"),
    ),
    # W17: unknown is not refused
    Guard(
        "only invalid_grant is a reason to sign in",
        (
            Edit(
                "source.py",
                'isinstance(error, InvalidGrant):\n            return self._login_required("no longer',
                'isinstance(error, HandstampError):\n            return self._login_required("no longer',
            ),
        ),
        tests=weaknesses(
            "refusals",
            "an_authorization_server_that_is_out_of_order_is_no_reason_to_sign_in",
            "a_dead_network_is_no_reason_to_sign_in",
        ),
    ),
    Guard(
        "only invalid_grant marks a refresh token as refused",
        (
            Edit(
                "renewal.py",
                "        if judge(answer.error) is Outcome.REFUSED:\n",
                "        if answer.error:\n",
            ),
        ),
        tests=weaknesses("refusals", "an_authorization_server_that_is_out_of_order_is_no_reason_to_sign_in"),
    ),
    # W18: `resource` in every request
    Guard(
        "the authorization request names the resource",
        (Edit("protocol/authorization.py", '            ("resource", self.resource),\n', ""),),
        tests=weaknesses("resource", "resource_is_in_the_authorization_the_token_and_the_refresh_request_byte_for_byte"),
    ),
    Guard(
        "the exchange of the code names the resource",
        (Edit("protocol/tokens.py", '        ("resource", request.resource),\n', ""),),
        tests=weaknesses("resource", "resource_is_in_the_authorization_the_token_and_the_refresh_request_byte_for_byte"),
    ),
    Guard(
        "a refresh names the resource",
        (Edit("protocol/tokens.py", ', ("resource", grant.resource))', ")"),),
        tests=weaknesses("resource", "resource_is_in_the_authorization_the_token_and_the_refresh_request_byte_for_byte"),
    ),
    Guard(
        "a grant keeps the resource as the document spells it",
        (Edit("login.py", "resource=pending.discovered.resource.resource,", "resource=self.request.url,"),),
        tests=weaknesses("resource", "resource_outlives_the_process_that_learned_it"),
    ),
]
