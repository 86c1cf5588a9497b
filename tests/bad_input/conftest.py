"""A home with nothing in it, for the real command."""

from pathlib import Path

import pytest

from commands import KEY, Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Its person signs in and allows; its vault's key is in the environment, of this process too."""
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    made = Home(tmp_path)
    made.use_browser()
    return made
