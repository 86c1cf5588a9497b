"""The table of actions: each has keys of its own, says why it cannot be done, and has its command."""

from collections import Counter

import pytest

from command_line import is_accepted
from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.actions import ACTIONS, Action, bindings, why_not
from handstamp.tui.rows import Row
from tui.app_rows import a_program, a_row, a_sign_in

LOOKING = {"filter", "sort", "open", "back", "help", "quit"}
"""These change only what is looked at, as do the tabs: no command does that."""


@pytest.mark.parametrize("action", [each for each in ACTIONS if each.command], ids=lambda each: each.id)
@pytest.mark.parametrize(
    "row",
    [
        None,
        a_row("linear"),
        a_row("linear", ConnectionStatus.DISABLED),
        a_row("linear", grant=a_sign_in("linear", "it's work")),
        a_program("files"),
    ],
    ids=["none", "server", "disabled", "account", "program"],
)
def test_what_an_action_does_a_command_does_too(action: Action, row: Row | None) -> None:
    command = action.twin(row)

    assert command is not None
    assert is_accepted(command.replace("URL", "https://mcp.linear.app/mcp"))


def test_only_what_changes_nothing_has_no_command() -> None:
    without = {each.id for each in ACTIONS if each.command is None and not each.id.startswith("tab.")}

    assert without == LOOKING


def test_what_is_switched_off_is_switched_on_by_the_command() -> None:
    switch = next(each for each in ACTIONS if each.id == "switch")

    assert switch.twin(a_row("linear", ConnectionStatus.DISABLED)) == "handstamp enable linear"
    assert switch.twin(a_row("linear")) == "handstamp disable linear"


def test_no_two_actions_share_a_name_or_a_key() -> None:
    keys = Counter(key for each in ACTIONS for key in each.keys.split(","))

    assert [key for key, count in keys.items() if count > 1] == []
    assert len({each.id for each in ACTIONS}) == len(ACTIONS)


def test_every_binding_can_be_remapped_and_says_what_it_does() -> None:
    assert all(each.id and each.tooltip for each in bindings())


@pytest.mark.parametrize("action", [each.id for each in ACTIONS if each.of_a_server])
def test_without_a_server_nothing_is_done_to_one(action: str) -> None:
    assert why_not(action, None) == "No server is chosen."


@pytest.mark.parametrize("action", ["login", "refresh", "logout", "copy_url"])
def test_nobody_signs_in_to_a_program(action: str) -> None:
    assert why_not(action, a_program("files")) == "files is a program on this machine: nobody signs in to it."


@pytest.mark.parametrize("action", ["refresh", "logout"])
def test_only_a_sign_in_is_renewed_or_ended(action: str) -> None:
    assert why_not(action, a_row("linear")) == "Nobody has signed in to linear."
    assert why_not(action, a_row("linear", grant=a_sign_in("linear"))) is None


@pytest.mark.parametrize("action", ["edit", "switch", "remove"])
def test_only_what_has_a_name_is_changed(action: str) -> None:
    assert why_not(action, a_row("linear", is_configured=False)) == "linear has no name yet: add it first."


def test_what_is_switched_off_is_not_connected_to() -> None:
    assert why_not("reconnect", a_row("linear", ConnectionStatus.DISABLED)) == "linear is switched off: t switches it on."
