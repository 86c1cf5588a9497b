"""A server that is a program on this machine: the table `[servers.NAME]` that has a `command`."""

from dataclasses import dataclass

from handstamp.settings.table import Table

__all__ = ["PROGRAM_KEYS", "ProgramSettings", "parse_program"]

PROGRAM_KEYS = ("command", "env", "cwd", "enabled")


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """A server that is a program on this machine, spoken to over its stdin and stdout. Nobody signs in to it."""

    name: str
    command: tuple[str, ...]
    """The program and its arguments."""
    environment: tuple[tuple[str, str], ...] = ()
    """Names and values; a value may be `env:NAME` or `file:PATH`, read at each start."""
    directory: str | None = None
    """Where it runs: absolute, or from ~."""
    enabled: bool = True


def parse_program(name: str, table: Table) -> ProgramSettings:
    """Raises SettingsError, or a UsageError that names the key alone."""
    return ProgramSettings(
        name=name,
        command=table.command("command"),
        environment=table.environment("env"),
        directory=table.directory("cwd"),
        enabled=table.flag("enabled") is not False,
    )
