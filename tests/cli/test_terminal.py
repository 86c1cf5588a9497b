"""A login as a person at a terminal meets it: a real terminal, a real program, a real authority."""

import signal
from urllib.parse import parse_qs, urlsplit

import pytest

from authority import Authority, Knobs, StartAuthority
from cli.commandline import CommandLine
from handstamp.demo.visitor import visit

PROMPT = "Press Enter to open your browser… (c copy link · ^C cancel)"
SSH = {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.1 22", "USER": "me"}


def pasted_address(link: str) -> str:
    """What a person copies from the address bar of a page that did not load."""
    redirect_uri = parse_qs(urlsplit(link).query)["redirect_uri"][0]
    return visit(link, stop_before=redirect_uri).url


@pytest.fixture
def server(authority: StartAuthority, cli: CommandLine) -> Authority:
    """Configured as `demo`."""
    started = authority()
    cli("add", "demo", started.server_url)
    return started


def test_enter_opens_the_browser_and_the_end_says_where_it_is_kept(server: Authority, cli: CommandLine) -> None:
    cli.use_visiting_browser()

    with cli.terminal("login", "demo") as terminal:
        terminal.until(PROMPT)
        terminal.press("\n")
        result = terminal.end()

    assert (result.code, result.stdout) == (0, "")
    assert "demo asks you to sign in at 127.0.0.1\n  access  read, write" in terminal.screen
    assert "Waiting for you in the browser… 5:00 left" in terminal.screen
    assert "✓ Signed in to demo" in terminal.screen
    assert "Stored in vault.db, key in the environment variable HANDSTAMP_KEY. Renews by itself; next in" in terminal.screen
    assert terminal.is_sane


def test_nothing_opens_before_enter(server: Authority, cli: CommandLine) -> None:
    """Who and what is said before the browser opens."""
    cli.use_visiting_browser()

    with cli.terminal("login", "demo") as terminal:
        terminal.until(PROMPT)
        terminal.press("\x03")
        result = terminal.end()

    assert result.code == 130
    assert not [seen for seen in server.log if seen.path.endswith("/authorize")]


def test_ctrl_c_at_the_prompt_leaves_a_sane_terminal_and_no_grant(server: Authority, cli: CommandLine) -> None:
    with cli.terminal("login", "demo", "--no-browser") as terminal:
        terminal.until("›")
        assert not terminal.echoes
        terminal.press("\x03")
        result = terminal.end()

    assert result.code == 130
    assert "Traceback" not in terminal.screen
    assert "error:" not in terminal.screen
    assert terminal.is_sane
    assert "not signed in" in cli("status").stdout


def test_sigterm_leaves_a_sane_terminal(server: Authority, cli: CommandLine) -> None:
    with cli.terminal("login", "demo", "--no-browser") as terminal:
        terminal.until("›")
        terminal.send(signal.SIGTERM)
        result = terminal.end()

    assert result.code == -signal.SIGTERM
    assert terminal.is_sane


def test_over_ssh_the_pasted_address_completes_the_login(server: Authority, cli: CommandLine) -> None:
    """Item 7 of issue 2; the steps of a session without a browser."""
    cli.environment.update(SSH)

    with cli.terminal("login", "demo") as terminal:
        terminal.until("›")
        address = pasted_address(terminal.link)
        terminal.press(f"{address}\n")
        result = terminal.end()

    port = address.split("/")[2].rpartition(":")[2]
    assert result.code == 0
    assert "! No browser on this machine (SSH session)" in terminal.screen
    assert "paste it here" in terminal.screen
    assert f"ssh -N -L {port}:127.0.0.1:{port} me@192.0.2.1" in terminal.screen
    assert "✓ Signed in to demo" in terminal.screen
    assert address.partition("code=")[2][:20] not in terminal.screen


def test_a_browser_that_opened_and_cannot_reach_this_machine_leaves_the_address_to_paste(
    server: Authority, cli: CommandLine
) -> None:
    """The browser may be another machine's that shares this desktop, or fail to load the last page."""
    cli.environment |= {"BROWSER": "/bin/true"}

    with cli.terminal("login", "demo") as terminal:
        terminal.until(PROMPT)
        terminal.press("\n")
        terminal.until("Waiting for you in the browser…")
        terminal.press("c\n")
        terminal.until("response_type=code")
        terminal.press(f"{pasted_address(terminal.link)}\n")
        result = terminal.end()

    assert result.code == 0
    assert "✓ Signed in to demo" in terminal.screen


def test_an_address_longer_than_a_terminals_line_can_be_pasted(server: Authority, cli: CommandLine) -> None:
    """A terminal that buffers lines cuts them, at 4096 characters here and at 1024 on macOS."""
    with cli.terminal("login", "demo", "--no-browser") as terminal:
        terminal.until("›")
        address = pasted_address(terminal.link)
        terminal.press(address.replace("?", f"?padding={'x' * 6000}&") + "\n")
        result = terminal.end()

    assert result.code == 0
    assert "✓ Signed in to demo" in terminal.screen


def test_an_address_of_another_login_ends_nothing(server: Authority, cli: CommandLine) -> None:
    """W7: a wrong state never ends a login."""
    with cli.terminal("login", "demo", "--no-browser") as terminal:
        terminal.until("›")
        address = pasted_address(terminal.link)
        terminal.press("https://example.com/?code=abc&state=another\n")
        terminal.until("! That address does not belong to this sign-in.")
        terminal.press("what now?\n")
        terminal.until("! Expected Enter, c, or the address of the browser's last page.")
        terminal.press(f"{address}\n")
        result = terminal.end()

    assert result.code == 0


def test_backspace_takes_back_what_was_typed(server: Authority, cli: CommandLine) -> None:
    with cli.terminal("login", "demo", "--no-browser") as terminal:
        terminal.until("›")
        terminal.press("x\x7fjunk\x15" + pasted_address(terminal.link) + "\n")
        result = terminal.end()

    assert result.code == 0


def test_c_copies_the_link_to_the_terminals_clipboard_and_shows_it(server: Authority, cli: CommandLine) -> None:
    cli.use_visiting_browser()

    with cli.terminal("login", "demo") as terminal:
        terminal.until(PROMPT)
        terminal.press("c\n")
        terminal.until("response_type=code")
        assert "\x1b]52;c;" in terminal.screen
        opened_before = [seen for seen in server.log if seen.path.endswith("/authorize")]
        terminal.press("\n")  # and Enter opens the browser after all
        result = terminal.end()

    assert opened_before == []
    assert result.code == 0


def test_a_browser_that_will_not_open_never_fails_the_login(server: Authority, cli: CommandLine) -> None:
    cli.environment |= {"BROWSER": "/nowhere/browser"}

    with cli.terminal("login", "demo") as terminal:
        terminal.until(PROMPT)
        terminal.press("\n")
        terminal.until("! No browser on this machine")
        terminal.until("›")
        terminal.press(f"{pasted_address(terminal.link)}\n")
        result = terminal.end()

    assert result.code == 0


def test_a_login_that_ran_out_of_time_can_be_started_again(server: Authority, cli: CommandLine) -> None:
    """W16."""
    with cli.terminal("login", "demo", "--no-browser", "--timeout", "1") as terminal:
        late = terminal.end()
    cli.use_visiting_browser()

    again = cli("login", "demo")

    assert late.code == 1
    assert "hint: handstamp login demo" in terminal.screen
    assert terminal.is_sane
    assert again.code == 0


def test_a_denied_login_says_who_denied_it(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority(Knobs(deny=True))
    cli.use_visiting_browser()

    with cli.terminal("login", server.server_url) as terminal:
        terminal.until(PROMPT)
        terminal.press("\n")
        result = terminal.end()

    assert result.code == 1
    assert terminal.screen.count("error:") == 1
    assert terminal.screen.rstrip().endswith(f"hint: handstamp login {server.server_url}")


def test_a_dumb_terminal_gets_plain_lines(server: Authority, cli: CommandLine) -> None:
    cli.environment |= {"TERM": "dumb"}

    with cli.terminal("login", "demo", "--no-browser") as terminal:
        terminal.until("›")
        terminal.press(f"{pasted_address(terminal.link)}\n")
        result = terminal.end()

    assert result.code == 0
    assert "\x1b" not in terminal.screen


def test_a_terminal_has_colours_unless_it_wants_none(server: Authority, cli: CommandLine) -> None:
    def shown(**environment: str) -> str:
        cli.environment |= environment
        with cli.terminal("token", "demo") as terminal:
            return terminal.end().stderr

    coloured, plain = shown(NO_COLOR=""), shown(NO_COLOR="1")

    assert "\x1b[31merror:\x1b[0m" in coloured
    assert plain == "error: demo is not signed in yet.\nhint: handstamp login demo\n"


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("\n", False), ("no\n", False)])
def test_a_sign_in_page_on_a_foreign_host_needs_a_yes(
    answer: str, goes_on: bool, authority: StartAuthority, cli: CommandLine
) -> None:
    """4.3, TB6: both hosts are shown whole, and no is the default."""
    server = authority(Knobs(authorization_endpoint="https://accounts.example/authorize"))

    with cli.terminal("login", server.server_url, "--no-browser") as terminal:
        terminal.until("y and Enter to go on")
        terminal.press(answer)
        if goes_on:
            terminal.until("https://accounts.example/authorize?")
            terminal.press("\x03")
        result = terminal.end()

    assert f"! {server.issuer.removeprefix('http://')} sends you to accounts.example to sign in" in terminal.screen
    assert result.code == (130 if goes_on else 1)
