"""What is told of grants, and to whom."""

from mutation.guard import Edit, Guard

GUARDS = [
    Guard(
        "a count names nobody",
        (
            Edit(
                "listeners/metrics.py",
                'attributes = {"handstamp.event": event.kind}',
                'attributes = {"handstamp.event": event.kind, "handstamp.owner": event.owner}',
            ),
        ),
        rows=("TH9",),
    ),
    Guard(
        "a count says nothing of what a server said",
        (Edit("listeners/metrics.py", 'attributes["error.type"] = event.code', 'attributes["error.type"] = event.message'),),
        rows=("TH9",),
    ),
    Guard(
        "a line of the log names no owner",
        (
            Edit(
                "listeners/words.py", 'return f"{safe(event.name)}{account}', 'return f"{event.owner} {safe(event.name)}{account}'
            ),
        ),
        tests=("tests/listeners/test_words.py::test_a_line_says_what_happened_to_which_server_and_account_and_names_no_owner",),
    ),
    Guard(
        "a listener that raises ends nothing",
        (Edit("stream.py", "except BaseException as error:", "except ZeroDivisionError as error:"),),
        tests=("tests/application/test_stream.py::test_a_listener_that_raises_is_logged_and_hears_the_next",),
    ),
    Guard(
        "nobody waits for a listener at the end for long",
        (Edit("stream.py", "deadline - time.monotonic()", "20.0"),),
        tests=("tests/application/test_stream.py::test_to_flush_is_to_wait_for_a_while_and_no_longer",),
    ),
    Guard(
        "what nobody takes up is let go of",
        (
            Edit(
                "stream.py",
                "                self._waiting.popleft()\n                self._dropped += 1\n",
                "                pass\n",
            ),
        ),
        tests=("tests/application/test_stream.py::test_of_more_than_it_can_hold_the_oldest_go_and_are_counted",),
    ),
    Guard(
        "the address of a webhook stays unsaid",
        (Edit("listeners/webhook.py", "at {host(self._url)} to take", "at {self._url} to take"),),
        tests=("tests/listeners/test_webhook.py::test_what_nobody_knows_is_said_again_twice_and_then_complained_of",),
    ),
    Guard(
        "-v shows no webhook",
        (Edit("wiring.py", "build_http(network, None, Named(url))", "build_http(network, print, Named(url))"),),
        tests=("tests/application/test_event_settings.py::test_what_shows_requests_shows_none_to_a_webhook",),
    ),
    Guard(
        "a command gets no key of ours or of anybody's",
        (Edit("listeners/command.py", "env=_reduced(self._environ)", "env=dict(self._environ)"),),
        tests=("tests/listeners/test_command.py::test_of_the_environment_it_gets_what_programs_need_and_no_key",),
    ),
    Guard(
        "a command is not run by itself",
        (Edit("wiring.py", ' or os.environ.get("HANDSTAMP_EVENT"):', ":"),),
        tests=("tests/application/test_event_settings.py::test_inside_of_a_command_none_is_run",),
    ),
    Guard(
        "a command has its time",
        (
            Edit(
                "listeners/command.py",
                "process.communicate(text.encode(), self._deadline)",
                "process.communicate(text.encode(), 30)",
            ),
        ),
        tests=("tests/listeners/test_command.py::test_one_that_takes_too_long_is_killed_with_what_it_started",),
    ),
    Guard(
        "a command lies where no project can put one",
        (Edit("listeners/command.py", "return found if found and Path(found).is_absolute() else None", "return found"),),
        tests=("tests/listeners/test_command.py::test_a_program_is_looked_for_where_no_project_can_put_one",),
    ),
    Guard(
        "a command is named by its whole path or by its name",
        (Edit("settings/values.py", "if is_path and not", "if False and not"),),
        rows=("TG9",),
        tests=("tests/bad_input/test_settings.py::test_a_broken_servers_toml_names_the_file_and_the_place",),
    ),
]
