"""Whoever changes the vault as a whole, and those who refresh meanwhile."""

import time
from pathlib import Path
from threading import Thread

import pytest

from handstamp.errors import VaultLocked
from handstamp.stores.turns import Turns


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path / "locks", tmp_path / "vault.db")


def test_refreshes_that_come_later_do_not_keep_anybody_waiting_for_ever(turns: Turns) -> None:
    entered: list[bool] = []

    def change() -> None:
        with turns.alone():
            entered.append(True)

    changing = Thread(target=change)
    with turns.together(wait=True):
        changing.start()
        wait_until_refused(turns)
        assert not entered
    changing.join()

    assert entered
    with turns.together(wait=False) as allowed:
        assert allowed


def test_one_that_never_ends_holds_up_the_others_for_a_moment_only(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a program whose new token cannot be written."""
    monkeypatch.setattr("handstamp.stores.turns.SHUT", 0.0)
    monkeypatch.setattr("handstamp.stores.turns.PATIENCE", 0.2)

    def change() -> None:
        with pytest.raises(VaultLocked, match="cannot store its new token"), turns.alone():
            pass

    changing = Thread(target=change)
    with turns.together(wait=True):
        changing.start()
        with turns.together(wait=True) as allowed:
            assert allowed
        changing.join()


def wait_until_refused(turns: Turns) -> None:
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        with turns.together(wait=False) as allowed:
            if not allowed:
                return
    raise AssertionError("the gate stayed open")
