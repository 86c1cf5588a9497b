"""A server that is a program on this machine: nobody signs in to it, and it can only be there or not."""

import shutil
from collections.abc import Sequence

from handstamp.doctor import Diagnosis
from handstamp.errors import SettingsError
from handstamp.examination.findings import Findings

__all__ = ["examine_program"]


def examine_program(findings: Findings, command: Sequence[str], *, at: float) -> Diagnosis:
    """Whether its program is there and may be run. It is not started: whatever it does at its start it would do again."""
    findings.good("settings", "It is a program on this machine", " ".join(command[:1]))
    place = shutil.which(command[0])
    if place is None:
        error = SettingsError(f"Expected a program {command[0]} that you may run, got none.")
        findings.failed("program", "The program is not there", error)
    else:
        findings.good("program", "The program is there", place)
    findings.skipped("grant", "Nobody signs in to a program")
    return findings.conclude(at)
