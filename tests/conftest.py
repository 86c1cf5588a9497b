"""What every test may ask for, and the rule that no test may break: nothing captured bears a secret."""

import os
import re
import signal
import ssl
import stat
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handstamp.demo.ledger import SECRET_PATTERN
from handstamp.errors import HandstampError

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
def no_secret_leaks(request: pytest.FixtureRequest, said_by_errors: list[str]) -> Iterator[None]:
    """
    Fails a test that left a token, a code or a client secret, made by an authority of ours, in what was captured of stdout,
    stderr and the log; in the message or hint of any error of ours, raised or caught; or in a file below its `tmp_path`.

    What the test itself read away (`capsys.readouterr()`) is the test's to judge. One that writes a secret into a file on purpose
    bears the mark `writes_secrets`.
    """
    said_by_errors.clear()
    yield
    for where, text in _left_by(request, said_by_errors):
        # Not `assert`: its message would show the secret.
        if SECRET_BYTES.search(text):
            pytest.fail(f"{where} bears a secret", pytrace=False)


SECRET_BYTES = re.compile(SECRET_PATTERN.pattern.encode())


@pytest.fixture(scope="session")
def said_by_errors() -> Iterator[list[str]]:
    """Message and hint of every error of ours that was made, whoever caught it; also one that it was given later."""
    said: list[str] = []

    def remember(error: HandstampError, name: str, value: object) -> None:
        if name in ("message", "hint"):
            said.append(str(value))
        object.__setattr__(error, name, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HandstampError, "__setattr__", remember)
        yield said


@pytest.fixture(scope="session", autouse=True)
def machine_trusts_few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """
    A machine that trusts one certificate authority, which signs nothing. To read the real ones takes 30 ms, for every login.

    The programs that a test starts read the real ones.
    """
    from certificates import Signer

    authority = str(Signer(tmp_path_factory.mktemp("machine")).ca_file)
    paths = ssl.DefaultVerifyPaths(authority, "", "SSL_CERT_FILE", authority, "SSL_CERT_DIR", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "get_default_verify_paths", lambda: paths)
        yield


def _left_by(request: pytest.FixtureRequest, said_by_errors: list[str]) -> Iterator[tuple[str, bytes]]:
    yield "an error", "\n".join(said_by_errors).encode("utf-8", "replace")
    for report in request.node.stash.get(REPORTS, []):
        for section, text in report.sections:
            yield section, text.encode("utf-8", "replace")
    if "tmp_path" in request.node.funcargs and request.node.get_closest_marker("writes_secrets") is None:
        for path in _files_below(request.node.funcargs["tmp_path"]):
            with suppress(OSError):
                yield path.name, path.read_bytes()


def _files_below(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):
        yield from (path for name in names if _is_plain_file(path := Path(folder, name)))


def _is_plain_file(path: Path) -> bool:
    """Neither a link, which a test may have made to anywhere, nor a pipe, which nobody would fill."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False  # of a program or a database that is just ending


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
