"""What is kept of a run for the documentation, and the peers' figures beside it. `docs/conformance_page.py` reads both files."""

import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from conformance.report import find_unmet
from conformance.suite import Suite
from conformance.verdict import Outcome, judge

__all__ = ["most_requests", "write_record"]

HERE = Path(__file__).parent
RECORD = HERE / "results.json"
PEERS = HERE / "peers.toml"


def write_record(suite: Suite, outcomes: Sequence[Outcome]) -> None:
    """Replaces the last one. What failed is kept too: the page tells it."""
    record = {
        "suite": suite.version,
        "sdk": version("mcp"),
        "date": datetime.now(UTC).date().isoformat(),
        "requirements": [
            {"revision": each.revision, "scored": len(each.scored), "unmet": find_unmet(each, outcomes)}
            for each in suite.requirements
        ],
        "runs": [_describe(outcome) for outcome in outcomes],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _describe(outcome: Outcome) -> dict[str, object]:
    return {
        "scenario": outcome.task.scenario,
        "wire": outcome.task.wire,
        "extension": outcome.task.is_extension,
        "passed": outcome.passed,
        "failed": outcome.failed,
        "warned": outcome.warned,
        "verdict": judge(outcome).value,
        "error": outcome.error,
        "requests": outcome.requests,
    }


def most_requests() -> dict[str, int]:
    """Of each scenario that was counted, the least that a peer needs."""
    counted = tomllib.loads(PEERS.read_text(encoding="utf-8"))["requests"]
    return {scenario: min(figures.values()) for scenario, figures in counted.items()}
