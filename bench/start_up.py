"""(e) CPU of whole processes: `import handstamp`, and `handstamp token` with a fresh token, as hooks run it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from file_keyring import VARIABLE as KEYRING_FILE
from handstamp.stores.sqlite import SqliteStore
from homes import Home, bare_environment, fresh_token, grant_for, temporary_home
from measuring import Row, Rows, in_turns, ratio_of

URL = "https://mcp.example/mcp"
NAME = "bench"
BACKEND = "file_keyring.FileKeyring"
MODULE = [sys.executable, "-m", "handstamp", "token", NAME]
SCRIPT = [str(Path(sys.executable).with_name("handstamp")), "token", NAME]


def run(pairs: int) -> Rows:
    with temporary_home() as home, temporary_home() as keychain_home:
        environment, with_keychain = fill(home), fill_with_keychain(keychain_home)
        took = in_turns(
            pairs,
            {
                "import httpx2": partial(cpu_seconds, [sys.executable, "-c", "import httpx2"], environment),
                "import handstamp": partial(cpu_seconds, [sys.executable, "-c", "import handstamp"], environment),
                "module": partial(cpu_seconds, MODULE, environment),
                "script": partial(cpu_seconds, SCRIPT, environment),
                "keychain": partial(cpu_seconds, MODULE, with_keychain),
            },
        )
    against = comparison(took)
    return [
        against("module", "python -m handstamp token NAME", 1.0),
        against("script", "handstamp token NAME", 1.0),
        # No goal: which keychain it is decides, and a library of another project is most of it.
        against("keychain", "the same, key in a keychain (a file behind keyring)", None),
        against("import handstamp", 'python -c "import handstamp"', 0.2),
    ]


def comparison(took: Mapping[str, Sequence[float]]) -> Callable[[str, str, float | None], Row]:
    baseline = took["import httpx2"]

    def against(name: str, what: str, goal: float | None) -> Row:
        ratio = ratio_of(took[name], baseline)
        return Row(
            f"(e) CPU of {what}",
            ours=f"{median(took[name]) * 1000:.0f} ms",
            baseline=f"import httpx2 {median(baseline) * 1000:.0f} ms",
            ratio=ratio,
            goal="none" if goal is None else f"< {goal:.2f} × baseline",
            met=None if goal is None else ratio.median < goal,
        )

    return against


def fill(home: Home) -> dict[str, str]:
    """A fresh grant in it, and the environment that finds it."""
    home.configure(f'[servers.{NAME}]\nurl = "{URL}"\n')
    save(home.store())
    return home.environment()


def fill_with_keychain(home: Home) -> dict[str, str]:
    """The same, its key in the keychain that is a file."""
    from handstamp.stores.keys.keychain import KeychainKey

    home.configure(f'[servers.{NAME}]\nurl = "{URL}"\n')
    environment = bare_environment(home.path) | {
        "PYTHON_KEYRING_BACKEND": BACKEND,
        KEYRING_FILE: str(home.path / "keyring.json"),
    }
    before = os.environ.copy()
    os.environ.update(environment)
    try:
        save(SqliteStore(home.path, [KeychainKey(home.path)]))
    finally:
        os.environ.clear()
        os.environ.update(before)
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return environment | {"PYTHONPATH": os.pathsep.join(paths)}


def save(store: SqliteStore) -> None:
    store.save_grant(grant_for(URL, fresh_token()))
    store.close()


def cpu_seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """User and system time of a process that ends well, its threads too."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime
