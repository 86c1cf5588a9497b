"""What the documents say can be followed: their links, their commands, their programs."""

import json
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from authority import DemoServers
from command_line import is_accepted
from commands import Home
from programs import run_program, sign_in
from source_tree import REPOSITORY

DOCUMENTS = [*sorted((REPOSITORY / "docs").rglob("*.md")), *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md"))]
SERVER = "https://mcp.linear.app/mcp"


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def links(path: Path) -> list[str]:
    """Those to other places of this repository."""
    prose = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_broken(path: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    return not target.exists() or bool(anchor and anchor not in anchors(target))


@pytest.mark.parametrize("path", DOCUMENTS, ids=map(name_of, DOCUMENTS))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert [link for link in links(path) if is_broken(path, link)] == []


def test_every_document_can_be_reached_from_the_index() -> None:
    index = REPOSITORY / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in links(index)}

    assert [name_of(path) for path in DOCUMENTS if path.parent != REPOSITORY and path not in {index, *linked}] == []


COMMANDS = [
    (name_of(path), line.removeprefix("$ "))
    for path in DOCUMENTS
    for block in blocks(path, "console")
    for line in block.splitlines()
    if line.startswith("$ handstamp ")
]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_is_one_that_the_program_takes(path: str, command: str) -> None:
    assert is_accepted(command)


@pytest.mark.parametrize("path", DOCUMENTS, ids=map(name_of, DOCUMENTS))
def test_no_console_shows_anything_but_commands(path: Path) -> None:
    """Else the test above would pass over what it cannot read."""
    lines = [line for block in blocks(path, "console") for line in block.splitlines()]

    assert [line for line in lines if not line.startswith("$ ")] == []


PROGRAMS = [
    pytest.param(program, id=f"{path.stem}-{number}")
    for path in sorted((REPOSITORY / "docs" / "guides").glob("*.md"))
    for number, program in enumerate(blocks(path, "python"), start=1)
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_of_the_guides_runs(
    program: str, tmp_path: Path, demo_servers: DemoServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sign-in, and without a browser. What needs a package that is not here is only compiled."""
    compile(program, "guide", "exec")
    needed = re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE)
    if not all(map(find_spec, needed)):
        return
    home = Home(tmp_path)
    sign_in(home, demo_servers.server_url, monkeypatch)

    ran = run_program(home, "-c", program.replace(SERVER, demo_servers.server_url))

    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=map(name_of, DOCUMENTS))
def test_every_json_and_toml_block_can_be_read(path: Path) -> None:
    for block in blocks(path, "json"):
        json.loads(block)
    for block in blocks(path, "toml"):
        tomllib.loads(block)
