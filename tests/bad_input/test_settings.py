"""A `servers.toml` that cannot be read: the error names the file and the place, whatever the command."""

from pathlib import Path

import pytest

from commands import Home
from handstamp.errors import SettingsError, UsageError
from handstamp.model import Registration, RegistrationKind
from handstamp.settings import require_proxy
from handstamp.wiring import build_parts

OK = '[servers.s]\nurl = "https://mcp.example/mcp"\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[servers.s\n", "line 1"),
        ('[servers.s]\nurl = "https://mcp.example/mcp\n', "line 2"),
        ("colour = 1\n", "colour"),
        (f"{OK}colour = 1\n", "[servers.s] colour"),
        ("[servers.s]\nurl = 1\n", "[servers.s] url"),
        ("[servers.s]\n", "a url or a command at [servers.s]"),
        (f'{OK}command = ["files"]\n', "a url or a command at [servers.s]"),
        (f'{OK}transport = "stdio"\n', "[servers.s] transport"),
        (f"{OK}enabled = 1\n", "[servers.s] enabled"),
        (f'{OK}env = {{ A = "1" }}\n', "[servers.s] env"),
        ("[servers.s]\ncommand = []\n", "[servers.s]: Expected command"),
        ('[servers.s]\ncommand = "files"\n', "[servers.s] command"),
        ('[servers.s]\ncommand = ["files"]\nheaders = {}\n', "[servers.s] headers"),
        ('[servers.s]\ncommand = ["files"]\ncwd = "notes"\n', "[servers.s]: Expected cwd"),
        ('[servers.s]\ncommand = ["files"]\ncwd = "/\\u0000"\n', "[servers.s]: Expected cwd"),
        ('[servers.s]\ncommand = ["files"]\nenv = { "A=B" = "1" }\n', "[servers.s]: Expected the name"),
        ('[servers.s]\ncommand = ["files"]\nenv = { A = 1 }\n', "environment variable A"),
        ('[servers.s]\ncommand = ["files"]\nenv = { A = "env:" }\n', "environment variable A"),
        ('[servers.s]\ncommand = ["files"]\nenv = { A = "\\u0000" }\n', "environment variable A"),
        ("[servers]\ns = 1\n", "[servers.s]"),
        ("servers = 1\n", "servers"),
        (f"{OK}callback_port = 70000\n", "[servers.s] callback_port"),
        (f'{OK}callback_port = "80"\n', "[servers.s] callback_port"),
        (f'{OK}scopes = "read"\n', "[servers.s] scopes"),
        (f"{OK}headers = 1\n", "[servers.s] headers"),
        (f'{OK}headers = {{ Authorization = "x" }}\n', "[servers.s]"),
        ('[servers.s]\nurl = "ftp://mcp.example"\n', "[servers.s]"),
        ('[servers."a b"]\nurl = "https://mcp.example"\n', "a b"),
        ('network = "private"\n', "network"),
        ("proxy = 3128\n", "proxy"),
        ('proxy = "proxy.example:3128"\n', "proxy"),
        ('proxy = "socks5://proxy.example:1080"\n', "proxy"),
        ('proxy = "http://proxy.example/path"\n', "proxy"),
        ("ca_file = true\n", "ca_file"),
        (f'{OK}authorization_revision = "2025-11-25"\n', "[servers.s]: Expected authorization_revision"),
        ("events = 1\n", "events"),
        ("[events]\n", "[events]"),
        ('[events]\nkinds = ["failed"]\n', "a command or a webhook at [events]"),
        ('[events]\ncommand = "notify"\n', "[events] command"),
        ("[events]\ncommand = []\n", "[events]: Expected command"),
        ('[events]\ncommand = ["bin/notify"]\n', "[events]: Expected command"),
        ('[events]\ncommand = ["notify", "\\u0000"]\n', "[events]: Expected command"),
        ('[events]\nwebhook = "http://hooks.example/x"\n', "[events]: Expected https for webhook"),
        ('[events]\nwebhook = "ftp://hooks.example/x"\n', "[events]"),
        ('[events]\nwebhook = "env:"\n', "[events]"),
        ('[events]\ncommand = ["true"]\nkinds = ["login", "logout"]\n', "[events] kinds"),
        ('[events]\ncommand = ["true"]\ncolour = 1\n', "[events] colour"),
        ('[events]\nwebhook = "https://hooks.example"\nwebhook_headers = { Host = "x" }\n', "[events]"),
        (f"{OK}callback_port = {'9' * 5000}\n", "without end"),
        (f"a = {'[' * 5000}\n", "without end"),
        ('[servers."\\u001b[2J"]\nurl = 1\n', "[servers.\\x1b[2J]"),
    ],
)
def test_a_broken_servers_toml_names_the_file_and_the_place(text: str, place: str, home: Home) -> None:
    path = home.write_settings(text)

    ran = home.fail("token", "s", code=2)

    assert str(path) in ran.error
    assert place in ran.error


@pytest.mark.parametrize(
    "command", [("login", "s"), ("status",), ("tools", "s"), ("logout", "s"), ("headers", "s"), ("remove", "s")]
)
def test_every_command_says_so_in_the_same_way(command: tuple[str, ...], home: Home) -> None:
    path = home.write_settings("[servers.s\n")

    ran = home.fail(*command, code=2)

    assert str(path) in ran.error


def test_a_file_that_is_no_text(home: Home) -> None:
    path = home.write_settings("")
    path.write_bytes(b"\xff\xfe\x00")

    ran = home.fail("status", code=2)

    assert str(path) in ran.error


@pytest.mark.parametrize("place", ["~nobody-of-this-name/secret", "~\\u0000/x", "/\\u0000", "/no/such/file"])
def test_a_header_in_a_place_that_is_none(place: str, home: Home) -> None:
    home.write_settings(f'{OK}client_id = "x"\nclient_secret_from = "file:{place}"\nheaders = {{ X = "file:{place}" }}\n')

    ran = home.fail("tools", "s", code=2)

    assert "header X" in ran.error


def test_a_secret_in_a_variable_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SECRET", "s3cr\udcff")
    read_credentials = build_parts(Path("/nowhere"), announce=print).read_credentials
    registration = Registration(
        "https://auth.example", RegistrationKind.PRE_REGISTERED, "app", "http://127.0.0.1/", client_secret_from="env:APP_SECRET"
    )

    with pytest.raises(SettingsError, match="APP_SECRET") as caught:
        read_credentials("me", "https://mcp.example/mcp", registration)

    assert "s3cr" not in caught.value.message


@pytest.mark.parametrize(
    "address", ["http://evil.example:80/@proxy.example", "http://me:se\x1bcret@proxy.example", "http://me:\udcff@a"]
)
def test_a_proxy_that_another_reads_otherwise_gets_no_password(address: str) -> None:
    """httpx2 ends the host at the slash; what was judged would be a path."""
    with pytest.raises(UsageError, match="proxy"):
        require_proxy(address, password=True)


def test_a_proxy_with_a_password_stands_in_no_settings_and_is_not_repeated(home: Home) -> None:
    home.write_settings('proxy = "http://me:hunter2@proxy.example:3128"\n')

    ran = home.fail("status", code=2)

    assert "env:NAME" in ran.error
    assert "hunter2" not in ran.stderr


@pytest.mark.parametrize(
    "value",
    [
        "",
        "proxy.example",
        "ftp://me:hunter2@proxy.example",
        "http://me:hunter2/x@proxy.example",
        "http://me:hunter2#x@proxy.example",
        "http://me:hunter2\tx@proxy.example",
    ],
)
def test_a_proxy_that_is_not_where_it_is_said_to_be_is_an_error_of_the_settings(value: str, home: Home) -> None:
    home.write_settings(f'proxy = "env:OUR_PROXY"\n\n{OK}')

    ran = home.fail("login", "s", code=2, environ={"OUR_PROXY": value})

    assert "OUR_PROXY" in ran.error
    assert "hunter2" not in ran.stderr


def test_a_file_without_certificates_is_an_error_of_the_settings(home: Home) -> None:
    home.write_settings(f'ca_file = "{home.config / "none.pem"}"\n\n{OK}')

    ran = home.fail("login", "s", code=2)

    assert "none.pem" in ran.error


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_an_edit_ends_its_lines_as_the_file_does(ending: bytes, home: Home) -> None:
    path = home.config / "servers.toml"
    home.config.mkdir()
    path.write_bytes(ending.join([b"# mine", b"[servers.s]", b'url = "https://mcp.example/mcp"', b""]))

    assert home.run("add", "t", "https://other.example/mcp").exit_code == 0

    lines = path.read_bytes().split(ending)
    assert [line for line in lines if b"\r" in line or b"\n" in line] == []
    assert {b"# mine", b"[servers.t]", b'url = "https://other.example/mcp"'} <= set(lines)


def test_a_directory_that_is_relative_is_refused(home: Home) -> None:
    ran = home.fail("status", code=2, environ={"HANDSTAMP_STATE_DIR": "relative"})

    assert "HANDSTAMP_STATE_DIR" in ran.error


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("login",),
        ("login", "s", "--timeout", "soon"),
        ("call", "s", "t", "[1]"),
        ("token", "s", "extra"),
        ("login", "s"),
    ],
)
def test_what_the_command_line_does_not_know_is_a_usage_error(arguments: tuple[str, ...], home: Home) -> None:
    home.fail(*arguments, code=2)
