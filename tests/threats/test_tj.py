"""TJ: where it runs and what it is made of."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import Home
from handstamp.errors import UsageError
from handstamp.protocol.urls import parse_server_url
from source_tree import REPOSITORY, imported_roots, modules

PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PINNED = sorted((REPOSITORY / "requirements").glob("*.txt"))
PINNED_IDS = [path.name for path in PINNED]

PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; [^\\]+?)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")

DEPENDENCIES = {"anyio", "click", "cryptography", "h11", "httpcore2", "httpx2", "keyring", "platformdirs", "pyjwt", "tomlkit"}
EXTRAS = {"mcp": {"mcp"}, "otel": {"opentelemetry-api"}, "tui": {"mcp", "rich", "textual"}}
IMPORTED = DEPENDENCIES | {
    "jwt",
    "mcp",
    "mcp_types",
    "opentelemetry",
    "pydantic",
    "rich",
    "starlette",
    "textual",
    "uvicorn",
    "httpx",
}
"""Besides what the extras bring: what PyJWT is called, and `httpx` where the caller has it."""


def pins(path: Path) -> list[str]:
    """One line each, without the comments."""
    text = re.sub(r"\s*#.*", "", path.read_text("utf-8"))
    return [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[._-]+", "-", found[0]).lower()


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, check=False, timeout=50)


# TJ1


def test_tj1_an_exchanged_package_is_not_installed(tmp_path: Path) -> None:
    """
    A dependency is exchanged for another file of the same name and version.

    Every requirement is pinned with the hashes of its files, so the set-up refuses it; nothing of ours runs at an installation.
    """
    (pin,) = [pin for pin in pins(REPOSITORY / "requirements" / "runtime.txt") if pin.startswith("h11==")]
    found = PIN.fullmatch(pin)
    assert found
    folder = f"h11-{found['version']}.dist-info"
    with zipfile.ZipFile(tmp_path / f"h11-{found['version']}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("h11/__init__.py", "print('not what you think')\n")
        wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: h11\nVersion: {found['version']}\n")
        wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nGenerator: nobody\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{folder}/RECORD", "")
    (tmp_path / "pins.txt").write_text(pin)
    where = ("--no-index", "--find-links", tmp_path, "--target", tmp_path / "installed", "--no-cache-dir")

    refused = run("-m", "pip", "install", "--require-hashes", "-r", tmp_path / "pins.txt", *where, cwd=tmp_path)
    unpinned = run("-m", "pip", "install", f"h11=={found['version']}", *where, cwd=tmp_path)

    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert unpinned.returncode == 0, unpinned.stderr


@pytest.mark.parametrize("path", PINNED, ids=PINNED_IDS)
def test_tj1_every_requirement_is_pinned_with_hashes_and_nothing_else_is_in_the_file(path: Path) -> None:
    assert [pin for pin in pins(path) if PIN.fullmatch(pin) is None] == []


@pytest.mark.parametrize("path", PINNED, ids=PINNED_IDS)
def test_tj1_what_is_asked_for_is_pinned(path: Path) -> None:
    lines = path.with_suffix(".in").read_text("utf-8").splitlines()
    asked = {name_of(line) for line in lines if line and not line.startswith(("#", "-"))}

    assert asked <= {name_of(pin) for pin in pins(path)}


@pytest.mark.parametrize("file", ["Makefile", ".ci/run"])
def test_tj1_nothing_is_installed_but_by_its_hash(file: str) -> None:
    """Our own code aside, which comes without its dependencies, and from this directory."""
    text = (REPOSITORY / file).read_text("utf-8").replace("\\\n", " ")
    installations = [
        line.strip() for line in text.splitlines() if "pip install" in line and not line.lstrip().startswith(("#", "echo"))
    ]

    assert [line for line in installations if "--require-hashes" not in line and "--no-deps" not in line] == []


def test_tj1_our_package_runs_nothing_when_it_is_built_or_installed(tmp_path: Path) -> None:
    """No hook of the build, no set-up script; and no file that every start of Python would run."""
    built = run("-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=REPOSITORY)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    files = zipfile.ZipFile(wheel).namelist()

    assert [file for file in files if not re.match(r"handstamp/|handstamp-[0-9.]+\.dist-info/", file)] == []
    assert [file for file in files if file.endswith(".pth")] == []
    assert PYPROJECT["build-system"]["build-backend"] == "hatchling.build"
    assert [name_of(each) for each in PYPROJECT["build-system"]["requires"]] == ["hatchling"]
    assert "hooks" not in str(PYPROJECT["tool"]["hatch"])
    assert [name for name in ("setup.py", "setup.cfg", "hatch_build.py") if (REPOSITORY / name).exists()] == []


# TJ3


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("http://[::FFFF:127.0.0.1]/mcp", None),  # loopback, and not by its spelling
        ("https://[::FFFF:192.0.2.1]/mcp", "https://[::ffff:c000:201]/mcp"),
        ("https://[::ffff:c000:0201]/mcp", "https://[::ffff:c000:201]/mcp"),
        ("https://[0:0:0:0:0:ffff:0:1]/mcp", "https://[::ffff:0:1]/mcp"),
        ("https://[::192.0.2.1]/mcp", "https://[::c000:201]/mcp"),
        ("https://[64:ff9b::192.0.2.1]/mcp", "https://[64:ff9b::c000:201]/mcp"),
        ("https://[2001:DB8:0:0:1:0:0:1]/mcp", "https://[2001:db8::1:0:0:1]/mcp"),
        ("https://[2001:db8:0:1:1:1:1:1]/mcp", "https://[2001:db8:0:1:1:1:1:1]/mcp"),
        ("https://[::ffff:192.0.2.01]/mcp", None),
        ("https://[fe80::1%eth0]/mcp", None),
        ("https://[v1.fe]/mcp", None),
        ("https://192.0.2.010/mcp", None),
        ("https://192.0.2.1./mcp", None),
        ("https://192.0.2/mcp", None),
        ("https://mcp.example:0443/mcp", "https://mcp.example/mcp"),
        ("https://mcp.example:4_43/mcp", None),
        ("https://mcp.exam\tple/mcp", None),
        ("https://mcp.example/mcp\n", "https://mcp.example/mcp"),
        ("https://mcp.example/m\ncp", None),
        ("https:///mcp.example/mcp", None),
        ("https:mcp.example", None),
        ("https://mcp.example\\@evil.example/mcp", None),
        ("https://\u2100.example/mcp", None),
    ],
)
def test_tj3_an_address_is_read_alike_by_every_python(typed: str, canonical: str | None) -> None:
    """
    Versions of Python judge addresses and URLs differently: one takes what another refuses, or writes the same address otherwise.

    Reads URLs by a grammar of its own and writes each address in one way; the tests run on every version that it names.
    """
    if canonical is None:
        with pytest.raises(UsageError):
            parse_server_url(typed)
    else:
        assert parse_server_url(typed) == canonical


def test_tj3_every_version_that_we_name_is_one_that_the_tests_run_on() -> None:
    named = {found[1] for each in PYPROJECT["project"]["classifiers"] if (found := re.search(r"Python :: (3\.\d+)$", each))}
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    others = re.search(r"for version in ([\d. ]+);", (REPOSITORY / "Makefile").read_text("utf-8"))

    assert others
    assert named == {oldest, *others[1].split()}


# TJ4


def test_tj4_what_is_imported_is_what_is_declared() -> None:
    """
    A package has a name that is nearly right.

    Handstamp's dependencies are few and written down twice: a name that stands in one place alone fails a test.
    """
    imported = set[str]().union(*map(imported_roots, modules()))

    assert imported - sys.stdlib_module_names - {"handstamp"} <= IMPORTED


def test_tj4_the_dependencies_are_those_that_are_written_down() -> None:
    project = PYPROJECT["project"]

    assert {name_of(each) for each in project["dependencies"]} == DEPENDENCIES
    assert {extra: {name_of(each) for each in wanted} for extra, wanted in project["optional-dependencies"].items()} == EXTRAS


def test_tj4_the_pinned_requirements_ask_for_the_same_packages_as_the_project() -> None:
    lines = (REPOSITORY / "requirements" / "runtime.in").read_text("utf-8").splitlines()
    asked = sorted(line for line in lines if line and not line.startswith("#"))
    project = PYPROJECT["project"]
    extras = {each for wanted in project["optional-dependencies"].values() for each in wanted}

    assert asked == sorted([*project["dependencies"], *extras])


# TJ5


GROUPS = (
    "keyring.backends",
    "handstamp",
    "handstamp.plugins",
    "anyio",
    "click",
    "httpx2",
    "mcp",
    "platformdirs",
    "console_scripts",
)

USES = {
    "the command line": "from handstamp.cli import main; import sys; sys.argv = ['handstamp', 'status']; main()",
    "the library": "import handstamp; print(handstamp.Vault.open().place())",
    "the keychain": (
        "from pathlib import Path; from handstamp.stores.keys.keychain import KeychainKey\n"
        "print(KeychainKey(Path.cwd(), limit=20).is_available())"
    ),
    "the client": (
        "from handstamp.model import DIRECT, Named; from handstamp.wiring import build_guard; import handstamp.http.auth\n"
        "build_guard(Named('https://mcp.example/mcp'), DIRECT).open_transport()"
    ),
    "the tools": "import handstamp.cli.remote",
}


def plant(site: Path) -> Path:
    """A package that somebody else installed: a plug-in of everything, the best of keychains. Gives the trace that it leaves."""
    folder, trace = site / "plugin-1.0.dist-info", site / "trace"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("\n".join(f"[{group}]\nplugin = plugin" for group in GROUPS))
    (site / "plugin.py").write_text(
        f"open({str(trace)!r}, 'w').close()\n"
        "from keyring.backend import KeyringBackend\n"
        "class Greedy(KeyringBackend):\n"
        "    priority = 99\n"
        "    def get_password(self, service, username): return None\n"
        "    def set_password(self, service, username, password): pass\n"
    )
    return trace


@pytest.mark.parametrize("program", USES.values(), ids=USES)
def test_tj5_no_plugin_is_loaded(program: str, tmp_path: Path) -> None:
    """
    A package that something else needed registers itself as a plug-in, of `keyring` for example, where it would be given the key.

    Loads no plug-ins, and of keychains those that `keyring` itself brings, unless you named another in its own settings.
    """
    home = Home(tmp_path)
    trace = plant(tmp_path / "site")
    home.environ["PYTHONPATH"] += f"{os.pathsep}{tmp_path / 'site'}"
    del home.environ["PYTHON_KEYRING_BACKEND"]

    with home.start_python(program) as running:
        ran = running.finish()

    assert ran.exit_code == 0, ran.stderr
    assert not trace.exists()


def test_tj5_the_plugin_of_the_test_is_one_that_keyring_would_load(tmp_path: Path) -> None:
    home = Home(tmp_path)
    trace = plant(tmp_path / "site")
    home.environ["PYTHONPATH"] += f"{os.pathsep}{tmp_path / 'site'}"
    del home.environ["PYTHON_KEYRING_BACKEND"]

    with home.start_python("import keyring; print(type(keyring.get_keyring()).__name__)") as running:
        ran = running.finish()

    assert trace.exists()
    assert "Greedy" in ran.stdout or "Chainer" in ran.stdout
