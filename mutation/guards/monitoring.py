"""What monitors are told, and that a login mends it."""

from mutation.guard import Edit, Guard

AGAIN = "tests/application/test_signing_in_again.py::test_a_sign_in_that_is_renewed_no_more_is_done_anew_while_its_token_is_good"


def standing(name: str) -> str:
    """A test of how things stand."""
    return f"tests/application/test_standing.py::test_{name}"


GUARDS = [
    Guard(
        "what may mend itself raises no alarm while the token is good",
        (Edit("standing.py", "exit_code == NetworkError.exit_code and not is_over:", "False:"),),
        tests=(standing("what_may_mend_itself_counts_only_once_the_token_has_ended"),),
    ),
    Guard(
        "a server that nobody has signed in to raises no alarm by itself",
        (Edit("standing.py", "self.is_former or not (self.grant or self.is_named):", "self.is_former:"),),
        tests=(standing("nobody_has_to_sign_in_where_nobody_has_asked"),),
    ),
    Guard(
        "a former sign-in raises no alarm",
        (Edit("standing.py", "self.is_former or not (self.grant or self.is_named):", "not (self.grant or self.is_named):"),),
        tests=(standing("a_former_sign_in_is_over_and_that_is_well"),),
    ),
    Guard(
        "a refused sign-in is told of while its token is good",
        (Edit("model.py", "self.refused is not None or not self.token.is_fresh(now)", "not self.token.is_fresh(now)"),),
        tests=(
            standing("a_refused_sign_in_is_a_persons_while_its_token_is_still_good"),
            AGAIN,
        ),
    ),
    Guard(
        "a registration at its end is told of",
        (Edit("model.py", "return self.is_forgotten or self.registration_ends_soon(now)", "return self.is_forgotten"),),
        tests=(standing("a_registration_counts_three_days_before_its_end"),),
    ),
    Guard(
        "a forgotten registration is told of as a sign-in",
        (
            Edit(
                "model.py",
                "return self.is_forgotten or self.registration_ends_soon(now)",
                "return self.registration_ends_soon(now)",
            ),
        ),
        tests=(standing("a_registration_that_the_server_has_forgotten_is_a_sign_in"),),
    ),
    Guard(
        "what is said to need a login is signed in anew by one",
        (Edit("vault.py", "grant is None or grant.needs_login(self._parts.clock()) or not", "grant is None or not"),),
        tests=(AGAIN,),
    ),
    Guard(
        "a registration at its end is not used for the next sign-in",
        (Edit("login.py", "stored.is_usable(until) and not is_over else None", "stored.is_usable(until) else None"),),
        tests=("tests/application/test_signing_in_again.py::test_a_registration_that_ends_soon_is_replaced_with_its_sign_in",),
    ),
    Guard(
        "the words of a server are escaped in what a check prints",
        (
            Edit("cli/status.py", "words = [one_line(problem.words) for", "words = [problem.words for"),
            Edit("output.py", "harmless(piece) for number", "piece for number"),
            Edit(
                "output.py",
                "return harmless(self._masked(cell.text if isinstance(cell, Styled) else cell))",
                "return self._masked(cell.text if isinstance(cell, Styled) else cell)",
            ),
        ),
        tests=("tests/cli/test_status.py::test_a_check_prints_what_is_wrong_and_the_worst_of_it_is_the_exit_code",),
    ),
    Guard(
        "what is switched off raises no alarm",
        (Edit("standing.py", "        if self.is_disabled:\n            return None\n", ""),),
        tests=("tests/application/test_standing.py::test_a_server_that_is_switched_off_is_nobodys_affair_unless_it_is_named",),
    ),
    Guard(
        "nobody signs in everywhere where it is switched off",
        (
            Edit(
                "standing.py",
                "(self.server.enabled and self.server.is_configured and self._takes_a_person)",
                "self._takes_a_person",
            ),
        ),
        tests=("tests/application/test_standing.py::test_who_signs_in_everywhere_signs_in_where_a_person_is_needed",),
    ),
]
