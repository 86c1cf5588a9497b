"""`handstamp doctor`: findings as they come, one thing to do, and the exit code of what is in the way."""

import json

from authority import Knobs, StartAuthority
from cli.commandline import CommandLine


def test_a_server_that_nobody_configured_is_examined_to_the_one_thing_to_do(cli: CommandLine, authority: StartAuthority) -> None:
    site = authority()

    result = cli.here("doctor", site.server_url)

    lines = result.stdout.splitlines()
    assert result.code == 4
    assert lines[0] == "✓ 127.0.0.1 answers, on this machine, without TLS"
    assert lines[-1] == f"✗ {site.server_url}: nobody is signed in."
    assert result.stderr == f"hint: handstamp login {site.server_url}\n"


def test_what_was_expected_and_what_came_stand_below_what_is_wrong(cli: CommandLine, authority: StartAuthority) -> None:
    site = authority(Knobs(issuer_in_metadata="https://other.example"))
    cli.here("add", "wrong", site.server_url)

    result = cli.here("doctor", "wrong")

    assert result.code == 1
    assert '    expected  the authorization server metadata of issuer "' in result.stdout
    assert '    got       that of "https://other.example"\n' in result.stdout
    assert result.stderr == "hint: handstamp doctor wrong --report\n"


def test_a_server_where_nobody_listens_is_the_networks_exit_code(cli: CommandLine) -> None:
    result = cli.here("doctor", "http://127.0.0.1:1/mcp")

    assert result.code == 3
    assert result.stdout.startswith("✗ It cannot be reached\n")


def test_an_open_server_is_well(cli: CommandLine, authority: StartAuthority) -> None:
    site = authority(Knobs(open_server=True))

    result = cli.here("doctor", site.server_url)

    assert (result.code, result.stderr) == (0, "")
    assert "– No sign-in is needed\n" in result.stdout


def test_the_report_is_markdown_alone_and_the_document_json_alone(cli: CommandLine, authority: StartAuthority) -> None:
    site = authority()

    report = cli.here("doctor", site.server_url, "--report")
    document = cli.here("doctor", site.server_url, "--json")

    assert (report.code, document.code) == (4, 4)
    assert report.stdout.startswith("### handstamp doctor: `")
    assert "  - error: `login_required`\n" in report.stdout
    assert (report.stderr, document.stderr) == ("", "")
    assert json.loads(document.stdout)["next_step"] == f"handstamp login {site.server_url}"


def test_the_account_that_is_asked_for_is_the_one_that_is_looked_at(cli: CommandLine, authority: StartAuthority) -> None:
    site = authority()

    result = cli.here("doctor", site.server_url, "--account", "work")

    assert result.stderr == f"hint: handstamp login {site.server_url} --account work\n"


def test_a_name_that_nobody_configured_is_an_error_of_usage(cli: CommandLine) -> None:
    result = cli.here("doctor", "nobody")

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: Expected the name of a server or its URL, got 'nobody'")
