"""What the terminal app asks, does and shows by itself."""

from mutation.guard import Edit, Guard

__all__ = ["GUARDS"]

GUARDS = [
    Guard(
        "an error that nobody foresaw shows no variables of the app",
        (Edit("tui/quiet_app.py", "        self._close_messages_no_wait()", "        super()._fatal_error()"),),
        tests=("tests/tui/test_app.py::test_an_error_that_nobody_foresaw_shows_no_variables",),
    ),
    Guard(
        "a sign-in that was dismissed is not asked for again",
        (Edit("tui/offering.py", "self._offered.update((each.server, each.account) for each in wanted)", "pass"),),
        tests=("tests/tui/test_offering.py::test_what_was_dismissed_is_not_asked_for_again",),
    ),
    Guard(
        "only a server that needs a login is asked for by itself",
        (Edit("tui/offering.py", "if row.state.status is ConnectionStatus.NEEDS_LOGIN and (", "if ("),),
        tests=("tests/tui/test_offering.py::test_the_network_and_more_access_are_no_reason_to_ask",),
    ),
    Guard(
        "the sign-in dialog comes over no other",
        (Edit("tui/app.py", "if wanted and self.screen is self.servers:", "if wanted:"),),
        tests=("tests/tui/test_app.py::test_the_dialog_comes_by_itself_never_over_another_and_once_dismissed_stays_away",),
    ),
    Guard(
        "where something is asked before it is done, Enter leaves it",
        (Edit("tui/confirm.py", 'self.query_one("#cancel").focus()', 'self.query_one("#yes").focus()'),),
        tests=("tests/tui/test_app.py::test_logout_and_remove_ask_first_and_cancel_is_what_enter_does",),
    ),
    Guard(
        "a name that is taken is not overwritten by the app",
        (Edit("tui/desk.py", "if server.name in self.vault.settings.configured:", "if False:"),),
        tests=("tests/tui/test_desk.py::test_a_name_that_is_taken_is_not_overwritten",),
    ),
    Guard(
        "a client secret that was typed goes with its server",
        (Edit("tui/desk.py", "            self.vault.forget_server(found)", "            pass"),),
        tests=("tests/tui/test_desk.py::test_a_client_secret_that_was_typed_goes_with_its_server",),
    ),
    Guard(
        "no key is that of two actions",
        (Edit("tui/wishes.py", "            if other != name:", "            if False:"),),
        tests=("tests/tui/test_wishes.py::test_a_key_of_two_actions_is_refused",),
    ),
    Guard(
        "what a person wanted to sign in to is not added to",
        (Edit("tui/app.py", "self._offered = dialog if by_itself else None", "self._offered = dialog"),),
        tests=("tests/tui/test_app.py::test_who_needs_the_person_meanwhile_waits_until_they_have_done_what_they_wanted",),
    ),
    Guard(
        "a call is not made with less than was typed before its key",
        (Edit("tui/call_screen.py", '"call", "Call", tooltip=', '"call", "Call", priority=True, tooltip='),),
        tests=("tests/tui/test_tools_pane.py::test_keys_that_come_all_at_once_are_heard_in_their_order",),
    ),
    Guard(
        "the app ends with its terminal",
        (Edit("tui/quiet_app.py", "        if is_gone():", "        if False:"),),
        tests=("tests/terminal/test_its_terminal.py::test_the_app_ends_with_its_terminal",),
    ),
    Guard(
        "what is typed once the app has left is for the shell",
        (Edit("tui/terminal.py", "        if self._is_ours:", "        if True:"),),
        tests=("tests/terminal/test_its_terminal.py::test_what_is_typed_once_the_app_has_left_is_for_the_shell",),
    ),
]
