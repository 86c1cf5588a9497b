"""TH: what you see."""

import copy
import json
import logging
import os
import pickle
import re
import socket
import sqlite3
import sys
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from pathlib import Path
from pprint import pformat
from threading import Thread
from types import TracebackType
from typing import Self

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from authority import Authority, FormBrowser, Knobs, StartAuthority
from cli.commandline import BROWSER, CommandLine
from commands import KEY, Home
from fakes import make_grant
from handstamp.callback.page import render
from handstamp.cli import run
from handstamp.demo.ledger import SECRET_PATTERN
from handstamp.errors import (
    HandstampError,
    InsecureUrl,
    KeyUnavailable,
    NetworkError,
    SettingsError,
    UsageError,
    VaultCorrupt,
    VaultError,
    chain,
    forgetting_values,
)
from handstamp.http.drive import Driver
from handstamp.http.guard import Guard
from handstamp.listeners.metrics import EventCounter
from handstamp.model import LoginFailed, Named, Secret, SignedIn
from handstamp.output import Output, Styled
from handstamp.protocol.authorization import parse_authorization_response
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from handstamp.protocol.text import safe
from handstamp.stores.sealing import bind, seal
from handstamp.vault import Vault
from handstamp.wiring import read_headers, warn
from happenings import everything, needs_login
from threats.loud import A_BIT_OF_ALL, ACTS, HIDES, IGNORABLE, MARKUP, LoudAuthority, find_raw
from weaknesses.machine import WHOAMI


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str


class Shell:
    """The real command line in this process, in a home that is thrown away. It keeps all that was ever said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.everything = ""

    def __call__(self, *arguments: str) -> Said:
        code = run(arguments)
        out, err = self._capsys.readouterr()
        said = Said(code, out, err)
        self.everything += said.out + said.err
        return said


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(python=sys.executable))
    browser.chmod(0o755)
    surroundings = {
        "BROWSER": str(browser),
        "HANDSTAMP_CONFIG_DIR": str(tmp_path / "config"),
        "HANDSTAMP_KEY": KEY,
        "HANDSTAMP_STATE_DIR": str(tmp_path / "state"),
        "NO_COLOR": "1",
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry),
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    return Shell(capsys)


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """The same as a process of its own, for what needs a terminal."""
    return CommandLine(tmp_path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """For the library."""
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    return Home(tmp_path)


class Loudspeaker:
    """`loudspeaker(words, *fields)` starts servers that say the words there. They stop with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, words: str, *fields: str) -> LoudAuthority:
        return self._stack.enter_context(LoudAuthority(words, *fields))


@pytest.fixture
def loudspeaker() -> Iterator[Loudspeaker]:
    with ExitStack() as stack:
        yield Loudspeaker(stack)


class BareServer:
    """Gives every visitor these bytes. A context manager."""

    def __init__(self, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self._thread = Thread(target=self._serve, name="bare-server")
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/mcp"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                with visitor:
                    visitor.recv(65_536)
                    visitor.sendall(self._answer)


def escape(words: str) -> str:
    """As it is to be read, up to where a line of a tool's text would end."""
    first = re.split(r"[\r\n\v\f]", words)[0]
    return "".join(letter if " " <= letter <= "~" else f"\\x{ord(letter):02x}" for letter in first)


def run_everything(shell: Shell, server: LoudAuthority) -> None:
    """Every command that shows something of a server's."""
    shell("add", "demo", server.server_url)
    assert shell("-v", "login", "demo").code == 0
    name = "whoami"
    for arguments in (
        ("login", "demo"),
        ("status",),
        ("status", "demo"),
        ("status", "--json"),
        ("tools", "demo"),
        ("tools", "demo", "--json"),
        ("call", "demo", name),
        ("call", "demo", name, "--json"),
        ("-v", "logout", "demo"),
        ("login", "demo", "--json"),
        ("logout", "demo", "--json"),
    ):
        assert shell(*arguments).code == 0, arguments


LOGIN_FAILURES = (
    "resource",
    "issuers",
    "issuer",
    "challenge methods",
    "registration error",
    "registration method",
    "authorization error",
    "iss",
    "token error",
    "token type",
)


@pytest.mark.parametrize("words", ACTS.values(), ids=ACTS)
def test_th1_nothing_that_a_server_says_moves_the_cursor_or_writes_the_clipboard(
    words: str, shell: Shell, loudspeaker: Loudspeaker
) -> None:
    """
    A name, a scope, an error or a tool's text moves the cursor, writes the clipboard, renames the window or makes a link.

    One function writes out every character that acts as its escape, and the one module that prints does so once more.
    """
    server = loudspeaker(words, "everywhere")

    run_everything(shell, server)

    assert find_raw(shell.everything) == []
    assert escape(words) in shell.everything


@pytest.mark.parametrize("how", ["-v", "--json"])
@pytest.mark.parametrize("field", LOGIN_FAILURES)
def test_th1_a_login_that_fails_quotes_nothing_that_acts(field: str, how: str, shell: Shell, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker(A_BIT_OF_ALL, field)

    said = shell(how, "login", server.server_url)

    assert (said.code, said.out) == (1, "")
    assert find_raw(said.err) == []
    # That one is refused without being quoted.
    assert (escape("\x1b]8") in said.err.replace("\\\\", "\\")) is (field != "issuers")


@pytest.mark.parametrize("field", ["rpc error", "http error", "tool error"])
@pytest.mark.parametrize("how", ["-v", "--json"])
def test_th1_a_call_that_fails_quotes_nothing_that_acts(field: str, how: str, shell: Shell, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker(A_BIT_OF_ALL, field)
    shell("login", server.server_url)

    said = shell(how, "call", server.server_url, "whoami")

    assert said.code == (3 if field == "http error" else 1)  # a 500 says neither yes nor no
    assert find_raw(said.out + said.err) == []


@pytest.mark.parametrize("command", ["token", "headers", "tools", "logout"])
def test_th1_a_refresh_or_a_revocation_that_fails_quotes_nothing_that_acts(
    command: str, shell: Shell, loudspeaker: Loudspeaker
) -> None:
    server = loudspeaker(A_BIT_OF_ALL, "refresh error", "revocation error")
    server.turn(expires_in=0.001)
    shell("login", server.server_url)

    said = shell("-v", command, server.server_url)

    assert said.code != 0
    assert find_raw(said.out + said.err) == []
    assert escape("\x1b]8") in said.err


def test_th1_a_status_line_or_a_challenge_from_a_bare_socket_is_shown_escaped(shell: Shell) -> None:
    """What no HTTP library would send."""
    raw = A_BIT_OF_ALL.encode("utf-8", "surrogateescape").replace(b"\r", b"").replace(b"\n", b"")
    answer = b"HTTP/1.1 401 " + raw + b'\r\nWWW-Authenticate: Bearer realm="' + raw + b'"\r\nX-' + raw + b": 1\r\n\r\n"

    with BareServer(answer) as server:
        said = [shell(how, "login", server.url) for how in ("-v", "--json")]

    assert {each.code for each in said} <= {1, 3}
    assert find_raw(shell.everything) == []


def test_th1_at_a_terminal_only_our_own_sequences_arrive(cli: CommandLine, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker(A_BIT_OF_ALL, "everywhere")
    cli("add", "demo", server.server_url)
    cli.use_visiting_browser()
    cli.environment["NO_COLOR"] = ""

    with cli.terminal("-v", "login", "demo") as terminal:
        terminal.until("Press Enter")
        terminal.press("\n")
        signed_in = terminal.end()
    with cli.terminal("--color", "always", "call", "demo", "whoami") as terminal:
        called = terminal.end()

    assert (signed_in.code, called.code) == (0, 0)
    assert escape("\x1b]8") in signed_in.stderr
    seen = signed_in.stderr + called.stdout + called.stderr
    assert find_raw(re.sub(r"\r?\x1b\[K|\x1b\[(?:0|1|2|3[1236])m|\r\n", "", seen)) == []


def test_th1_the_printer_writes_out_what_a_command_forgot_to_make_safe(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()

    for say in (output.data, output.say, output.done, output.warn, output.hint, output.status):
        say(f"one\ttwo\nthree {A_BIT_OF_ALL}")
    output.table([("A", "B"), (A_BIT_OF_ALL, Styled(A_BIT_OF_ALL, "red"))])
    output.fields([("name", A_BIT_OF_ALL)])

    said = "".join(capsys.readouterr())
    assert find_raw(said) == []
    assert "one\ttwo\nthree " in said


def test_th1_the_page_in_the_browser_shows_the_same_escapes() -> None:
    shown = render(LoginFailed(A_BIT_OF_ALL, A_BIT_OF_ALL, A_BIT_OF_ALL, A_BIT_OF_ALL)).decode()

    assert find_raw(shown) == []
    assert escape("\x1b]8") in shown


@pytest.mark.parametrize("words", HIDES.values(), ids=HIDES)
def test_th2_nothing_that_a_server_says_turns_hides_or_floods(words: str, shell: Shell, loudspeaker: Loudspeaker) -> None:
    """
    Text turns the direction of what stands beside it, hides letters in it, or piles marks over the lines around it.

    What turns, hides or does not draw is written out as its escape, and so is the seventh mark over a letter. Every space is
    a plain one, a joiner stays only between Asian letters or pictures, which it shapes, and lengths are bounded.
    """
    server = loudspeaker(words, "everywhere")

    run_everything(shell, server)

    assert find_raw(shell.everything) == []


def test_th2_a_character_that_draws_nothing_never_passes() -> None:
    assert [hex(ord(character)) for character in IGNORABLE if character in safe(f"a{character}b")] == []


def test_th2_what_a_person_writes_stays_as_it_is() -> None:
    written = (
        "Zürich, tiếng Việt, ภาษาไทยที่นี่, हिन्दी, 東京, עברית, 🎫, ❤️, e\u0301, လျှို့ဝှက်, می\u200cخواهم, ක්\u200dර, র\u200d্য, "
        "👩\u200d👩\u200d👧, ❤\ufe0f\u200d🔥, 👩🏽\u200d💻"
    )

    assert safe(written) == written


@pytest.mark.parametrize("space", ["\u00a0", "\u1680", "\u2009", "\u202f", "\u205f", "\u3000"])
def test_th2_every_space_is_a_plain_one(space: str) -> None:
    assert safe(f"10{space}000") == "10 000"


@pytest.mark.parametrize(
    "words",
    [
        "pay\u200dpal",
        "пай\u200cпал",
        "é\u200dé",
        "\u200dक",
        "क\u200d",
        "क\u200c\u200dक",
        "क\u200d ",
        "a\u200dक",
        "क\u200da",
        "क\u200d\u202eक",
        "🎫\u200d\u200b",
    ],
)
def test_th2_a_joiner_that_shapes_nothing_is_written_out(words: str) -> None:
    shown = safe(words)

    assert not {"\u200c", "\u200d"} & set(shown)
    assert safe(shown) == shown


def test_th2_joiners_do_not_hide_a_flood_of_marks() -> None:
    shown = safe("ก" + "\u0e47\u200d" * 12)

    assert shown.count("\u0e47") == 6
    assert safe(shown) == shown


@pytest.mark.parametrize("field", ["identity", "token error", "tool error", "tools"])
def test_th2_a_text_without_end_is_cut(field: str, shell: Shell, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker("x" * 20_000, field)

    shell("-v", "login", server.server_url)
    shell("-v", "tools", server.server_url)
    shell("-v", "call", server.server_url, "whoami")

    assert "xxx…" in shell.everything
    assert max(map(len, shell.everything.splitlines())) < 5000


def test_th2_a_table_lines_up_whatever_letters_are_in_it(shell: Shell, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker("東京都 e\u0301\u0301 🎫", "identity")
    shell("add", "demo", server.server_url)
    shell("add", "other", "https://other.example/mcp")
    shell("login", "demo")

    heading, demo, other, *_ = shell("status").out.splitlines()

    at = heading.index("SCOPES")
    assert "東京都" in demo
    # 東京都 and 🎫 take two cells each, and a mark takes none.
    assert demo.index("read") + 4 - 2 == at
    assert [found.start() for found in re.finditer("—", other)][1] == at


@pytest.mark.parametrize("words", MARKUP.values(), ids=MARKUP)
def test_th3_markup_is_text(words: str, shell: Shell, loudspeaker: Loudspeaker) -> None:
    """
    What a server says is markup of a terminal library: colours, links, actions.

    It is text: the words arrive as they are, on the terminal and on the page, where they are escaped.
    """
    server = loudspeaker(words, "everywhere")

    run_everything(shell, server)

    assert shell.everything.count(words) > 5
    assert "\x1b" not in shell.everything
    assert words.partition(">")[2] == "" or words.encode() not in render(SignedIn(words, words, (words,)))


def test_th4_a_line_break_in_a_name_begins_no_new_line_of_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A name or an error breaks a line of a log, or of what `-v` shows, and begins one of its own.

    The one line that the library logs, and each line that the programs say, has its breaks written out.
    """
    monkeypatch.delitem(sys.modules, "handstamp.output")
    forged = "no browser\r\n2026-01-01 INFO all is well\u2028\x85\x1b[2J"

    warn(forged)

    (record,) = caplog.records
    assert find_raw(record.getMessage()) == []
    assert len(record.getMessage().splitlines()) == 1


@pytest.mark.parametrize("field", LOGIN_FAILURES)
def test_th4_no_server_says_a_line_of_ours(field: str, shell: Shell, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker("x\nerror: forged\r\nhint: rm -rf ~\u2028✓ Signed in\x85← 200", field)

    said = shell("-v", "login", server.server_url)

    assert not [line for line in said.err.splitlines() if line.startswith(("error: forged", "hint: rm", "✓", "← 200 x"))]


class EveryRecord(logging.Handler):
    """Everything that anybody logs, as any formatter could show it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.partition(".")[0])
        self.texts += [self.format(record), repr(record.args), repr(record.__dict__)]


@pytest.fixture
def every_record(monkeypatch: pytest.MonkeyPatch) -> Iterator[EveryRecord]:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    handler, root = EveryRecord(), logging.getLogger()
    loggers = [root, *(each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger))]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


def secrets_of(server: Authority) -> set[str]:
    """All that only the two sides of a login may know."""
    told = {value for seen in server.log for name, value in (*seen.query.items(), *seen.pairs) if name in SECRET_PARAMETERS}
    issued = {found for seen in server.log for found in SECRET_PATTERN.findall(f"{seen.headers} {seen.pairs}")}
    assert told | issued
    return told | issued


SECRET_PARAMETERS = ("code", "code_verifier", "state", "client_secret", "refresh_token", "token")


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_th5_a_whole_life_of_a_grant_leaves_no_secret_in_any_log(
    method: str, home: Home, authority: StartAuthority, every_record: EveryRecord
) -> None:
    """
    A library's debug log, an error or a `repr` shows a token, a code or a client secret.

    A secret is a `Secret`, which does not show itself, and what bears one goes out below the layers that log. Tests look for it.
    """
    #
    server = authority(Knobs(auth_methods=(method,)))
    vault = home.vault()

    vault.sync.login(server.server_url, browser=FormBrowser())
    with httpx2.Client(auth=vault.auth(server.server_url), trust_env=False) as client:
        called = [client.post(server.server_url, json=WHOAMI).status_code]
        server.expire_access_tokens()
        called += [client.post(server.server_url, json=WHOAMI).status_code]
    anyio.run(list_tools, vault, server.server_url)
    (report,) = vault.sync.logout(server.server_url)

    assert (called, report.revoked) == ([200, 200], True)
    assert every_record.names >= {"httpx2", "httpcore2", "asyncio"}
    leaked = [secret[:12] for secret in secrets_of(server) for text in every_record.texts if secret in text]
    assert leaked == []


async def list_tools(vault: Vault, url: str) -> None:
    async with (
        httpx2.AsyncClient(auth=vault.auth(url), trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        await client.list_tools()


@pytest.mark.parametrize(
    "show",
    [repr, str, ascii, format, "{0!r:>9}".format, "%s".__mod__, lambda secret: f"{secret:>9}", lambda secret: pformat([secret])],
)
def test_th5_a_secret_shows_itself_to_nobody_who_did_not_ask(show: Callable[[Secret], str]) -> None:
    shown = show(Secret("s3cret"))

    assert shown.strip("[] ") == "***"


@pytest.mark.parametrize("take", [json.dumps, pickle.dumps, copy.copy, copy.deepcopy, vars, list, dict, bytes])
def test_th5_a_secret_cannot_be_copied_out_by_accident(take: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as raised:
        take(Secret("s3cret"))

    assert "s3cret" not in str(raised.value)


def test_th5_no_value_that_holds_a_secret_shows_it() -> None:
    grant = make_grant(access="s3cret-at", refresh="s3cret-rt")
    response = Response(200, (("x-echo", "s3cret"),), b'{"access_token": "s3cret"}', "https://auth.example/token")
    request = Request("POST", "https://auth.example/token", Purpose.TOKEN, form=(("code", Secret("s3cret")),))
    answer = parse_authorization_response("code=s3cret&state=s3cret&error_description=s3cret")

    assert "s3cret" not in f"{grant!r} {response!r} {request!r} {answer!r}"
    with pytest.raises(TypeError):
        asdict(grant)


def test_th5_a_failure_of_our_own_is_told_by_where_and_not_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    words = "input_value=" + "s3cret".upper()
    with pytest.raises(ExceptionGroup) as raised:
        raise ExceptionGroup(words, [RuntimeError(words)]) from ValueError(words)

    Output().traceback(raised.value)

    said = capsys.readouterr().err
    assert "S3CRET" not in said
    assert f'File "{__file__}"' in said
    assert all(name in said.splitlines() for name in ("ExceptionGroup", "RuntimeError", "ValueError"))


CANARY = "stamp_at_canary-of-a-traceback-0123456789"
"""Looks like an access token of the tests."""


def find_values(error: BaseException) -> list[str]:
    """What a program finds that shows an error with the variables of all frames, its causes and what they carry."""
    trace = error.__traceback__
    while trace is not None and "/tests/" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    shown = traceback.TracebackException(type(error), error, trace, capture_locals=True, compact=False).format()
    return [*"".join(shown).splitlines(), *(f"{each!r} {vars(each)}" for each in chain(error))]


def leaks(error: BaseException, secrets: Iterable[str]) -> list[str]:
    """The lines that bear one, without it."""
    found = re.compile("|".join(map(re.escape, secrets)))
    return [found.sub("…", line)[:300] for line in find_values(error) if found.search(line)]


TOKEN_ANSWERS = {
    "no JSON": b'{"access_token": "' + CANARY.encode(),
    "doubled": b'{"access_token": "%s", "access_token": "%s"}' % (CANARY.encode(), CANARY.encode()),
    "wrong type": b'{"access_token": "%s", "token_type": "mac", "refresh_token": "%s"}' % (CANARY.encode(), CANARY.encode()),
    "wrong token": b'{"access_token": "%s\\n", "token_type": "Bearer"}' % CANARY.encode(),
    "an error too": b'{"error": "invalid_grant", "access_token": "%s"}' % CANARY.encode(),
    "too long": b'{"access_token": "%s", "x": "%s"}' % (CANARY.encode(), b"x" * 300_000),
    "a form": b"access_token=%s&access_token=%s" % (CANARY.encode(), CANARY.encode()),
}


@pytest.mark.parametrize("answer", TOKEN_ANSWERS.values(), ids=TOKEN_ANSWERS)
@pytest.mark.parametrize("step", ["login", "refresh"])
def test_th6_an_answer_that_is_refused_leaves_no_token_in_the_frames(
    step: str, answer: bytes, home: Home, authority: StartAuthority
) -> None:
    """
    A program prints the variables of a traceback, or sends them to a service that collects errors.

    Where secrets are in the clear, the frames forget their values as an error leaves; our own programs print no variables.
    """
    server = authority()
    vault = home.vault()
    if step == "refresh":
        vault.sync.login(server.server_url, browser=FormBrowser())
        expire(vault, server)
    server.turn(token_body=answer)

    error = fail_at(step, vault, server)

    assert leaks(error, {CANARY, *secrets_of(server)}) == []


@pytest.mark.parametrize(
    "knobs",
    [{"token_status": "lost"}, {"token_status": 503}, {"code_error": "invalid_grant", "refresh_error": "invalid_grant"}],
    ids=["lost", "503", "refused"],
)
@pytest.mark.parametrize("step", ["login", "refresh"])
def test_th6_a_request_that_fails_leaves_no_secret_in_the_frames(
    step: str, knobs: dict[str, object], home: Home, authority: StartAuthority
) -> None:
    server = authority(Knobs(auth_methods=("client_secret_post",)))
    vault = home.vault()
    if step == "refresh":
        vault.sync.login(server.server_url, browser=FormBrowser())
        expire(vault, server)
    server.turn(**knobs)

    error = fail_at(step, vault, server)

    assert leaks(error, secrets_of(server)) == []


def test_th6_a_connection_that_breaks_while_the_form_is_sent_leaves_no_secret_in_the_frames() -> None:
    form = (("refresh_token", Secret(CANARY)), ("padding", "x" * 5_000_000))
    with BareServer(b"") as server:

        def ask() -> Exchange[None]:
            yield Request("POST", server.url, Purpose.TOKEN, headers=(("authorization", Secret(CANARY)),), form=form)

        with pytest.raises(NetworkError) as raised:
            run_step(ask())

    assert leaks(raised.value, [CANARY]) == []


def test_th6_a_header_that_cannot_be_sent_leaves_no_secret_in_the_frames() -> None:
    with BareServer(b"") as server:

        def ask() -> Exchange[None]:
            yield Request("GET", server.url, Purpose.SERVER, headers=(("authorization", Secret(f"{CANARY}\n")),))

        with pytest.raises(UsageError) as raised:
            run_step(ask())

    assert leaks(raised.value, [CANARY]) == []


def test_th6_a_damaged_row_leaves_neither_token_nor_key_in_the_frames(home: Home, authority: StartAuthority) -> None:
    server = authority()
    vault = home.vault()
    vault.sync.login(server.server_url, browser=FormBrowser())
    with closing(sqlite3.connect(home.state / "vault.db", isolation_level=None)) as connection:
        connection.execute("UPDATE grants SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)")

    with pytest.raises(VaultCorrupt) as raised:
        vault.grant(server.server_url)

    assert leaks(raised.value, {repr(b64decode(KEY)), KEY, *secrets_of(server)}) == []


def test_th6_a_row_of_a_newer_program_leaves_no_token_in_the_frames(home: Home, authority: StartAuthority) -> None:
    """It opens, and then it is not what this program can read."""
    server = authority()
    vault = home.vault()
    grant = vault.sync.login(server.server_url, browser=FormBrowser())
    assert grant is not None
    place = (*astuple(grant.key), grant.generation)
    sealed = seal(b64decode(KEY), bind("grants", *place), json.dumps({"resource": "x", "token": CANARY}).encode())
    with closing(sqlite3.connect(home.state / "vault.db", isolation_level=None)) as connection:
        connection.execute("UPDATE grants SET sealed = ?", (sealed,))

    with pytest.raises(VaultCorrupt) as raised:
        vault.grant(server.server_url)

    assert leaks(raised.value, {repr(b64decode(KEY)), CANARY}) == []


def test_th6_a_key_that_is_not_the_vaults_does_not_stay_in_the_frames(
    home: Home, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = authority()
    home.vault().sync.login(server.server_url, browser=FormBrowser())
    another = bytes(range(32))
    monkeypatch.setenv("HANDSTAMP_KEY", b64encode(another).decode())

    with pytest.raises(KeyUnavailable) as raised:
        home.vault().grant(server.server_url)

    assert leaks(raised.value, [repr(another), b64encode(another).decode()]) == []


def test_th6_a_vault_that_cannot_be_written_leaves_no_token_in_the_frames(home: Home, authority: StartAuthority) -> None:
    server = authority()
    vault = home.vault()
    vault.sync.login(server.server_url, browser=FormBrowser())
    with closing(sqlite3.connect(home.state / "vault.db", isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE UPDATE ON grants BEGIN SELECT RAISE(FAIL, 'full'); END")

    with pytest.raises(VaultError) as raised:
        vault.sync.login(server.server_url, browser=FormBrowser(), again=True)

    assert leaks(raised.value, secrets_of(server)) == []


@pytest.mark.writes_secrets
@pytest.mark.parametrize("content", [CANARY.encode() + b"\xff", CANARY.encode() + b"\n\x01"])
def test_th6_a_header_that_is_read_from_a_file_does_not_stay_in_the_frames(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "header"
    file.write_bytes(content)

    with pytest.raises(SettingsError) as raised:
        read_headers([("X-Api-Key", f"file:{file}")])

    assert leaks(raised.value, [CANARY]) == []


def test_th6_what_was_being_handled_before_keeps_its_values() -> None:
    """Only what came through our own code is cleared: a caller's own error is the caller's."""

    def fail() -> None:
        mine = "theirs to look at"
        raise ValueError(mine)

    def ask_while_it_is_handled() -> None:
        try:
            fail()
        except ValueError as error:
            before.append(error)
            run_step(ask_insecurely())

    before: list[ValueError] = []
    with pytest.raises(InsecureUrl):
        ask_while_it_is_handled()

    values = [frame.f_locals for frame, _ in traceback.walk_tb(before[0].__traceback__)]
    assert {"mine": "theirs to look at"} in values


def test_th6_a_task_that_saw_the_error_before_goes_on() -> None:
    """An error that is kept and raised again names the caller's coroutine, which waits for something else by now."""
    kept = InsecureUrl("Expected https, got http.")
    went_on: list[str] = []

    async def see_and_wait(seen: anyio.Event, go: anyio.Event) -> None:
        mine = "theirs to go on with"
        try:
            raise kept
        except InsecureUrl:
            seen.set()
        await go.wait()
        went_on.append(mine)

    async def main() -> None:
        seen, go = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(see_and_wait, seen, go)
            await seen.wait()
            with pytest.raises(InsecureUrl), forgetting_values():
                raise kept
            go.set()

    anyio.run(main)

    assert went_on == ["theirs to go on with"]


def run_step(step: Exchange[None]) -> None:
    """As the vault does, for a server on this machine."""
    Driver(Guard(Named("http://127.0.0.1")).open_transport).run_blocking(step, deadline=10)


def ask_insecurely() -> Exchange[None]:
    yield Request("GET", "http://insecure.example/", Purpose.SERVER)


def fail_at(step: str, vault: Vault, server: Authority) -> HandstampError:
    with pytest.raises(HandstampError) as raised:
        (vault.sync.token if step == "refresh" else partial(vault.sync.login, browser=FormBrowser()))(server.server_url)
    return raised.value


def expire(vault: Vault, server: Authority) -> None:
    """The stored token ended by the clock."""
    grant = vault.grant(server.server_url)
    assert grant is not None
    token = replace(grant.token, obtained_at=0.0, expires_at=3600.0, obtained_uptime=None)
    vault._parts.store.save_grant(replace(grant, token=token))
    vault._source(vault.settings.find(server.server_url), "local", "default").look_again()


def test_th7_the_only_export_is_json_in_ascii(shell: Shell, loudspeaker: Loudspeaker) -> None:
    """
    A name in an export starts a formula in a spreadsheet, or a script in a page.

    The only export is JSON in ASCII, in which a text stays a text: there is no table to open in another program.
    """
    words = '=HYPERLINK("http://evil.example")\x7f\u2028</script>@SUM(1)|\'é'
    server = loudspeaker(words, "everywhere")
    shell("-v", "login", server.server_url)

    exported = [shell(*arguments, "--json").out for arguments in (("status",), ("tools", server.server_url))]

    assert all(text.isascii() and "\x7f" not in text for text in exported)
    assert json.loads(exported[1])["tools"][0]["title"] == words


COMMANDS = (
    ("status",),
    ("status", "demo"),
    ("login", "demo"),
    ("tools", "demo"),
    ("call", "demo", "whoami"),
    ("headers", "demo"),
    ("token", "demo"),
    ("logout", "demo"),
    ("remove", "demo"),
)


@pytest.mark.parametrize("how", [(), ("-v",), ("--json",)], ids=["plain", "verbose", "json"])
def test_th8_only_the_two_commands_that_are_asked_for_a_token_print_one(
    how: tuple[str, ...], shell: Shell, authority: StartAuthority
) -> None:
    """
    A token is printed by mistake.

    Two commands print one, because that is all they do: `token` and `headers`, on stdout alone. No option makes another do so.
    """
    server = authority()
    shell("add", "demo", server.server_url)
    shell(*how, "login", "demo")

    printed = {}
    for arguments in COMMANDS:
        said = shell(*how, *arguments)
        assert said.code == 0, arguments
        printed[arguments[0]] = bool(SECRET_PATTERN.search(said.out)), bool(SECRET_PATTERN.search(said.err))

    assert {name for name, (out, _) in printed.items() if out} == {"token", "headers"}
    assert not any(err for _, err in printed.values())


def test_th9_a_count_names_neither_a_person_nor_a_token() -> None:
    """
    Metrics carry people or tokens.

    OpenTelemetry is told the kind of an event, the issuer's host and an error's code: no owner, account, URL or message.
    """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    count = EventCounter(provider)
    token = make_grant(access="stamp_at_" + "x" * 40).token.access_token

    for event in [*everything(), needs_login(f"alice@example.com may not use {token.reveal()}")]:
        count(event)

    exported = reader.get_metrics_data().to_json()  # type: ignore[union-attr]
    provider.shutdown()
    points = json.loads(exported)["resource_metrics"][0]["scope_metrics"][0]["metrics"][0]["data"]["data_points"]
    assert {(*sorted(point["attributes"].items()), ("value", point["value"])) for point in points} >= {
        (("handstamp.event", "needs_login"), ("handstamp.issuer", "auth.example"), ("value", 2)),
        (("error.type", "timed_out"), ("handstamp.event", "failed"), ("handstamp.issuer", "auth.example"), ("value", 1)),
    }
    assert {name for point in points for name in point["attributes"]} == {"handstamp.event", "handstamp.issuer", "error.type"}
    assert not [word for word in ("alice", "work", "mcp.example", "stamp_at_", "Expected") if word in exported]


@pytest.mark.parametrize("arguments", COMMANDS[:-1], ids=lambda arguments: " ".join(arguments))
def test_th10_stdout_is_one_json_document_whatever_is_said_besides(
    arguments: tuple[str, ...], shell: Shell, loudspeaker: Loudspeaker
) -> None:
    """
    A log line, a prompt or a server's text gets between the data on stdout, which another program reads.

    stdout is data and nothing else: the conversation, errors, logs and what `-v` shows go to stderr.
    """
    server = loudspeaker(A_BIT_OF_ALL, "everywhere")
    shell("add", "demo", server.server_url)
    shell("login", "demo")

    said = shell("-v", "--json", *arguments)

    assert said.code == 0
    assert isinstance(json.loads(said.out), dict)


def test_th10_what_a_library_logs_gets_between_no_lines(shell: Shell, loudspeaker: Loudspeaker) -> None:
    server = loudspeaker("everywhere")
    shell("login", server.server_url)
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    root.handlers.clear()
    try:
        shell("tools", server.server_url)
        logging.getLogger("some.library").error("\x1b[2J not for you")
        shell("status")
    finally:
        root.handlers[:] = before

    assert "not for you" not in shell.everything


def test_th11_what_is_copied_and_shown_is_the_address_that_was_checked(authority: StartAuthority, cli: CommandLine) -> None:
    """
    A copied link, or one on the screen, holds something else than the address that opens.

    Copied, shown and opened is one and the same address, built from checked parts; text from outside makes no link of its own.
    """
    server = authority()
    arguments = Home(cli.home).use_browser()
    cli.environment["BROWSER"] = str(cli.home / "browser")

    with cli.terminal("login", server.server_url) as terminal:
        terminal.until("Press Enter")
        terminal.press("c\n")
        terminal.until("response_type=code")
        terminal.until("c copy link")
        terminal.press("\n")
        ended = terminal.end()

    copied = [b64decode(found).decode() for found in re.findall(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", terminal.screen)]
    assert ended.code == 0
    assert copied == [terminal.link] == arguments.read_text().splitlines()
    assert copied[0].startswith(f"{server.issuer}/authorize?response_type=code&")
    assert re.fullmatch(r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+", copied[0])
    assert "\x1b]8" not in terminal.screen
    assert terminal.screen.count("\x1b]") == 1


@pytest.mark.parametrize("words", [*ACTS.values(), "x y", "https://evil.example/\x07"])
def test_th11_an_endpoint_that_is_no_plain_address_is_neither_shown_nor_copied(
    words: str, shell: Shell, authority: StartAuthority
) -> None:
    server = authority()
    server.turn(authorization_endpoint=f"{server.issuer}/authorize{words}")

    said = shell("login", server.server_url)

    assert said.code == 1
    assert "response_type" not in said.err
    assert "\x1b" not in said.err
