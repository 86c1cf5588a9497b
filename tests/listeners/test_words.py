"""What an event says, to programs and to people."""

import json
import re
from typing import Any

from handstamp.events import KINDS, Failed, NeedsLogin
from handstamp.listeners.words import members, sentence
from happenings import everything, needs_login
from source_tree import REPOSITORY

JSON = (REPOSITORY / "docs" / "reference" / "json.md").read_text("utf-8")


def documented() -> list[dict[str, Any]]:
    _, _, section = JSON.partition("\n## Events\n")
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", section, re.MULTILINE | re.DOTALL)]


def test_every_kind_has_members_of_its_own_and_those_of_all() -> None:
    shown = [members(event) for event in everything()]

    assert [each["event"] for each in shown] == [kind.kind for kind in KINDS]
    assert all(list(each)[:8] == ["version", "event", "at", "server", "url", "owner", "account", "issuer"] for each in shown)
    assert json.loads(json.dumps(shown)) == shown


def test_an_event_in_json_is_as_the_reference_shows_it() -> None:
    (shown,) = documented()
    real = members(needs_login())

    assert list(real) == list(shown)
    assert {name: type(value) for name, value in real.items()} == {name: type(value) for name, value in shown.items()}


def test_the_reference_names_what_each_kind_has_besides() -> None:
    _, _, section = JSON.partition("\n## Events\n")
    common = members(needs_login()).keys() - {"message"}

    for event in everything():
        row = re.search(rf"^\| `{event.kind}` \|.*$", section, re.MULTILINE)
        assert row is not None
        assert {name for name in members(event) if name not in common and f"`{name}`" not in row[0]} == set()


def test_times_are_iso_8601_and_what_is_not_known_is_null() -> None:
    login, _, adopted, *_ = everything()

    assert members(login)["at"] == "1970-01-12T13:46:40Z"
    assert members(login)["expires_at"] == "1970-01-12T14:46:40Z"
    assert members(adopted)["expires_at"] is None


def test_only_what_needs_a_person_has_a_next_step() -> None:
    steps = {str(members(event)["event"]): members(event)["next_step"] for event in everything()}

    assert steps.pop("needs_login") == "handstamp login example --account work"
    assert set(steps.values()) == {None}


def test_a_line_says_what_happened_to_which_server_and_account_and_names_no_owner() -> None:
    lines = [sentence(event) for event in everything()]

    assert lines == [
        "example (work) is signed in",
        "example (work) was renewed",
        "example (work) was renewed by another process",
        "example (work) could not be renewed: Expected an answer from auth.example (token request), got none in time.",
        "example (work) needs you to sign in: example no longer accepts the stored sign-in.",
        "example (work) was forgotten here, and not revoked: it offers no revocation",
    ]


def test_what_a_server_says_stays_on_its_line_and_ends_somewhere() -> None:
    event = needs_login("no\n\x1b[2J" + "x" * 9000)

    assert sentence(event).isprintable()
    assert len(sentence(event)) < 600
    assert str(members(event)["message"]).startswith("no\\x0a\\x1b[2Jxx")


def test_each_kind_is_its_own_word() -> None:
    assert len({kind.kind for kind in KINDS}) == len(KINDS)
    assert (Failed.kind, NeedsLogin.kind) == ("failed", "needs_login")
