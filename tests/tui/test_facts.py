"""What the tabs say of a server."""

from handstamp.hosts.connection import LogLine
from handstamp.hosts.state import ConnectionStatus
from handstamp.model import Failure
from handstamp.tui.facts import log, overview, scopes
from handstamp.tui.facts_view import lay_out
from handstamp.tui.rows import Row
from tui.app_rows import a_program, a_row, a_sign_in
from tui.fake_hosts import NOON, FakeHost


def said(row: Row) -> dict[str, str]:
    return {fact.name: fact.value.plain for fact in overview(row, None, NOON) if fact.name}


def test_the_overview_tells_of_the_sign_in_and_not_of_its_token() -> None:
    facts = said(a_row("linear", grant=a_sign_in("linear")))

    assert facts["Connection"] == "● connected"
    assert (facts["Sign-in"], facts["Account"]) == ("● signed in", "me@linear.example")
    assert (facts["Resource"], facts["Issuer"]) == ("https://mcp.linear.example/mcp", "https://auth.linear.example")
    assert not any("old-access" in value for value in facts.values())


def test_the_overview_tells_the_reason_and_the_way_out() -> None:
    row = a_row("linear", ConnectionStatus.NEEDS_LOGIN, reason="Nobody has signed in.", next_step="handstamp login linear")

    text = lay_out(overview(row, None, NOON), 60).plain

    assert "Nobody has signed in." in text
    assert "→ handstamp login linear" in text


def test_the_overview_tells_when_it_is_tried_again() -> None:
    row = a_row("linear", ConnectionStatus.UNREACHABLE, retry_at=NOON + 30)

    assert "Tried again in 30 s; R tries now." in lay_out(overview(row, None, NOON), 60).plain


def test_the_overview_tells_why_a_renewal_failed() -> None:
    grant = a_sign_in("linear", failure=Failure(NOON - 5, "timed_out", "auth.linear.example did not answer."))

    assert "auth.linear.example did not answer." in lay_out(overview(a_row("linear", grant=grant), None, NOON), 60).plain


def test_a_program_is_told_by_its_command() -> None:
    assert said(a_program("files"))["Command"] == "npx files"


def test_scopes_are_told_apart_by_what_became_of_them() -> None:
    grant = a_sign_in("linear", scopes=("read",), requested_scopes=("read", "write", "admin"), refused_scopes=("admin",))

    facts = {each.name: each.value.plain for each in scopes(a_row("linear", grant=grant, scopes=("files",)))}

    assert facts == {"Needed now": "files", "Granted": "read", "Asked too": "write\nadmin", "Refused": "admin"}


def test_long_values_are_wrapped_beside_their_names() -> None:
    lines = lay_out(overview(a_row("a-name-that-is-long"), None, NOON), 30).plain.split("\n")

    assert all(len(each) <= 30 for each in lines)
    assert sum(each.startswith("Resource") for each in lines) == 1
    assert lines[2].startswith(" " * 12)


def test_the_log_tells_time_level_and_words() -> None:
    host = FakeHost("linear", log=[LogLine(NOON, "warning", "slow\x1b[2J\nnext")])

    assert log(host).plain.endswith("warning   slow\\x1b[2J next")
    assert log(None).plain == "Nothing yet."
