"""The test of the test: with any rule taken out, the simulator finds a history that shows it."""

import pytest

from simulation.broken import VARIANTS
from simulation.running import run_share, tell

HISTORIES = 500


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_rule_is_noticed(name: str) -> None:
    variant = VARIANTS[name]

    share = run_share("broken", range(HISTORIES), variant.build, variant.faults, stop_at=1)

    assert share.failed, f"{HISTORIES} histories, and nobody has noticed: {name}"
    assert share.failed[0].invariant in variant.noticed_by


def test_the_story_of_a_violation_is_shrunk_to_what_matters() -> None:
    variant = VARIANTS["a refusal not noted"]
    failed = run_share("broken", range(HISTORIES), variant.build, variant.faults, stop_at=1).failed[0]

    choices, story = tell(failed, variant.build, variant.faults)

    assert len(choices) < len(failed.taken)
    assert sum(choices) < sum(failed.taken)
    assert "sent once" in story.lines[-2] or "sent once" in story.lines[-1]
