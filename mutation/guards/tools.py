"""What a server offers and asks for, in the terminal app."""

from mutation.guard import Edit, Guard

GUARDS = [
    Guard(
        "a tool that its server marks as destructive is called after a yes alone",
        (Edit("tui/call_screen.py", "if not asks_first(self._offer):", "if True:"),),
        tests=("tests/tui/test_tools_pane.py::test_a_destructive_tool_is_called_after_a_yes_alone",),
    ),
    Guard(
        "an address of a server is opened where we would go ourselves",
        (
            Edit(
                "tui/page_dialog.py",
                'host = split_url(require_secure(url, "the page", near=near)).host',
                'host = url.split(":")[1].strip("/")',
            ),
        ),
        rows=("TC12",),
    ),
    Guard(
        "what a server asks for is cancelled by the key that comes first",
        (
            Edit(
                "tui/asking.py",
                'self.query_one("#buttons Button", Button).focus()',
                'self.query("#buttons Button").last().focus()',
            ),
        ),
        rows=("TC12",),
    ),
    Guard(
        "a dialog that comes by itself hears no key at first",
        (Edit("tui/asking.py", "if self._grace is None or not self._grace.is_over(self._now()):", "if self._grace is None:"),),
        rows=("TC12",),
    ),
    Guard(
        "only pictures and sounds are opened",
        (Edit("tui/saving.py", "return path.suffix in OPENED", "return True"),),
        tests=(
            "tests/tui/test_results.py::test_what_can_hold_a_program_is_not_opened",
            "tests/tui/test_tools_pane.py::test_a_picture_is_saved_and_opened_on_demand_and_a_page_is_not",
        ),
    ),
    Guard(
        "a file is of the kind that its bytes bear out",
        (
            Edit(
                "tui/saving.py",
                'return ending if any(data.startswith(each, offset) for each in beginnings) else "bin"',
                "return ending",
            ),
        ),
        tests=("tests/tui/test_results.py::test_a_file_has_our_name_and_an_ending_that_its_bytes_bear_out",),
    ),
    Guard(
        "a link in an answer leads to an address of the web",
        (Edit("tui/results.py", "if _is_address(address):", "if True:"),),
        tests=("tests/tui/test_results.py::test_a_link_leads_where_it_reads",),
    ),
    Guard(
        "a default that would not draw is not put into an editor",
        (Edit("tui/form_values.py", "entry is not None and _draws(entry) and", "entry is not None and"),),
        tests=("tests/tui/test_schema_form.py::test_a_default_that_would_not_draw_is_not_put_into_an_editor",),
    ),
]
