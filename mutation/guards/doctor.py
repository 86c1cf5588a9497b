"""That whoever asks why a server fails changes nothing, hears what a sign-in would, and can show it to others."""

from mutation.guard import Edit, Guard

STORED = "examination/stored.py"
REPORT = "doctor.py"


def examined(name: str) -> str:
    """A test of an examination."""
    return f"tests/application/test_doctor.py::test_{name}"


def reported(name: str) -> str:
    """A test of its report."""
    return f"tests/application/test_doctor_report.py::test_{name}"


NOTHING_OF_WHOSE = reported("a_report_tells_nothing_of_whose_it_is")

GUARDS = [
    Guard(
        "an examination shows no token that has ended",
        (Edit(STORED, "if not token.is_fresh(now):", "if False:"),),
        tests=(examined("an_examination_changes_nothing"),),
    ),
    Guard(
        "an examination renews nothing",
        (
            # The other way round: there is nothing to take out, so a refresh is put in.
            Edit(
                "vault.py",
                "            return parts.store.find_grant(owner, server.url, account)\n\n        return Examination(",
                "            source.token()\n            return parts.store.find_grant(owner, server.url, account)\n\n"
                "        return Examination(",
            ),
        ),
        tests=(examined("an_examination_changes_nothing"),),
    ),
    Guard(
        "what a server repeats of a token is masked in a finding",
        (
            Edit(
                STORED,
                "findings.hide(each for each in (grant.token.access_token, grant.token.refresh_token) if each is not None)",
                "findings.hide(())",
            ),
        ),
        tests=(examined("what_a_server_repeats_of_a_token_is_masked"),),
    ),
    Guard(
        "a finding holds no character that acts",
        (
            Edit(
                "examination/findings.py", "return one_line(mask(text, self._secrets), LIMIT)", "return mask(text, self._secrets)"
            ),
        ),
        tests=(reported("somebody_elses_words_are_one_bounded_line_without_our_secrets"),),
    ),
    Guard(
        "a report tells no identity",
        (Edit(STORED, "    findings.keep_private(grant.identity)\n", ""),),
        tests=(examined("the_report_of_a_sign_in_names_nobody"),),
    ),
    Guard(
        "a report tells no account",
        (Edit(REPORT, "    for each in sorted(filter(None, personal), key=len, reverse=True):", "    for each in ():"),),
        tests=(NOTHING_OF_WHOSE, reported("an_account_and_an_identity_are_kept_out_of_a_report")),
    ),
    Guard(
        "a report has no query of a URL",
        (Edit(REPORT, "    text = URL.sub(_bare_url, text)\n", ""),),
        tests=(NOTHING_OF_WHOSE,),
    ),
    Guard(
        "a report has no home directory",
        (Edit(REPORT, "    return _without_home(text)\n", "    return text\n"),),
        tests=(NOTHING_OF_WHOSE,),
    ),
]
