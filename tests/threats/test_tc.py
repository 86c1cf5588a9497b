"""TC: the request and the browser."""

import os
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import anyio
import httpx2
import pytest
from textual.widgets import Static

from authority import Authority, FormBrowser, Knobs, StartAuthority
from cli.commandline import CommandLine
from commands import KEY, Home, Ran
from fakes import HandMovedClock
from handstamp.callback.browser import RUNNERS, SystemBrowser
from handstamp.demo.ledger import SECRET_PATTERN
from handstamp.errors import HandstampError, LoginRequired, UsageError
from handstamp.model import Registration, RegistrationKind
from handstamp.protocol.authorization import AuthorizationRequest, build_authorization_request
from handstamp.protocol.server import judge_authorization_server
from handstamp.tui.page_dialog import judge_page
from handstamp.vault import Vault
from tui.asking_desk import PAGE, asked, settle, visit
from tui.asking_desk import Desk as AskingDesk
from weaknesses.machine import WHOAMI, Person

URL = "https://auth.example/authorize?state=a&scope=read%20write"

RECORDER = """#!/bin/sh
for argument in "$@"; do printf '%s\\n' "$argument"; done > "$0.part"
/bin/mv "$0.part" "$0.called"
"""


class Desk:
    """A directory of programs, each of which writes down its arguments, and an environment that leads there and nowhere else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ = {"PATH": str(directory), "DISPLAY": ":0"}
        directory.mkdir(exist_ok=True)

    def install(self, name: str) -> Path:
        program = self.directory / name
        program.write_text(RECORDER)
        program.chmod(0o755)
        return program

    def open(self, url: str, **environ: str) -> bool:
        return SystemBrowser({**self.environ, **environ}).open(url)

    def arguments(self, name: str) -> list[str]:
        """Those of its call, once it has come."""
        called = self.directory / f"{name}.called"
        patience = time.monotonic() + 10
        while not called.exists():
            assert time.monotonic() < patience, f"{name} was not called"
            os.sched_yield()
        return called.read_text().splitlines()

    @property
    def started(self) -> list[str]:
        return sorted(path.stem for path in self.directory.iterdir() if path.suffix in (".part", ".called"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    return Home(tmp_path)


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def log_in_at(endpoint: str, home: Home, authority: StartAuthority) -> tuple[Ran, Authority]:
    """Our program against an authority that names this authorization endpoint; `{issuer}` and `{host}` are its own."""
    server = authority()
    host = server.issuer.removeprefix("http://")
    server.turn(authorization_endpoint=endpoint.replace("{issuer}", server.issuer).replace("{host}", host))
    home.use_browser()
    # It waits for nobody long: a login that gets as far as the browser has gone too far already.
    return home.here("login", server.server_url, "--timeout", "3"), server


def assert_nothing_was_opened(ran: Ran, home: Home) -> None:
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "response_type=" not in ran.stderr
    assert not (home.root / "arguments").exists()


FOREIGN = (
    "javascript:alert(document.domain)",
    "JavaScript://{host}/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "file://evil.example/share/x.exe",
    "smb://evil.example/share",
    "\\\\evil.example\\share\\x.exe",
    "//evil.example/share",
    "ms-msdt:/id PCWDiagnostic",
    "search-ms:query=x&crumb=location:\\\\evil.example",
    "vscode://evil.example/install",
    "tel:+1900",
    "http://auth.example/authorize",
    "/authorize",
    " ",
)


@pytest.mark.parametrize("endpoint", FOREIGN)
def test_tc1_an_address_of_a_foreign_scheme_ends_the_login(endpoint: str, home: Home, authority: StartAuthority) -> None:
    """
    The address to open is a script, a file, a network share or another program's scheme.

    https is opened, and http where you named a server on your own machine; all else ends the login before a browser starts.
    """
    #
    ran, _ = log_in_at(endpoint, home, authority)

    assert_nothing_was_opened(ran, home)


@pytest.mark.parametrize("url", [each for each in FOREIGN if not each.startswith("http:")])
def test_tc1_the_browser_itself_takes_web_addresses_only(url: str, desk: Desk) -> None:
    desk.install("xdg-open")

    assert not desk.open(url)
    assert not desk.open(url, BROWSER="xdg-open")
    assert desk.started == []


RUN = (
    "`touch${IFS}pwned`",
    "|touch pwned",
    "^&calc",
    "%COMSPEC%",
    '"&calc"',
    "<x>",
    "a b",
    "\nopen",
    "\r\nX: y",
    "\x00",
    "{x,y}",
    "\\\\evil",
    "ü",
)


@pytest.mark.parametrize("text", RUN)
def test_tc2_an_address_with_a_character_that_no_url_has_ends_the_login(text: str, home: Home, authority: StartAuthority) -> None:
    """
    The address carries what a shell would run.

    It is built from checked parts, of a URL's characters alone, and handed to the browser as one argument, without a shell.
    """
    ran, _ = log_in_at(f"{{issuer}}/authorize/{text}", home, authority)

    assert_nothing_was_opened(ran, home)


@pytest.mark.parametrize("text", ["$(touch%20pwned)", "';touch$IFS'pwned;'", "&calc", "*?", "!1", "(x)", "~root", "%60id%60"])
def test_tc2_what_a_url_may_hold_reaches_the_browser_as_one_argument(text: str, desk: Desk) -> None:
    """A-126."""
    desk.install("xdg-open")
    desk.install("mine")
    url = f"https://auth.example/a?x={text}&y=1"

    opened = desk.open(url), desk.open(url, BROWSER="mine")

    assert opened == (True, True)
    assert desk.arguments("xdg-open") == desk.arguments("mine") == [url]
    assert not (desk.directory / "pwned").exists()


@pytest.mark.parametrize("text", [text for text in RUN if "%" not in text])
def test_tc2_the_browser_itself_takes_a_urls_characters_only(text: str, desk: Desk) -> None:
    desk.install("xdg-open")

    assert not desk.open(f"https://auth.example/{text}")
    assert desk.started == []


def test_tc2_a_scope_or_a_client_id_is_escaped_whatever_it_holds(home: Home, authority: StartAuthority) -> None:
    server = authority(Knobs(clients={"my $(id) & `x` #?": ""}))
    arguments = home.use_browser()
    home.run("add", "demo", server.server_url, "--client-id", "my $(id) & `x` #?", "--scope", "a&state=x b%20c")

    ran = home.run("login", "demo")

    (opened,) = arguments.read_text().splitlines()
    query = parse_qs(urlsplit(opened).query, strict_parsing=True)
    assert ran.exit_code == 0
    assert query["client_id"] == ["my $(id) & `x` #?"]
    assert query["scope"] == ["a&state=x b%20c offline_access"]
    assert len(query["state"]) == 1
    assert not set("$`()' ") & set(opened)


@pytest.mark.parametrize(
    "url",
    [
        "-https://a.example/",
        "--renderer-cmd-prefix=calc",
        "%action--x",
        "https://-x.example/",
        "https://%action/",
        " https://a.example/",
    ],
)
def test_tc3_an_address_that_begins_like_an_option_opens_nothing(
    url: str, desk: Desk, home: Home, authority: StartAuthority
) -> None:
    """
    The address begins like an option of the browser.

    What is opened begins with `https://`, or `http://` on your own machine, and a host; anything else is refused.
    """
    desk.install("xdg-open")

    opened = desk.open(url)
    ran, _ = log_in_at(url, home, authority)

    assert not opened
    assert desk.started == []
    assert_nothing_was_opened(ran, home)


@pytest.mark.parametrize(
    "chosen",
    [
        "sh -c %s",
        "mine %s",
        "mine --new-window",
        "mine;calc",
        "mine&",
        "mine:other",
        "$(mine)",
        "`mine`",
        "./mine",
        "../desk/mine",
        "-mine",
        '"mine"',
        "mine\n",
    ],
)
def test_tc4_a_browser_that_is_more_than_a_program_is_declined(chosen: str, desk: Desk) -> None:
    """
    `$BROWSER` holds a shell line, or a shell.

    A program by its name or its whole path is started with one argument; several words, a shell or an interpreter are not.
    """
    desk.install("mine")

    assert not desk.open(URL, BROWSER=chosen, DISPLAY="")
    assert desk.started == []


RUNNERS_TO_TRY = (
    *("sh", "bash", "zsh", "dash", "fish", "cmd", "powershell", "pwsh", "python", "perl", "node", "env", "xargs", "busybox"),
    *("python3", "python3.11", "cmd.exe", "PowerShell.exe", "perl5.36", "ruby3.1", "lua5.4", "sudo", "ssh", "ksh", "osascript"),
)


@pytest.mark.parametrize("program", RUNNERS_TO_TRY)
def test_tc4_a_shell_or_an_interpreter_is_no_browser(program: str, desk: Desk) -> None:
    path = desk.install(program)
    link = desk.directory / "my-browser"
    link.symlink_to(path)

    for chosen in (program, str(path), "my-browser", str(link)):
        assert not desk.open(URL, BROWSER=chosen, DISPLAY="")
    assert desk.started == []


@pytest.mark.parametrize(
    "program", ["firefox", "firefox-esr", "chromium", "open", "wslview", "my.browser", "shell-less", "nodeless"]
)
def test_tc4_a_bare_name_and_a_whole_path_are_fine(program: str, desk: Desk) -> None:
    path = desk.install(program)

    assert desk.open(URL, BROWSER=program, DISPLAY="")
    assert desk.arguments(program) == [URL]
    assert desk.open(URL, BROWSER=str(path), DISPLAY="")


def test_tc4_a_declined_browser_gives_way_to_the_desktops_which_is_not_told_of_it(desk: Desk) -> None:
    """xdg-open would run what we declined."""
    (desk.directory / "xdg-open").write_text('#!/bin/sh\necho "$BROWSER" > "$0.part"; /bin/mv "$0.part" "$0.called"\n')
    (desk.directory / "xdg-open").chmod(0o755)

    assert desk.open(URL, BROWSER="sh -c %s")
    assert desk.arguments("xdg-open") == [""]


def test_tc4_no_opener_of_the_desktop_is_declined() -> None:
    assert {name for name in RUNNERS if not name.isalpha()} == set()


@pytest.mark.parametrize(
    "query",
    [
        "?state=theirs",
        "?%73tate=theirs",
        "?a=b&redirect_uri=https%3A%2F%2Fevil.example",
        "?client_id=theirs",
        "?resource=https%3A%2F%2Fevil.example",
        "?response_type=token",
        "?code_challenge=x",
        "?code_challenge_method=plain",
        "?scope=admin",
        "?request_uri=https%3A%2F%2Fevil.example",
        "?request=x",
        "?response_mode=form_post",
        "?dpop_jkt=theirs",
        "?nonce",
        "#fragment",
        "#",
    ],
)
def test_tc5_an_endpoint_that_speaks_for_us_ends_the_login(query: str, home: Home, authority: StartAuthority) -> None:
    """
    The endpoint brings a `state`, a `redirect_uri` or another parameter of ours, or a fragment.

    It is refused: no parameter goes out twice, and none is theirs. Parameters of its own that mean nothing to us stay.
    """
    ran, _ = log_in_at(f"{{issuer}}/authorize{query}", home, authority)

    assert_nothing_was_opened(ran, home)


def test_tc5_a_parameter_of_the_endpoints_own_stays(home: Home, authority: StartAuthority) -> None:
    server = authority()
    server.turn(authorization_endpoint=f"{server.issuer}/authorize?tenant=a%26b")
    home.use_browser()

    ran = home.run("login", server.server_url)

    (asked,) = server.requests_to("/authorize")
    assert ran.exit_code == 0
    assert asked.query["tenant"] == "a&b"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://accounts.google.com@{host}/authorize",
        "https://accounts.google.com@evil.example/authorize",
        "https://accounts.google.com:443@evil.example/authorize",
        "https://accounts.google.com%40evil.example/authorize",
        "https://аpple.example/authorize",
        "https://apple。example/authorize",
        "https://a⒈example/authorize",
    ],
)
def test_tc6_a_host_that_is_dressed_up_ends_the_login(endpoint: str, home: Home, authority: StartAuthority) -> None:
    """
    The host is dressed up: a famous name in front of an @, or letters that look like others.

    A user name in an address and letters outside ASCII are refused; an international name is shown as it is on the wire, `xn--…`.
    """
    #
    ran, _ = log_in_at(endpoint, home, authority)

    assert_nothing_was_opened(ran, home)


def test_tc6_an_international_host_is_shown_as_it_is_on_the_wire(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority(Knobs(authorization_endpoint="https://xn--pple-43d.example/authorize"))

    with cli.terminal("login", server.server_url, "--no-browser") as terminal:
        terminal.until("y and Enter to go on")
        terminal.press("y\n")
        terminal.until("asks you to sign in at")
        terminal.until("https://xn--pple-43d.example/authorize?")
        terminal.press("\x03")
        terminal.end()

    assert "sends you to xn--pple-43d.example to sign in" in terminal.screen
    assert "asks you to sign in at xn--pple-43d.example" in terminal.screen
    assert "аpple" not in terminal.screen


@pytest.mark.parametrize("length", [9_000, 1_000_000])
def test_tc7_an_endpoint_without_end_ends_the_login(length: int, home: Home, authority: StartAuthority) -> None:
    """
    The address is a megabyte long.

    More than 8 KiB is no address: it is neither built nor opened.
    """
    ran, _ = log_in_at("{issuer}/authorize?x=" + "x" * length, home, authority)

    assert_nothing_was_opened(ran, home)


def test_tc7_an_address_that_grows_by_its_scopes_is_bounded_too(home: Home, authority: StartAuthority) -> None:
    server = authority(Knobs(challenge_scope=" ".join(f"scope-{number}-{'x' * 90}" for number in range(100))))
    home.use_browser()

    ran = home.run("login", server.server_url, "--timeout", "3")

    assert_nothing_was_opened(ran, home)


def test_tc7_the_browser_itself_takes_no_longer_one(desk: Desk) -> None:
    desk.install("xdg-open")

    assert not desk.open("https://auth.example/" + "x" * 8192)
    assert desk.started == []


PUBLIC = {
    "response_type",
    "client_id",
    "redirect_uri",
    "resource",
    "state",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "prompt",
}


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_tc8_the_address_bears_no_secret_but_its_state(method: str, home: Home, authority: StartAuthority) -> None:
    """
    A secret gets into the address, and with it into the history, logs and a list of processes.

    The address bears the public parameters, the state and the challenge; the verifier, a client's secret and tokens never.
    """
    server = authority(Knobs(auth_methods=(method,)))
    arguments = home.use_browser()

    first = home.run("login", server.server_url)
    again = home.run("login", server.server_url, "--again")

    opened = arguments.read_text().splitlines()
    verifiers = {form["code_verifier"] for form in server.token_requests if "code_verifier" in form}
    assert (first.exit_code, again.exit_code, len(opened), len(verifiers)) == (0, 0, 2, 2)
    for url in opened:
        assert {name for name, _ in parse_qsl(urlsplit(url).query)} <= PUBLIC
        assert SECRET_PATTERN.search(url) is None
        assert not any(verifier in url for verifier in verifiers)


SERVER = judge_authorization_server(
    "https://auth.example",
    {
        "issuer": "https://auth.example",
        "authorization_endpoint": "https://auth.example/authorize",
        "token_endpoint": "https://auth.example/token",
        "code_challenge_methods_supported": ["S256"],
        "response_types_supported": ["code"],
    },
    near="https://mcp.example/mcp",
)


def build_request(random: Callable[[int], bytes] = os.urandom) -> AuthorizationRequest:
    registration = Registration(SERVER.issuer, RegistrationKind.DYNAMIC, "client", "http://127.0.0.1:5000/callback")
    return build_authorization_request(SERVER, registration, resource="https://mcp.example/mcp", scopes=(), random=random)


def test_tc9_state_and_verifier_are_256_bits_each_and_never_the_same_again() -> None:
    """
    A state or a verifier is guessed, or used a second time.

    Each is 256 bits from the system's generator, made for one login and good for one answer.
    """
    made = [
        secret.reveal() for request in (build_request() for _ in range(2000)) for secret in (request.state, request.code_verifier)
    ]

    assert len(set(made)) == 4000
    assert {len(urlsafe_b64decode(value + "=")) for value in made} == {32}


def test_tc9_the_bytes_are_asked_for_once_each_and_go_in_whole() -> None:
    asked: list[int] = []

    def count(number: int) -> bytes:
        asked.append(number)
        return bytes([len(asked)] * number)

    request = build_request(count)

    assert asked == [32, 32]
    assert urlsafe_b64decode(request.state.reveal() + "=") == b"\x01" * 32
    assert urlsafe_b64decode(request.code_verifier.reveal() + "=") == b"\x02" * 32


def test_tc9_two_logins_share_nothing(home: Home, authority: StartAuthority) -> None:
    """A-36, A-76."""
    server = authority()
    vault = home.vault()

    for _ in range(2):
        vault.sync.login(server.server_url, browser=FormBrowser(), again=True)

    first, second = (seen.query for seen in server.requests_to("/authorize"))
    assert vault._parts.random is os.urandom
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]
    assert len({form["code_verifier"] for form in server.token_requests}) == 2


def test_tc10_a_request_of_a_program_that_needs_a_login_opens_nothing(
    home: Home, desk: Desk, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A sign-in is wanted where nobody is: in an agent, a hook, a container.

    Nothing opens: the error names the command to run. `login` itself prints the link where there is no browser, and waits.
    """
    desk.install("xdg-open")
    for name, value in desk.environ.items():
        monkeypatch.setenv(name, value)
    server = authority()
    vault = home.vault()

    with httpx2.Client(auth=vault.auth(server.server_url), trust_env=False) as client, pytest.raises(LoginRequired) as raised:
        client.post(server.server_url, json=WHOAMI)

    assert raised.value.hint == f"handstamp login {server.server_url}"
    assert server.requests_to("/authorize") == []
    assert desk.started == []


@pytest.mark.parametrize("command", ["token", "headers", "tools", "call"])
def test_tc10_a_command_that_needs_a_login_opens_nothing(command: str, home: Home, desk: Desk, authority: StartAuthority) -> None:
    desk.install("xdg-open")
    server = authority()
    environ = {**desk.environ, "PATH": f"{desk.directory}{os.pathsep}{os.environ['PATH']}"}

    ran = home.run(command, server.server_url, *(["whoami"] if command == "call" else []), environ=environ)

    assert ran.exit_code == 4
    assert ran.hint == f"handstamp login {server.server_url}"
    assert desk.started == []


@pytest.mark.parametrize(
    "environ", [{"DISPLAY": ""}, {"CI": "true"}, {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}], ids=["no display", "CI", "SSH"]
)
def test_tc10_a_login_where_nobody_sits_prints_its_link_and_opens_nothing(
    environ: dict[str, str], home: Home, desk: Desk, authority: StartAuthority
) -> None:
    desk.install("xdg-open")
    server = authority()
    environ = {**desk.environ, "PATH": f"{desk.directory}{os.pathsep}{os.environ['PATH']}", **environ}

    with home.start("login", server.server_url, environ=environ) as running:
        link = running.wait_for("response_type=code")

    assert link.startswith(f"{server.issuer}/authorize?")
    assert desk.started == []


@dataclass
class Popup:
    """A person's screen: counts the logins that come up, and how many stand there at once."""

    fails: bool = False
    shown: int = 0
    at_once: int = 0
    most: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self) -> None:
        with self.lock:
            self.shown += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.gate.wait(20)
        with self.lock:
            self.at_once -= 1
        if self.fails:
            raise UsageError("The person closed it.")


def post(vault: Vault, url: str, person: Person) -> int | HandstampError:
    with httpx2.Client(auth=vault.auth(url, presenter=person), trust_env=False) as client:
        try:
            return client.post(url, json=WHOAMI).status_code
        except HandstampError as error:
            return error


def test_tc11_requests_that_need_a_login_share_one(home: Home, authority: StartAuthority) -> None:
    """
    A server answers 401 again and again, so that one sign-in comes up after the other.

    Only a person begins a sign-in, or a program that can ask one: then one at a time, and for a minute none after a failure.
    """
    server, popup = authority(), Popup()
    vault, person = home.vault(), Person(popup.before)
    vault._parts.browser = FormBrowser
    answers: list[int | HandstampError] = []
    threads = [threading.Thread(target=lambda: answers.append(post(vault, server.server_url, person))) for _ in range(5)]

    for thread in threads:
        thread.start()
    while len([seen for seen in server.log if seen.path == "/mcp" and seen.bearer is None]) < 5:
        os.sched_yield()
    popup.gate.set()
    for thread in threads:
        thread.join()

    assert answers == [200] * 5
    assert (popup.shown, popup.most) == (1, 1)


def test_tc11_after_one_that_failed_a_minute_passes(home: Home, authority: StartAuthority) -> None:
    server, popup, clock = authority(), Popup(fails=True), HandMovedClock(time.time())
    vault, person = home.vault(), Person(popup.before)
    vault._parts.clock, vault._parts.browser = clock, FormBrowser
    popup.gate.set()

    shown = []
    errors = []
    for seconds in (0.0, 1.0, 58.0, 1.5, 1.0):
        clock.move(seconds)
        errors.append(post(vault, server.server_url, person))
        shown.append(popup.shown)

    assert shown == [1, 1, 1, 2, 2]
    assert all(isinstance(error, UsageError) for error in errors)
    assert len({id(error) for error in errors}) == 5


def test_tc11_a_server_that_refuses_every_token_brings_up_one_login(home: Home, authority: StartAuthority) -> None:
    server, popup = authority(), Popup()
    vault, person = home.vault(), Person(popup.before)
    vault._parts.browser = FormBrowser
    popup.gate.set()
    server.turn(always_401=True)

    answers = [post(vault, server.server_url, person) for _ in range(10)]

    assert all(isinstance(answer, LoginRequired) for answer in answers)
    assert popup.shown == 1


async def _decides(url: str, key: str) -> tuple[list[str], str]:
    """What the browser was given, and what the server hears, where a person presses `key` in its dialog."""
    desk = AskingDesk()
    async with asked(desk, visit(url)) as (pilot, task):
        assert str(desk.screen.query_one("#address", Static).render()) == url
        assert desk.browser.opened == []
        await pilot.press(key)
        await settle(pilot)
        return desk.browser.opened, task.result().action if task.done() else "none yet"


@pytest.mark.parametrize(("key", "opened", "action"), [("o", [PAGE], "accept"), ("enter", [], "cancel"), ("d", [], "decline")])
def test_tc12_a_page_is_shown_whole_and_opened_by_a_yes_alone(key: str, opened: list[str], action: str) -> None:
    """
    A server asks for a URL to be opened in the middle of a call.

    Judges it like the login's, shows it whole, waits for a yes.
    """
    #
    assert anyio.run(_decides, PAGE, key) == (opened, action)


def test_tc12_an_address_that_is_not_ours_to_open_has_no_yes() -> None:
    """A-124, A-125, A-134."""
    assert anyio.run(_decides, "javascript:alert(1)", "o") == ([], "none yet")


@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://me@evil.example/",
        "https://а.example/",
        "http://127.0.0.1:9/",
        "",
    ],
)
def test_tc12_an_address_that_we_would_not_ask_ourselves_is_refused(url: str) -> None:
    """A-124, A-125, A-134."""
    assert judge_page(url, "https://mcp.linear.app/mcp").refusal is not None


def test_tc12_a_key_that_was_meant_for_something_else_opens_nothing() -> None:
    async def hasty() -> tuple[list[str], bool]:
        desk = AskingDesk()
        async with desk.run_test() as pilot:
            task = desk.ask(visit(PAGE))
            await settle(pilot)
            await pilot.press("o", "enter", "escape", "tab", "enter", "c", "d")
            await settle(pilot)
            ended = task.done()
            task.cancel()
            await settle(pilot)
            return desk.browser.opened, ended

    assert anyio.run(hasty) == ([], False)


@pytest.mark.parametrize("typed", ["{url}", "HTTP://127.0.0.1:{port}/mcp", " {url} "])
def test_tc13_one_spelling_of_the_resource_goes_into_every_request(typed: str, home: Home, authority: StartAuthority) -> None:
    """
    `resource` is missing, or spelled in different ways.

    The metadata's own spelling goes into every request, and a grant is filed under one spelling of the server's address.
    """
    #
    server = authority()
    url = typed.format(url=server.server_url, port=urlsplit(server.server_url).port)
    vault = home.vault()

    grant = vault.sync.login(url, browser=FormBrowser())
    server.expire_access_tokens()
    with httpx2.Client(auth=vault.auth(server.server_url), trust_env=False) as client:
        status = client.post(server.server_url, json=WHOAMI).status_code

    asked = [seen.query["resource"] for seen in server.requests_to("/authorize")]
    sent = [form["resource"] for form in server.token_requests]
    assert grant is not None
    assert grant.key.server == server.server_url
    assert (status, len(sent)) == (200, 2)
    assert set(asked + sent) == {server.server_url}


@pytest.mark.parametrize("typed", ["{url}#part", "http://127.0.0.1:{port}/../mcp", "http://me@127.0.0.1:{port}/mcp"])
def test_tc13_an_address_that_cannot_be_a_resource_is_refused(typed: str, home: Home, authority: StartAuthority) -> None:
    """A-68."""
    server = authority()
    url = typed.format(url=server.server_url, port=urlsplit(server.server_url).port)

    with pytest.raises(UsageError):
        home.vault().sync.login(url, browser=FormBrowser())

    assert server.log == []
