"""TE: the token endpoint, and refresh."""

from mutation.guard import Edit, Guard

REDIRECTS = Edit(
    "protocol/exchange.py",
    'return self.method == "GET" and self.purpose in (Purpose.PROTECTED_RESOURCE, Purpose.AUTHORIZATION_SERVER)',
    "return True",
)

GUARDS = [
    Guard(
        "no request that bears a secret is sent on to another origin",
        (REDIRECTS, Edit("http/wire.py", "if there.userinfo or _origin(there) != _origin(here):", "if there.userinfo:")),
        rows=("TE1",),
    ),
    Guard("no request that bears a secret is sent on within its origin", (REDIRECTS,), rows=("TE2",)),
    Guard(
        "a token is of the type that was asked for",
        (
            Edit(
                "protocol/tokens.py", "if not isinstance(token_type, str) or token_type.lower() != expected.lower():", "if False:"
            ),
        ),
        tests=(
            "tests/threats/test_te.py::test_te3_a_token_of_another_type_is_refused",
            "tests/application/test_dpop.py::test_a_server_that_binds_nothing_in_spite_of_its_word_signs_nobody_in",
        ),
    ),
    Guard(
        "a token is visible ascii",
        (Edit("protocol/tokens.py", """all("!" <= character <= "~" for character in value)""", "True"),),
        rows=("TE3",),
    ),
    Guard(
        "a lifetime is finite and below ten years",
        (Edit("protocol/tokens.py", "<= value <= MAX_LIFETIME", "<= value"),),
        rows=("TE4",),
    ),
    Guard(
        "a lifetime is long enough to be counted",
        (Edit("protocol/tokens.py", "SHORTEST_LIFETIME <= value <=", "0 < value <="),),
        tests=("tests/protocol/test_tokens.py::test_a_lifetime_counts_from_when_the_request_left",),
    ),
    Guard(
        "an error code wins over a token beside it",
        (Edit("protocol/answers.py", "    if error:\n        raise refusal", "    if False:\n        raise refusal"),),
        rows=("TE5",),
    ),
    Guard(
        "an old refresh token stays where no new one came",
        (
            Edit(
                "protocol/tokens.py",
                "return replace(answer, token=replace(answer.token, refresh_token=old))",
                "return answer",
            ),
        ),
        rows=("TE6",),
    ),
    Guard(
        "what was granted is stored at a login",
        (Edit("login.py", "scopes=requested if answer.scopes is None else answer.scopes,", "scopes=requested,"),),
        rows=("TE7",),
    ),
    Guard(
        "what was granted is stored at a refresh",
        (Edit("renewal.py", "scopes = grant.scopes if answer.scopes is None else answer.scopes", "scopes = grant.scopes"),),
        tests=("tests/threats/test_te.py::test_te7_a_refresh_stores_what_it_was_granted",),
    ),
    Guard(
        "scopes that nobody asked for are told",
        (Edit("login.py", "    if more:\n", "    if False:\n"),),
        rows=("TE7",),
    ),
    Guard(
        "a token that is good elsewhere is told",
        (Edit("login.py", "    if others:\n", "    if False:\n"),),
        rows=("TE8",),
    ),
    Guard(
        "after waiting for the lock everybody looks again",
        (
            Edit(
                "source.py",
                "if grant is not None and self._is_good(grant.token, rejected) and not (early and self._is_due(grant)):",
                "if False:",
            ),
        ),
        rows=("TE9",),
    ),
    Guard(
        "a refresh holds the lock of its grant",
        (Edit("source.py", "with self._store.lock(key, wait=not early) as held:", "if held := True:"),),
        rows=("TE9",),
    ),
    Guard(
        "a refused refresh token is compared with what is stored by now",
        (
            Edit(
                "renewal.py",
                "if current is not None and current.generation != grant.generation:",
                "if False:",
            ),
        ),
        rows=("TE10",),
    ),
    Guard(
        "a refresh token that was refused is not sent again",
        (
            Edit(
                "model.py",
                "return self.token.refresh_token is not None and self.refused is None",
                "return self.token.refresh_token is not None",
            ),
        ),
        rows=("TE13",),
    ),
    Guard(
        "a forgotten dynamic client asks for a sign-in",
        (
            Edit(
                "source.py",
                "isinstance(error, InvalidClient) and grant.registration.kind is RegistrationKind.DYNAMIC:",
                "False:",
            ),
        ),
        rows=("TE20",),
    ),
    Guard(
        "a registration is used only while its secret lasts",
        (
            Edit(
                "login.py",
                "return stored if stored is not None and stored.is_usable(until) and not is_over else None",
                "return stored",
            ),
        ),
        rows=("TE21",),
    ),
    Guard(
        "a registration is used only if its secret outlasts the login",
        (Edit("login.py", "until = self._clock() + self.request.deadline", "until = self._clock()"),),
        rows=("TE21",),
    ),
    Guard(
        "a revocation that fails is a reason and no error",
        (
            Edit(
                "logout.py",
                "        except HandstampError as error:\n            return _judge(error), error.message\n",
                "        except VaultError as error:\n            return _judge(error), error.message\n",
            ),
        ),
        rows=("TE23",),
    ),
    Guard(
        "a grant is forgotten whatever becomes of its revocation",
        (
            Edit(
                "logout.py",
                "        finally:\n            self._store.forget_grant(key)\n",
                "        else:\n            self._store.forget_grant(key)\n",
            ),
        ),
        tests=("tests/threats/test_te.py::test_te23_a_fault_of_our_own_forgets_the_grant_too",),
    ),
    Guard(
        "a revocation goes to no third host",
        (Edit("protocol/tokens.py", "    if place not in (issuer, tokens):\n", "    if False:\n"),),
        tests=("tests/threats/test_te.py::test_te23_a_third_host_gets_neither_the_token_nor_the_secret",),
    ),
    Guard(
        "a logout that waits in vain for the lock forgets without it",
        (
            Edit(
                "logout.py",
                "        except TimedOut:\n",
                "        except VaultCorrupt:\n",
            ),
        ),
        tests=("tests/application/test_logout.py::test_a_refresh_that_hangs_in_another_program_is_not_waited_for_for_ever",),
    ),
    Guard(
        "a logout that nobody waits for any more leaves a new sign-in alone",
        (
            Edit(
                "logout.py",
                "            # Whoever gave up waiting has gone on without us, and may have signed in again by now.\n"
                "            return self._told(self._end(key)) if flight.commit() else None\n",
                "            return self._told(self._end(key))\n",
            ),
        ),
        tests=("tests/application/test_logout.py::test_a_logout_that_waited_in_vain_leaves_the_next_sign_in_alone",),
    ),
    Guard(
        "a token that another program may have renewed meanwhile is not said to be revoked",
        (Edit("logout.py", "        if report is None or not report.revoked:\n", "        if True:\n"),),
        tests=("tests/application/test_logout.py::test_a_refresh_that_hangs_in_another_program_is_not_waited_for_for_ever",),
    ),
]
