"""The lines of the list: what each says, which are shown, in which order."""

import pytest

from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.rows import ORDERS, arrange, glyph, words
from handstamp.tui.servers_table import COLUMNS, share
from tui.app_rows import a_program, a_row, a_sign_in
from tui.fake_hosts import NOON

SIGNED_IN = a_row("github", grant=a_sign_in("github"))
WAITING = a_row("linear", ConnectionStatus.NEEDS_LOGIN)
PROGRAM = a_program("files")
ROWS = (SIGNED_IN, WAITING, PROGRAM)


def test_every_status_has_a_sign_and_words_of_its_own() -> None:
    assert len({glyph(each) for each in ConnectionStatus}) == len({words(each) for each in ConnectionStatus}) == 7


def test_a_line_says_whose_sign_in_it_is_and_when_it_renews() -> None:
    assert (SIGNED_IN.account_words(), SIGNED_IN.renewal_words(NOON)) == ("me@github.example", "in 15 min")
    assert (WAITING.account_words(), WAITING.renewal_words(NOON)) == ("—", "—")


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ("", ["github", "linear", "files"]),
        ("LIN", ["linear"]),
        ("needs", ["linear"]),
        ("!needs", ["github", "files"]),
        ("connected !me@", ["files"]),
        ("mcp.github", ["github"]),
        ("!", ["github", "linear", "files"]),
        ("nothing", []),
    ],
)
def test_a_filter_keeps_what_has_each_word_and_none_after_a_mark(wanted: str, left: list[str]) -> None:
    assert [row.key for row in arrange(ROWS, wanted=wanted)] == left


@pytest.mark.parametrize(
    ("order", "first"), [("settings", "github"), ("name", "files"), ("status", "linear"), ("renewal", "github")]
)
def test_lines_are_put_in_order(order: str, first: str) -> None:
    assert arrange(ROWS, order=order)[0].key == first
    assert order in ORDERS


def test_columns_give_way_in_their_order_where_there_is_little_room() -> None:
    natural: dict[str, int] = dict(zip(COLUMNS, (1, 20, 17, 30, 9), strict=True))

    assert share(natural, 200) == natural
    assert share(natural, 80) == {**natural, "Account": 22}
    assert share(natural, 50) == {**natural, "Account": 10, "Server": 10}
