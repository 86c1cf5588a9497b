"""A little of what `make endure` does for minutes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from authority import Knobs
from endurance.disks import DISKS, watch
from endurance.endings import end_again_and_again
from endurance.expiries import Expiries, expire_again_and_again
from endurance.kills import kill_again_and_again
from endurance.rekeys import kill_at_lines
from endurance.zygote import Zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc/locks")

SEED = 5


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as started:
        yield started


def test_each_expiry_costs_all_processes_and_tasks_one_refresh(zygote: Zygote) -> None:
    """TE9, TE17."""
    came_to = expire_again_and_again(zygote, processes=3, tasks=6, expiries=3)

    assert came_to == Expiries(refreshes=3, failures=0, reused=0)


def test_kills_cost_nothing_at_a_server_that_forgives(zygote: Zygote) -> None:
    """TE11."""
    came_to = kill_again_and_again(zygote, 6, Knobs(previous=True), seed=SEED)

    assert (came_to.lost, came_to.failures, came_to.logins) == ([], {}, 0)


def test_kills_cost_a_sign_in_at_a_strict_server_only_inside_a_request(zygote: Zygote) -> None:
    """TE11."""
    came_to = kill_again_and_again(zygote, 6, seed=SEED)

    assert (came_to.lost, came_to.failures) == ([], {})
    assert came_to.logins == came_to.explained


def test_programs_that_are_told_to_end_lose_nothing(zygote: Zygote) -> None:
    """TE18."""
    came_to = end_again_and_again(zygote, 2, seed=SEED)

    assert came_to.lost == []


def test_a_rekey_that_is_killed_leaves_a_vault_that_opens(tmp_path: Path) -> None:
    came_to = kill_at_lines(tmp_path / "state", every=9)

    assert came_to.kills > 6
    assert came_to.keys > 1
    assert (came_to.unread, came_to.left) == ((), ())


def test_a_full_disk_costs_no_token() -> None:
    """TE19."""
    expected = DISKS["full, and the program ends when there is room"]

    seen = watch(expected)

    assert seen == expected.seen
