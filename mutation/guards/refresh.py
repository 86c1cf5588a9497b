"""The refresh transaction: what keeps a rotating token alive through failures, crashes, clocks and sleep."""

from mutation.guard import Edit, Guard


def renewal(*names: str) -> tuple[str, ...]:
    """Node ids of tests of the transaction."""
    return tuple(f"tests/application/test_renewal.py::test_{name}" for name in names)


GUARDS = [
    Guard(
        "nothing is sent before it is written down",
        (
            Edit(
                "renewal.py",
                "return self._store.replace_grant(replace(grant, pending=pending, failure=None))",
                "return replace(grant, pending=pending)",
            ),
        ),
        rows=("TE11",),
        tests=renewal("a_refresh_is_written_down_before_it_is_sent", "nothing_is_sent_where_that_cannot_be_written_down_first"),
    ),
    Guard(
        "an answer that was lost is asked for again",
        (Edit("renewal.py", "wait = next(if_lost, None)", "wait = None"),),
        rows=("TE12",),
        tests=renewal("an_answer_that_was_lost_is_asked_for_at_once_and_then_at_growing_distances"),
    ),
    Guard(
        "an answer that is none is asked for again",
        (Edit("renewal.py", "wait = next(if_garbled, None)", "wait = None"),),
        tests=renewal("an_answer_that_is_none_is_asked_for_three_times"),
    ),
    Guard(
        "once an answer was lost, a dead network ends nothing",
        (Edit("renewal.py", "or (unsure and outcome is Outcome.NOT_SENT):", "or False:"),),
        tests=renewal("a_network_that_goes_after_an_answer_was_lost_does_not_end_the_repetitions"),
    ),
    Guard(
        "repetitions end",
        (Edit("renewal.py", "if wait is None or spent + wait > WINDOW or not", "if wait is None or not"),),
        tests=renewal("repetitions_end_after_their_window_and_leave_the_note"),
    ),
    Guard(
        "a machine that slept repeats all the same",
        (Edit("renewal.py", "min(max(self._clock() - began, 0.0), REQUEST_DEADLINE)", "self._clock() - began"),),
        tests=renewal("an_answer_that_was_lost_by_sleep_is_asked_for_all_the_same"),
    ),
    Guard(
        "the note stays where it may have been done",
        (Edit("renewal.py", "begun.pending if answer.unsure else None", "None"),),
        tests=renewal(
            "repetitions_end_after_their_window_and_leave_the_note",
            "an_answer_that_is_none_is_asked_for_three_times",
        ),
    ),
    Guard(
        "the note goes where it was certainly not done",
        (Edit("renewal.py", "begun.pending if answer.unsure else None", "begun.pending"),),
        tests=renewal("what_was_certainly_not_done_is_not_repeated_and_leaves_no_note"),
    ),
    Guard(
        "a 503 was certainly not done",
        (Edit("protocol/answers.py", "response.status not in (429, 503)", "True"),),
        tests=("tests/protocol/test_tokens.py::test_whether_an_unavailable_server_may_have_done_it_all_the_same",),
    ),
    Guard(
        "a note without an owner is carried on at once",
        (Edit("source.py", "if grant.renews and grant.pending is not None:", "if False:"),),
        tests=renewal("a_refresh_that_a_crash_interrupted_is_carried_on_at_once_though_the_token_is_fresh"),
    ),
    Guard(
        "a note without an owner is carried on in a pause, too",
        (Edit("source.py", "return None if began is not None and began >= pause.begun else pause", "return pause"),),
        tests=renewal("what_a_sibling_was_killed_over_does_not_wait_for_a_pause_of_ours"),
    ),
    Guard(
        "a note whose owner has told of a failure is carried on after the pause",
        (Edit("model.py", "if self.pending is None or self.failure is not None else", "if self.pending is None else"),),
        tests=renewal("what_a_sibling_has_failed_with_is_no_reason_to_try_at_once"),
    ),
    Guard(
        "a process remembers what it could not note",
        (Edit("renewal.py", "if self._refused == _sign_in(grant):", "if False:"),),
        tests=renewal("a_refused_token_is_not_sent_again_though_the_refusal_could_not_be_noted"),
    ),
    Guard(
        "a new sign-in is judged anew",
        (Edit("renewal.py", "return grant.granted_at, fingerprint(", "return 0.0, fingerprint("),),
        tests=renewal("the_same_refresh_token_from_a_new_sign_in_is_good_again"),
    ),
    Guard(
        "a token that cannot be stored is not forgotten",
        (Edit("renewal.py", "                if is_last:\n                    raise\n", "                raise\n"),),
        rows=("TE19",),
        tests=renewal(
            "a_short_hiccup_of_the_disk_is_nobody_s_business", "a_token_that_cannot_be_saved_is_neither_handed_out_nor_lost"
        ),
    ),
    Guard(
        "a pause repeats what the caller was told",
        (Edit("source.py", "self._fall_back(grant, explained)", "self._fall_back(grant, error)"),),
        tests=renewal("in_the_seconds_after_a_refusal_the_answer_is_the_same"),
    ),
    Guard(
        "pauses grow",
        (Edit("source.py", "PAUSE * 2**doublings", "PAUSE"),),
        tests=renewal("pauses_grow_and_end_with_a_success"),
    ),
    Guard(
        "a clock that is set back makes no token younger",
        (Edit("model.py", "return max(clock, self.counted(uptime) or clock)", "return clock"),),
        rows=("TE16",),
        tests=renewal("a_clock_that_is_set_back_makes_no_token_younger"),
    ),
    Guard(
        "a clock that is set forward ends no token",
        (Edit("source.py", "(self._clock() if counted is None else counted)", "self._clock()"),),
        tests=renewal("a_clock_that_is_set_forward_ends_no_token_that_cannot_be_renewed_now"),
    ),
    Guard(
        "a count is of one start of the machine",
        (Edit("model.py", "then.boot != uptime.boot or ", ""),),
        tests=renewal("after_a_restart_of_the_machine_the_clock_decides"),
    ),
    Guard(
        "a machine that has woken takes its time",
        (Edit("source.py", "if has_woken:", "if False:"),),
        rows=("TE17",),
        tests=renewal("a_machine_that_has_just_woken_takes_its_time"),
    ),
    Guard(
        "a breaker opens",
        (
            Edit(
                "breaker.py",
                "            if breaker is None:\n                return\n            if breaker.begun",
                "            if breaker is None or True:\n                return\n            if breaker.begun",
            ),
        ),
        rows=("TE14",),
        tests=renewal(
            "a_breaker_opens_after_five_failures_in_a_row", "a_server_that_is_out_of_order_for_ten_minutes_is_left_in_peace"
        ),
    ),
    Guard(
        "of an open breaker one is let through at a time",
        (Edit("breaker.py", "breaker.begun, breaker.until = now, now + PROBE", "pass"),),
        tests=renewal("a_breaker_lets_one_ask_and_closes_by_its_answer"),
    ),
    Guard(
        "an answer closes a breaker",
        (Edit("breaker.py", "del self._breakers[issuer]", "pass"),),
        tests=renewal("a_breaker_lets_one_ask_and_closes_by_its_answer"),
    ),
    Guard(
        "the end of a program waits for what is on its way",
        (Edit("flight.py", "        self._committed.add(thread)\n", ""),),
        rows=("TE18",),
        tests=("tests/races/test_races.py::test_a_program_that_ends_in_flight_stores_what_comes",),
    ),
    Guard(
        "a command that was told to outlive its terminal does",
        (Edit("cli/__init__.py", "signal.getsignal(number) is not signal.SIG_IGN", "True"),),
        tests=("tests/races/test_races.py::test_a_command_that_is_to_outlive_its_terminal_does",),
    ),
    Guard(
        "a refusal is told once",
        (Edit("source.py", "grant.token != self._told_to_login", "True"),),
        tests=renewal("a_forgotten_registration_is_told_once_though_the_server_is_asked_again"),
    ),
    Guard(
        "who asks for a new token is counted with no 401",
        (Edit("source.py", "            self._forced.clear()\n", ""),),
        tests=("tests/application/test_renewing_now.py::test_as_often_as_they_like",),
    ),
    Guard(
        "who asks for a new token ends no grant by it",
        (Edit("source.py", "if former is not None and not former.renews:", "if False:"),),
        tests=("tests/application/test_renewing_now.py::test_where_only_a_sign_in_helps_it_says_so_and_leaves_what_is_stored",),
    ),
    Guard(
        "settings that are read again lead no further inside",
        (Edit("vault.py", 'settings.network.public_only or network == "public"', "settings.network.public_only"),),
        tests=("tests/application/test_reload.py::test_what_was_given_to_open_stays",),
    ),
    Guard(
        "settings that changed bring a source of their own",
        (
            Edit(
                "vault.py",
                "        key = (owner, server, account)\n",
                '        key = (owner, ServerSettings("", server.url), account)\n',
            ),
        ),
        tests=("tests/application/test_reload.py::test_only_the_servers_whose_settings_changed_begin_anew",),
    ),
]
