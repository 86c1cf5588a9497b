"""The findings of one examination, as they come: made fit to be shown, told at once, kept in order."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.errors import (
    HandstampError,
    LoginRequired,
    NetworkError,
    RegistrationRejected,
    SettingsError,
    UsageError,
    VaultError,
    account_hint,
    hint,
)
from handstamp.model import Secret
from handstamp.protocol.text import mask
from handstamp.protocol.urls import host
from handstamp.words import one_line

__all__ = ["Findings", "TellFinding", "halves", "ignore"]

TellFinding = Callable[[Finding], None]
LIMIT = 500
SENTENCE = re.compile(r"Expected (.+?), (?:got:? |but |(?=found ))(.+?)\.?")


def ignore(finding: Finding) -> None:
    """For whoever waits for the whole diagnosis."""


class Findings:
    """Of one server and account. `tell` hears of each finding as soon as there is one."""

    def __init__(self, name: str, url: str, account: str = "default", *, tell: TellFinding = ignore) -> None:
        self.name = name
        self.url = url
        self.account = account
        self._tell = tell
        self._found: list[Finding] = []
        self._secrets: list[Secret] = []
        self._personal = [account] if account != "default" else []

    def hide(self, secrets: Iterable[Secret]) -> None:
        """From now on no finding shows these: servers repeat what they were sent (TF13)."""
        self._secrets += secrets

    def add(self, finding: Finding) -> None:
        """Whatever somebody else wrote in it becomes one bounded line without our secrets."""
        finding = replace(
            finding,
            title=self.clean(finding.title),
            url=self._clean_or_none(finding.url),
            expected=self._clean_or_none(finding.expected),
            actual=self._clean_or_none(finding.actual),
            next_step=self._clean_or_none(finding.next_step),
        )
        self._found.append(finding)
        self._tell(finding)

    def good(
        self, step: str, title: str, actual: str | None = None, *, url: str | None = None, status: int | None = None
    ) -> None:
        self.add(Finding(step, Verdict.GOOD, title, url, status, actual=actual))

    def skipped(self, step: str, title: str, actual: str | None = None) -> None:
        self.add(Finding(step, Verdict.SKIPPED, title, actual=actual))

    def odd(self, step: str, title: str, expected: str, actual: str, *, next_step: str | None = None) -> None:
        self.add(Finding(step, Verdict.ODD, title, expected=expected, actual=actual, next_step=next_step))

    def failed(self, step: str, title: str, error: HandstampError, *, url: str | None = None, status: int | None = None) -> None:
        """What ends a sign-in or a request with `error`."""
        expected, actual = halves(error.message)
        self.add(
            Finding(
                step,
                Verdict.BAD,
                title,
                url,
                status,
                expected,
                actual,
                error.hint or self._find_hint(error),
                error.code,
                error.exit_code,
            )
        )

    def keep_private(self, text: str | None) -> None:
        """Tells who somebody is: no report shows it."""
        if text:
            self._personal.append(self.clean(text))

    def conclude(self, at: float) -> Diagnosis:
        return Diagnosis(self.name, self.url, tuple(self._found), at, tuple(self._personal))

    def command(self, name: str) -> str:
        """A command for this server and account."""
        return account_hint(name, server=self.name, account=self.account)

    def add_command(self, name: str, **values: str) -> str:
        """A `handstamp add` for this server, which may have no name yet: then it gets its host's."""
        named = self.name if self.name != self.url else host(self.url).strip("[]").replace(":", "")
        return hint(name, name=named, url=self.url, **values)

    def _find_hint(self, error: HandstampError) -> str:
        """Who can help: the network and time, the person, or whoever runs the server."""
        match error:
            case RegistrationRejected():
                return self.add_command("add_client")
            case NetworkError():
                return self.command("doctor")
            case LoginRequired():
                return self.command("login")
            case VaultError():
                return hint("vault_check")
            case SettingsError() | UsageError():
                return hint("help_command", command="add")
            case _:
                return hint("doctor_report", server=self.name)

    def clean(self, text: str) -> str:
        """Somebody else's text, fit for an error's message too."""
        return one_line(mask(text, self._secrets), LIMIT)

    def _clean_or_none(self, text: str | None) -> str | None:
        return None if text is None else self.clean(text)


def halves(message: str) -> tuple[str | None, str]:
    """An error's sentence, "Expected …, got …", as what was expected and what came; the whole of another one as what came."""
    found = SENTENCE.fullmatch(message)
    return (None, message) if found is None else (found[1], found[2])
