"""`python -m fuzz.guided TARGET CORPUS PREFIX END`: one target under atheris, which counts the branches that an input takes."""

import sys
import time
from collections.abc import Callable
from hashlib import sha1
from importlib import import_module
from pathlib import Path
from typing import Any

from fuzz.target import HANG_SECONDS, Target

# By name: it has no types, and is not there where the types are checked.
atheris: Any = import_module("atheris")

MEMORY_MIB = 1024
INSTRUMENTED = ["handstamp", "fuzz", "h11", "tomllib"]


def main() -> None:
    """Never returns: libFuzzer ends the process. END is a time of `time.time()`."""
    name, corpus, prefix, end = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    words = Path(corpus).with_suffix(".words")
    words.write_text("".join(f'"{_escape(word)}"\n' for word in target.words or ("a",)), "ascii")
    options = {
        "artifact_prefix": prefix,
        "dict": words,
        "max_len": target.max_length,
        "max_total_time": max(1, round(float(end) - time.time())),
        "print_final_stats": 1,
        "rss_limit_mb": MEMORY_MIB,
        "timeout": HANG_SECONDS,
    }
    seeds = str(target.seeds[0].parent)
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), corpus, seeds], _keeping(target, prefix))
    _warm_up(target)
    atheris.Fuzz()


def _keeping(target: Target, prefix: str) -> Callable[[bytes], None]:
    """The target's `run`. What fails is stored here already, as libFuzzer would: on a busy machine its alarm can be faster."""

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except Exception:
            Path(f"{prefix}crash-{sha1(data).hexdigest()}").write_bytes(data)
            raise

    return run


def _warm_up(target: Target) -> None:
    """Modules that a target imports at its first input are no part of that input's time."""
    for seed in target.seeds:
        target.run(seed.read_bytes())


def _escape(word: str) -> str:
    """libFuzzer's form: a byte outside visible ASCII, a quote or a backslash in hex."""
    return "".join(
        chr(byte) if " " <= chr(byte) <= "~" and chr(byte) not in '"\\' else f"\\x{byte:02x}" for byte in word.encode()
    )


if __name__ == "__main__":
    main()
