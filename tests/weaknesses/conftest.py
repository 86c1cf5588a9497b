"""The machine that every test of a weakness begins with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from authority import FormBrowser
from commands import KEY, Home
from weaknesses.machine import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form_browser: FormBrowser) -> Iterator[Machine]:
    """Nothing is configured, nobody is signed in."""
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    built = Machine(Home(tmp_path), form_browser)
    yield built
    built.close()
