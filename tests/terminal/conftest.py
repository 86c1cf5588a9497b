"""What each journey through the app starts from: a home, a terminal in it, servers, a person with a browser."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from authority import DemoServers
from chromium import Chromium
from commands import Home
from requires import require
from terminal.person import Person
from terminal.tmux import Terminal

StartTerminal = Callable[..., Terminal]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.environ["COLORTERM"] = "truecolor"
    return home


@pytest.fixture
def terminal(home: Home, tmp_path: Path) -> Iterator[StartTerminal]:
    """Opens one: `terminal()`, `terminal(columns=120, rows=40)`. It ends with the test."""
    with ExitStack() as stack:

        def open_terminal(*, columns: int = 80, rows: int = 24) -> Terminal:
            return stack.enter_context(Terminal(require("tmux"), tmp_path, home.environ, columns=columns, rows=rows))

        yield open_terminal


@pytest.fixture
def demo() -> Iterator[DemoServers]:
    """Servers of this test's own, which it may end."""
    with DemoServers(lifetime=600.0) as servers:
        yield servers


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(require("chromium"), tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def person(chromium: Chromium, home: Home, tmp_path: Path) -> Person:
    """Sits at the terminal: what it opens comes to their browser."""
    person = Person(chromium, tmp_path)
    home.environ["BROWSER"] = str(person.browser)
    return person
