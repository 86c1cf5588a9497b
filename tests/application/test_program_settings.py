"""Servers that are programs, the older transport, and what is switched off: as `servers.toml` says them."""

from dataclasses import replace
from pathlib import Path

import pytest

from handstamp.errors import SettingsError, UsageError
from handstamp.settings import ProgramSettings, ServerSettings, Settings, load_settings
from handstamp.settings_file import add_server, remove_server, render_server, set_enabled

URL = "https://mcp.example/mcp"
FILES = ProgramSettings(
    "files", ("npx", "-y", "files"), environment=(("MODE", "r"), ("TOKEN", "env:T")), directory="~/notes", enabled=False
)
OLD = ServerSettings("old", URL, transport="sse", enabled=False)
TEXT = """\
# mine
[servers.files]  # on this machine
command = ["files", "--all"]
enabled = false  # while travelling

# elsewhere
[servers.linear]
url = "https://mcp.linear.app/mcp"
"""


def write(home: Path, text: str) -> Settings:
    (home / "servers.toml").write_text(text)
    return load_settings(home)


def test_a_table_with_a_command_is_a_program(tmp_path: Path) -> None:
    settings = write(tmp_path, TEXT)

    assert settings.programs == {"files": ProgramSettings("files", ("files", "--all"), enabled=False)}
    assert list(settings.servers) == ["linear"]
    assert list(settings.configured) == ["linear", "files"]


@pytest.mark.parametrize("server", [FILES, OLD], ids=["program", "server"])
def test_what_is_rendered_is_read_again(server: ProgramSettings | ServerSettings, tmp_path: Path) -> None:
    assert write(tmp_path, render_server(server)).configured == {server.name: server}


def test_nobody_signs_in_to_a_program(tmp_path: Path) -> None:
    """A-02: what it needs to prove itself, it gets from its environment."""
    settings = write(tmp_path, TEXT)

    with pytest.raises(UsageError, match="files: a program on this machine, and nobody signs in to it") as caught:
        settings.find("files")

    assert caught.value.hint == "handstamp tools files"


def test_a_name_that_nobody_configured_is_answered_with_all_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"known: files, linear"):
        write(tmp_path, TEXT).find_configured("nobody")


def test_a_value_that_is_refused_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        write(tmp_path, '[servers.files]\ncommand = ["files"]\nenv = { TOKEN = "hunter2\\u0000" }\n')

    assert "hunter2" not in caught.value.message


def test_switching_on_and_off_keeps_every_comment(tmp_path: Path) -> None:
    settings = write(tmp_path, TEXT)

    set_enabled(settings, "files", True)
    set_enabled(settings, "linear", False)

    assert (tmp_path / "servers.toml").read_text() == TEXT.replace("= false  #", "= true  #") + "enabled = false\n"


def test_what_is_switched_on_already_is_not_written(tmp_path: Path) -> None:
    settings = write(tmp_path, TEXT)
    (tmp_path / "servers.toml").chmod(0o444)

    assert set_enabled(settings, "linear", True).enabled
    with pytest.raises(SettingsError, match="read-only"):
        set_enabled(settings, "linear", False)


def test_a_program_that_is_given_again_keeps_what_was_not_given(tmp_path: Path) -> None:
    settings = write(tmp_path, render_server(FILES))

    add_server(settings, ProgramSettings("files", ("other",), environment=(("MODE", "rw"), ("NEW", "1"))))

    kept = replace(FILES, command=("other",), environment=(("MODE", "rw"), ("TOKEN", "env:T"), ("NEW", "1")))
    assert load_settings(tmp_path).programs == {"files": kept}


def test_a_server_that_is_given_again_keeps_its_transport_and_stays_switched_off(tmp_path: Path) -> None:
    settings = write(tmp_path, render_server(OLD))

    add_server(settings, ServerSettings("old", URL, scopes=("read",)))

    assert load_settings(tmp_path).servers == {"old": replace(OLD, scopes=("read",))}


def test_a_server_that_becomes_a_program_leaves_nothing_behind(tmp_path: Path) -> None:
    settings = write(tmp_path, render_server(replace(OLD, scopes=("read",))))

    add_server(settings, ProgramSettings("old", ("files",)))

    assert load_settings(tmp_path).configured == {"old": ProgramSettings("old", ("files",))}


def test_a_program_is_removed_like_any_server(tmp_path: Path) -> None:
    settings = write(tmp_path, TEXT)

    remove_server(settings, "files")

    assert list(load_settings(tmp_path).configured) == ["linear"]
    with pytest.raises(UsageError):
        remove_server(settings, "files")
