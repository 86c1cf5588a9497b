"""The page of conformance tells of a run of the suite that is pinned, and of nothing else."""

import json
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from conformance_page import read_conformance, render_conformance
from source_tree import REPOSITORY

FOLDER = REPOSITORY / "tests" / "conformance"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what the page is made of."""
    return copytree(FOLDER, tmp_path / "conformance", ignore=ignore_patterns("*.py", "__pycache__"))


def test_the_record_is_of_the_pinned_suite() -> None:
    assert read_conformance(FOLDER).problems == []


def test_a_record_of_another_version_is_told(folder: Path) -> None:
    record = json.loads((folder / "results.json").read_text("utf-8"))
    (folder / "results.json").write_text(json.dumps(record | {"suite": "0.1.16"}), "utf-8")

    (problem,) = read_conformance(folder).problems

    assert "got 0.1.16" in problem


def test_what_failed_is_told_too(folder: Path) -> None:
    record = json.loads((folder / "results.json").read_text("utf-8"))
    record["requirements"][0]["unmet"] = ["auth/metadata-default"]
    record["runs"][0]["verdict"] = "timed out"
    (folder / "results.json").write_text(json.dumps(record), "utf-8")

    page = render_conformance(read_conformance(folder))

    assert "17 of 18 scenarios pass; not: `auth/metadata-default`" in page
    assert "| timed out |" in page
