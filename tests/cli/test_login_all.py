"""`login --all` and `refresh`: what is for each server that needs a person, and what is for one token."""

import pytest

from authority import Authority, Knobs, StartAuthority
from cli.commandline import CommandLine

TOKEN = "stamp_at_"


@pytest.fixture
def three(authority: StartAuthority, cli: CommandLine) -> list[Authority]:
    """Three servers, of which the second refuses; one that is switched off; and a program. A browser that allows."""
    sites = [authority(), authority(Knobs(deny=True)), authority()]
    for name, site in zip(("one", "two", "three"), sites, strict=True):
        cli.here("add", name, site.server_url)
    cli.here("add", "off", "https://off.example/mcp")
    cli.here("disable", "off")
    cli.here("add", "files", "--", "files")
    cli.use_visiting_browser()
    return sites


def test_one_after_the_other_and_one_that_fails_stops_no_other(three: list[Authority], cli: CommandLine) -> None:
    result = cli.here("login", "--all")

    said = [line for line in result.stderr.splitlines() if line.startswith(("(", "✓", "error:"))]
    assert result.code == 1
    assert [line.partition(" (")[0] for line in said if not line.startswith("error:")] == [
        "(1/3) one",
        "✓ Signed in to one",
        "(2/3) two",
        "(3/3) three",
        "✓ Signed in to three",
    ]
    assert said[3].startswith("error:")
    assert result.stdout == ""


def test_as_json_it_tells_what_came_of_each(three: list[Authority], cli: CommandLine) -> None:
    result = cli.here("login", "--all", "--json")

    outcomes = result.json["sign_ins"]
    assert result.code == 1
    assert [(each["server"], each["status"]) for each in outcomes] == [
        ("one", "signed_in"),
        ("two", "failed"),
        ("three", "signed_in"),
    ]
    assert outcomes[1]["error"]["code"] == "access_denied"
    assert TOKEN not in result.stdout


def test_where_nobody_is_needed_it_says_so(authority: StartAuthority, cli: CommandLine) -> None:
    cli.here("add", "files", "--", "files")

    result = cli.here("login", "--all")

    assert (result.code, result.stdout, result.stderr) == (0, "", "✓ No server needs you.\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "SERVER or --all, got neither"),
        (("one", "--all"), "SERVER or --all, got both"),
        (("--all", "--again"), "got them with --all"),
        (("--all", "--scope", "read"), "got them with --all"),
        (("--all", "--account", "work"), "got them with --all"),
    ],
)
def test_all_is_for_no_server_by_name(arguments: tuple[str, ...], expected: str, cli: CommandLine) -> None:
    result = cli.here("login", *arguments)

    assert result.code == 2
    assert expected in result.stderr
    assert "hint: handstamp login --help" in result.stderr


def test_refresh_brings_a_new_token_and_says_until_when(three: list[Authority], cli: CommandLine) -> None:
    cli.here("login", "one")

    text, json = cli.here("refresh", "one"), cli.here("refresh", "one", "--json")

    assert (text.code, text.stdout) == (0, "")
    assert text.stderr.startswith("✓ Renewed the token of one")
    assert "(renews in " in text.stderr
    assert (json.json["server"], json.json["status"], json.json["account"]) == ("one", "refreshed", "default")
    assert three[0].refreshes == 2
    assert TOKEN not in text.stderr + json.stdout


def test_refresh_without_a_sign_in_needs_a_person(three: list[Authority], cli: CommandLine) -> None:
    result = cli.here("refresh", "one", "--account", "work")

    assert result.code == 4
    assert "hint: handstamp login one --account work" in result.stderr
