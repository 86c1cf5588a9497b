"""The command line under test."""

from pathlib import Path

import pytest

from cli.commandline import CommandLine


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """The real program, with a home of its own."""
    return CommandLine(tmp_path)
