"""Whoever changes the vault as a whole, and those who refresh meanwhile."""

import time
from pathlib import Path
from threading import Thread

import pytest

from handstamp.errors import VaultLocked
from handstamp.stores.turns import Turns


class Changing(Thread):
    """Somebody who wants the vault alone."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self.is_done = False
        self._turns = turns

    def run(self) -> None:
        with self._turns.alone():
            self.is_done = True


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path / "locks", tmp_path / "vault.db")


def test_refreshes_that_come_later_do_not_keep_anybody_waiting_for_ever(turns: Turns) -> None:
    changing = Changing(turns)

    with turns.together(wait=True):
        changing.start()
        wait_until(turns, allowed=False)
        assert not changing.is_done
    changing.join()

    assert changing.is_done
    wait_until(turns, allowed=True)


def test_one_that_takes_long_holds_up_the_others_for_a_moment_only(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handstamp.stores.turns.SHUT", 0.3)
    changing = Changing(turns)

    with turns.together(wait=True):
        changing.start()
        wait_until(turns, allowed=False)
        wait_until(turns, allowed=True)
        assert not changing.is_done
    changing.join()

    assert changing.is_done


def test_one_that_never_ends_is_told(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose new token cannot be written keeps the others from sending the old one."""
    monkeypatch.setattr("handstamp.stores.turns.SHUT", 0.0)
    monkeypatch.setattr("handstamp.stores.turns.PATIENCE", 0.0)

    with turns.together(wait=True), pytest.raises(VaultLocked, match="cannot store its new token"), turns.alone():
        pass


def wait_until(turns: Turns, *, allowed: bool) -> None:
    """A refresh that comes now is let in, or is not."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        with turns.together(wait=False) as entered:
            if entered == allowed:
                return
    raise AssertionError(f"expected it to be {allowed}")
