"""The sign-in dialog of the terminal app."""

from mutation.guard import Edit, Guard

KEYS = "tests/tui/test_signing_in.py::test_"
DIALOG = "tests/tui/test_sign_in_dialog.py::test_"
REAL = "tests/tui/test_sign_in_for_real.py::test_"
WORDS = "tests/tui/test_sign_in_words.py::test_"

GUARDS = [
    Guard(
        "a dialog that appears by itself hears no key that was meant for something else",
        (
            Edit(
                "tui/sign_in_dialog.py", "return self._grace is not None and self._grace.swallows(self._timer())", "return False"
            ),
        ),
        tests=(f"{DIALOG}no_key_for_something_else_lands_in_a_dialog_that_appears_by_itself",),
    ),
    Guard(
        "whoever types on keeps a dialog waiting",
        (Edit("tui/grace.py", "        self.ends_at = now + self._seconds\n        return True", "        return True"),),
        tests=(
            f"{KEYS}grace_ends_when_nobody_has_typed_for_a_while",
            f"{DIALOG}no_key_for_something_else_lands_in_a_dialog_that_appears_by_itself",
        ),
    ),
    Guard(
        "a dialog that closes takes its login and its listener along",
        (
            Edit(
                "tui/sign_in_dialog.py",
                "            login.cancel()\n            await asyncio.wait([login])\n",
                "            pass\n",
            ),
        ),
        tests=(
            f"{DIALOG}esc_ends_the_login_that_is_under_way",
            f"{DIALOG}the_app_s_end_ends_the_login",
            f"{REAL}when_the_dialog_is_gone_so_is_the_listener",
        ),
    ),
    Guard(
        "no browser opens before the person has said so",
        (
            Edit(
                "tui/app_presenter.py",
                "self._obstacle is None and await self._ask(Prompted(prompt))",
                "self._obstacle is None",
            ),
        ),
        tests=(
            f"{DIALOG}one_key_opens_the_browser_and_not_before",
            f"{REAL}nothing_is_opened_before_the_prompt_is_answered",
        ),
    ),
    Guard(
        "a browser says nothing to the terminal",
        (
            Edit(
                "callback/browser.py",
                "            stdout=subprocess.DEVNULL,\n            stderr=subprocess.DEVNULL,\n",
                "",
            ),
        ),
        tests=("tests/callback/test_browser.py::test_what_a_browser_says_stays_away_from_the_terminal",),
    ),
    Guard(
        "no is what enter says in the dialog",
        (
            Edit(
                "tui/signing_in.py",
                'Key("enter", "no", Does.NO), Key("y", "yes, go on", Does.YES)',
                'Key("n", "no", Does.NO), Key("enter", "yes, go on", Does.YES)',
            ),
        ),
        tests=(f"{KEYS}no_is_what_enter_says", f"{DIALOG}what_only_a_person_can_decide_is_asked"),
    ),
    Guard(
        "enter that is held down opens one tab",
        (
            Edit(
                "tui/sign_in_dialog.py",
                "(self._since_opening is not None and self._since_opening.swallows(now))",
                "False",
            ),
        ),
        tests=(f"{DIALOG}enter_that_is_held_down_opens_one_tab",),
    ),
    Guard(
        "only what is surely an address is a link",
        (
            Edit(
                "tui/sign_in_words.py",
                "    except ValueError:\n        return shown\n",
                "    except ValueError:\n        return shown.stylize(Style(link=url))\n",
            ),
        ),
        tests=(f"{WORDS}what_is_not_surely_an_address_is_no_link",),
    ),
    Guard(
        "a link of http leads to this machine alone",
        (Edit("tui/sign_in_words.py", 'parts.scheme == "https" or (parts.scheme == "http" and parts.is_loopback)', "True"),),
        tests=(f"{WORDS}what_is_not_surely_an_address_is_no_link",),
    ),
    Guard(
        "the report of a sign-in bears no details of an address",
        (Edit("tui/sign_in_words.py", 'ADDRESS.sub(r"\\1\\2", one_line(each, REPORT_LIMIT))', "one_line(each, REPORT_LIMIT)"),),
        tests=(f"{WORDS}the_report_tells_all_that_was_tried_and_no_details_of_an_address",),
    ),
    Guard(
        "no scope hides behind an ellipsis in the dialog",
        (Edit("tui/sign_in_words.py", "SCOPES_LIMIT = 8192", "SCOPES_LIMIT = 1000"),),
        tests=(f"{WORDS}no_scope_is_left_out",),
    ),
    Guard(
        "an error that nobody foresaw is not quoted in the dialog",
        (
            Edit(
                "tui/sign_in_dialog.py",
                'f"Handstamp itself failed: {type(error).__name__}."',
                'f"Handstamp itself failed: {error}."',
            ),
        ),
        tests=(f"{DIALOG}what_nobody_foresaw_names_its_class_alone",),
    ),
]
