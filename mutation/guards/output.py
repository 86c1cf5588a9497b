"""TH: what you see."""

from mutation.guard import Edit, Guard

PRINTER = Edit("output.py", "harmless(piece) for number", "piece for number")
"""The second of two layers: who looks at the first takes it out as well."""
CELLS = Edit(
    "output.py",
    "return harmless(self._masked(cell.text if isinstance(cell, Styled) else cell))",
    "return self._masked(cell.text if isinstance(cell, Styled) else cell)",
)

GUARDS = [
    Guard(
        "what acts or hides is written out",
        (Edit("protocol/text.py", "_shown(character) if marks <= MAX_MARKS else _escape(character)", "character"),),
        rows=("TH1", "TH2", "TH4"),
    ),
    Guard(
        "the printer escapes what a command forgot",
        (PRINTER, CELLS),
        tests=("tests/threats/test_th.py::test_th1_the_printer_writes_out_what_a_command_forgot_to_make_safe",),
    ),
    Guard(
        "a tool's text is escaped by its command and by the printer",
        (PRINTER, Edit("words.py", 'map(harmless, line.split("\\t"))', 'line.split("\\t")')),
        tests=("tests/threats/test_th.py::test_th1_at_a_terminal_only_our_own_sequences_arrive",),
    ),
    Guard(
        "an error is escaped by the errors' printer and by the printer",
        (
            PRINTER,
            Edit("output.py", "{safe(error.message, MESSAGE_LIMIT)}", "{error.message}"),
            Edit("protocol/answers.py", "reason = f' (\"{safe(words)}\")'", "reason = f' (\"{words}\")'"),
        ),
        tests=("tests/threats/test_th.py::test_th1_a_login_that_fails_quotes_nothing_that_acts",),
    ),
    Guard(
        "what -v shows stays on its line",
        (Edit("words.py", '    return safe(" ".join(text.split()), limit)', "    return text"),),
        tests=("tests/threats/test_th.py::test_th4_no_server_says_a_line_of_ours",),
    ),
    Guard(
        "the page in the browser writes out what hides",
        (Edit("callback/page.py", "escape(safe(value, limit))", "escape(value[:limit])"),),
        tests=("tests/threats/test_th.py::test_th1_the_page_in_the_browser_shows_the_same_escapes",),
    ),
    Guard(
        "marks are told by their category",
        (
            Edit(
                "protocol/text.py",
                'return category(character) in ("Mn", "Me")',
                "from unicodedata import combining\n\n    return combining(character) > 0",
            ),
        ),
        tests=("tests/threats/test_th.py::test_th2_nothing_that_a_server_says_turns_hides_or_floods",),
    ),
    Guard(
        "a letter that draws nothing is written out",
        (
            Edit(
                "protocol/text.py", "if not character.isprintable() or character in INVISIBLE:", "if not character.isprintable():"
            ),
        ),
        tests=("tests/threats/test_th.py::test_th2_a_character_that_draws_nothing_never_passes",),
    ),
    Guard(
        "a joiner that joins nothing is written out",
        (
            Edit(
                "protocol/text.py",
                'return re.sub(LOOSE_JOINER, lambda found: _escape(found[0]), "".join(shown))',
                'return "".join(shown)',
            ),
        ),
        rows=("TH2",),
    ),
    Guard(
        "a table lines up by the cells of a terminal",
        (
            Edit(
                "protocol/text.py",
                '0 if _is_mark(character) or character in JOINERS else 2 if east_asian_width(character) in "WF" else 1',
                "1",
            ),
        ),
        tests=("tests/threats/test_th.py::test_th2_a_table_lines_up_whatever_letters_are_in_it",),
    ),
    Guard(
        "the page in the browser escapes markup",
        (Edit("callback/page.py", "return escape(safe(value, limit))", "return safe(value, limit)"),),
        rows=("TH3",),
    ),
    Guard(
        "the line that the library logs is one line",
        (Edit("wiring.py", '"%s", harmless(text)', '"%s", text'),),
        tests=("tests/threats/test_th.py::test_th4_a_line_break_in_a_name_begins_no_new_line_of_a_log",),
    ),
    Guard(
        "a secret shows itself to nobody",
        (
            Edit(
                "model.py",
                '    def __repr__(self) -> str:\n        return "***"',
                "    def __repr__(self) -> str:\n        return self._value",
            ),
        ),
        rows=("TH5",),
    ),
    Guard(
        "a secret is not pickled or copied",
        (
            Edit(
                "model.py",
                'raise TypeError("a Secret is not pickled")',
                "return (Secret, (self._value,))  # type: ignore[return-value]",
            ),
        ),
        tests=("tests/threats/test_th.py::test_th5_a_secret_cannot_be_copied_out_by_accident",),
    ),
    Guard(
        "an answer does not show its body",
        (Edit("protocol/exchange.py", "body: bytes = field(repr=False)", "body: bytes"),),
        tests=("tests/threats/test_th.py::test_th5_no_value_that_holds_a_secret_shows_it",),
    ),
    Guard(
        "a failure of our own is told without its text",
        (Edit("output.py", "type(each).__qualname__)", 'type(each).__qualname__ + f": {each}")'),),
        tests=("tests/threats/test_th.py::test_th5_a_failure_of_our_own_is_told_by_where_and_not_by_its_text",),
    ),
    Guard(
        "nobody logs what a request bears",
        (
            Edit(
                "http/drive.py",
                "            answer = await self._transport.handle_async_request(wire_request)",
                '            import logging\n\n            logging.getLogger("httpx2").debug("%r", wire_request.content)\n'
                "            answer = await self._transport.handle_async_request(wire_request)",
            ),
        ),
        tests=("tests/threats/test_th.py::test_th5_a_whole_life_of_a_grant_leaves_no_secret_in_any_log",),
    ),
    Guard(
        "the frames of a request forget their values",
        (
            Edit("http/drive.py", "with forgetting_values():", "if True:"),
            Edit("login.py", "with forgetting_values():", "if True:"),
        ),
        rows=("TH6",),
    ),
    Guard(
        "the frames of an answer forget their values",
        (Edit("login.py", "with forgetting_values():", "if True:"),),
        tests=("tests/threats/test_th.py::test_th6_an_answer_that_is_refused_leaves_no_token_in_the_frames",),
    ),
    Guard(
        "the frames of a read row forget their values",
        (Edit("stores/rows.py", "    @forgetting_values()\n    def open_grant", "    def open_grant"),),
        tests=("tests/threats/test_th.py::test_th6_a_damaged_row_leaves_neither_token_nor_key_in_the_frames",),
    ),
    Guard(
        "the frames of a written row forget their values",
        (
            Edit("stores/sqlite.py", "with forgetting_values(), self.database.writing()", "with self.database.writing()"),
            Edit("login.py", "with forgetting_values():", "if True:"),
        ),
        tests=("tests/threats/test_th.py::test_th6_a_vault_that_cannot_be_written_leaves_no_token_in_the_frames",),
    ),
    Guard(
        "the frames that load a key forget it",
        (Edit("stores/pinning.py", "@forgetting_values()\ndef load_pinned_key", "def load_pinned_key"),),
        tests=("tests/threats/test_th.py::test_th6_a_key_that_is_not_the_vaults_does_not_stay_in_the_frames",),
    ),
    Guard(
        "the frames that read a header forget it",
        (Edit("wiring.py", "@forgetting_values()\ndef read_headers", "def read_headers"),),
        tests=("tests/threats/test_th.py::test_th6_a_header_that_is_read_from_a_file_does_not_stay_in_the_frames",),
    ),
    Guard(
        "an error of another's keeps its values",
        (Edit("errors.py", "chain(error, until=before)", "chain(error)"),),
        tests=("tests/threats/test_th.py::test_th6_what_was_being_handled_before_keeps_its_values",),
    ),
    Guard(
        "a coroutine of another's is not closed",
        (Edit("errors.py", "if not frame.f_code.co_flags & SUSPENDABLE or ", "if True or "),),
        tests=("tests/threats/test_th.py::test_th6_a_task_that_saw_the_error_before_goes_on",),
    ),
    Guard(
        "JSON is ASCII",
        (
            Edit(
                "output.py",
                "indent=2, allow_nan=False)",
                "indent=2, allow_nan=False, ensure_ascii=False)",
            ),
        ),
        rows=("TH7",),
    ),
    Guard(
        "no other command prints a token",
        (
            Edit(
                "words.py",
                '        "account": grant.key.account,',
                '        "account": grant.key.account,\n        "token": grant.token.access_token.reveal(),',
            ),
        ),
        rows=("TH8",),
    ),
    Guard(
        "the conversation goes to stderr",
        (
            Edit(
                "output.py",
                '_write(sys.stderr, _show(self._masked(text)) + "\\n")',
                '_write(sys.stdout, _show(self._masked(text)) + "\\n")',
            ),
        ),
        rows=("TH10",),
    ),
    Guard(
        "what a library logs is printed by nobody",
        (Edit("cli/connected.py", "    logging.getLogger().addHandler(logging.NullHandler())\n", ""),),
        rows=("TH10",),
    ),
    Guard(
        "what is copied is what was checked",
        (Edit("cli/terminal.py", "self._output.copy(url)", 'self._output.copy(url + "&x=y")'),),
        rows=("TH11",),
    ),
    Guard(
        "only a plain address is shown",
        (Edit("protocol/urls.py", "if not _PATH_OR_QUERY.fullmatch(path + query):", "if False:"),),
        rows=("TH11",),
    ),
]
