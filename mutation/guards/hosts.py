"""Connections to MCP servers: what never looks like a sign-in, what ends, and what has an end."""

from mutation.guard import Edit, Guard


def hosts(file: str, *names: str) -> tuple[str, ...]:
    """Node ids of tests in `tests/hosts/test_<file>.py`."""
    return tuple(f"tests/hosts/test_{file}.py::test_{name}" for name in names)


GUARDS = [
    Guard(
        "a status alone is no matter of signing in",
        (
            Edit(
                "hosts/judging.py",
                'return ServerSaidNo(f"{target.name} answers HTTP {status}.", hint=trace)',
                "return LoginRequired(target.name, hint=trace)",
            ),
        ),
        tests=hosts("judging", "a_status_alone_is_no_matter_of_signing_in"),
    ),
    Guard(
        "a server that does not answer does not ask for a sign-in",
        (
            Edit(
                "hosts/judging.py",
                "ConnectionState(ConnectionStatus.UNREACHABLE,",
                "ConnectionState(ConnectionStatus.NEEDS_LOGIN,",
            ),
        ),
        tests=hosts("judging", "only_an_error_about_signing_in_asks_for_that"),
    ),
    Guard(
        "a connection's deadline is no sign-in's",
        (
            Edit(
                "hosts/life.py",
                "            return refuse_late(self.target, self._connect_seconds)",
                "            return LoginRequired(self.target.name)",
            ),
        ),
        tests=hosts("connections", "the_deadline_is_the_connection_s_and_ends_no_sign_in"),
    ),
    Guard(
        "a server that wants a sign-in is left in peace until a person says so",
        (
            Edit(
                "hosts/judging.py",
                "return ConnectionState(ConnectionStatus.NEEDS_LOGIN, now, reason, next_step)",
                "return ConnectionState(ConnectionStatus.NEEDS_LOGIN, now, reason, next_step, retry_at=now + 1.0)",
            ),
        ),
        tests=hosts("connections", "a_server_that_wants_a_sign_in_is_asked_no_more_until_somebody_says_so"),
    ),
    Guard(
        "one call's failure is not the connection's",
        (Edit("hosts/carrying.py", "        if not is_message:\n", "        if True:\n"),),
        tests=hosts("connections", "more_access_that_a_call_wants_shows_until_that_call_goes_well"),
    ),
    Guard(
        "a server is asked again when it said",
        (Edit("hosts/pace.py", "return wanted + chance", "return chance"),),
        tests=hosts("fleet", "pauses_double_up_to_a_minute_and_a_server_s_wish_is_kept"),
    ),
    Guard(
        "a list has an end",
        (Edit("hosts/listing.py", "for _ in range(MOST_PAGES):", "for _ in range(5 * MOST_PAGES):"),),
        tests=hosts("connections", "pages_without_end_end"),
    ),
    Guard(
        "a page is read once",
        (Edit("hosts/listing.py", "if cursor in seen:", "if False:"),),
        tests=hosts("connections", "a_page_that_leads_to_itself_is_read_once"),
    ),
    Guard(
        "of a list only so much is kept",
        (Edit("hosts/listing.py", "if len(found) > MOST_ITEMS:", "if False:"),),
        tests=hosts("connections", "more_tools_than_anybody_reads_are_left_out"),
    ),
    Guard(
        "a server has the person visit nothing but pages",
        (Edit("hosts/questions.py", "if not _is_page(url):", "if False:"),),
        tests=hosts("questions", "what_is_no_page_is_declined_before_anybody_sees_it"),
    ),
    Guard(
        "a server asks a few questions at a time",
        (Edit("hosts/questions.py", "if self._waiting >= MOST_QUESTIONS:", "if False:"),),
        tests=hosts("questions", "a_server_that_asks_without_end_is_declined"),
    ),
    Guard(
        "a program gets a bare environment",
        (Edit("hosts/programs.py", "env={**get_default_environment(), **revealed},", "env={**os.environ, **revealed},"),),
        tests=hosts("real_servers", "a_program_is_a_server_like_any_other"),
    ),
    Guard(
        "a program that will not end is killed",
        (Edit("hosts/programs.py", '        _signal(process, getattr(signal, "SIGKILL", 0))\n', ""),),
        tests=hosts("real_servers", "a_program_that_will_not_end_is_killed"),
    ),
    Guard(
        "what is switched off is left alone",
        (Edit("hosts/life.py", "if not self.target.enabled:", "if False:"),),
        tests=hosts("connections", "what_is_switched_off_is_left_alone"),
    ),
    Guard(
        "servers that hang keep no turn",
        (Edit("hosts/pace.py", "self._tasks.start_soon(self._end_later, end)\n", "\n"),),
        tests=hosts("fleet", "servers_that_hang_are_in_nobody_s_way"),
    ),
]
