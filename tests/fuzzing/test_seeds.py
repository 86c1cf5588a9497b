"""The fuzzer's inputs on every machine, without the fuzzer: where it begins, and all that ever failed."""

from pathlib import Path

import pytest

from fuzz.target import SEEDS, Target
from fuzz.targets import TARGETS

FAILED = Path(__file__).parent / "failed"

INPUTS = sorted(path for place in (SEEDS, FAILED) for path in place.glob("*/*"))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_input_breaks_its_parser(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_every_parser_has_inputs_to_begin_with_and_takes_none_at_all(target: Target) -> None:
    assert all(len(seed.read_bytes()) <= max(target.max_length, 10_000) for seed in target.seeds)
    assert len(target.seeds) >= 3

    target.run(b"")


def test_every_input_belongs_to_a_parser() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
