"""What every test may ask for, and the rule that no test may break: nothing captured bears a secret."""

import signal
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from handstamp.demo.ledger import SECRET_PATTERN

if TYPE_CHECKING:
    from authority import DemoServers, FormBrowser, Knobs, StartAuthority
    from certificates import Signer

# A shell starts what runs in its background with SIGINT ignored, and whoever is started from there inherits it; the programs that
# these tests interrupt have to hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPORTS = pytest.StashKey[list[pytest.TestReport]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash.setdefault(REPORTS, []).append(report)
    return report


@pytest.fixture(autouse=True)
def no_secret_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Fails a test whose captured stdout, stderr or log holds a token, a code or a client secret that an authority of ours made.

    What the test itself read away (`capsys.readouterr()`) is the test's to judge.
    """
    yield
    for report in request.node.stash.get(REPORTS, []):
        for section, text in report.sections:
            # Not `assert`: its message would show the secret.
            if SECRET_PATTERN.search(text):
                pytest.fail(f"{section} bears a secret", pytrace=False)


@pytest.fixture
def authority() -> Iterator["StartAuthority"]:
    """Starts an authority with its MCP server: `authority()`, `authority(Knobs(deny=True))`. It stops with the test."""
    from authority import Authority

    with ExitStack() as stack:

        def start(knobs: "Knobs | None" = None) -> Authority:
            return stack.enter_context(Authority(knobs))

        yield start


@pytest.fixture(scope="session")
def demo_servers() -> Iterator["DemoServers"]:
    """The demo's real processes, one pair for the whole run: count differences, not totals."""
    from authority import DemoServers

    with DemoServers() as servers:
        yield servers


@pytest.fixture
def form_browser() -> "FormBrowser":
    """A person who signs in and presses Allow."""
    from authority import FormBrowser

    return FormBrowser()


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> "Signer":
    """A certificate authority for `LoopbackServer(tls=signer.tls("127.0.0.1"))`; `signer.ca_file` is what trusts it."""
    from certificates import Signer

    return Signer(tmp_path_factory.mktemp("certificates"))
