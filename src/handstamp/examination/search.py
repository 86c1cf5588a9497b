"""A search for metadata, address by address: told once it is known which of them count."""

from handstamp.doctor import Finding, Verdict
from handstamp.errors import DiscoveryFailed, HandstampError
from handstamp.examination.findings import Findings, halves
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.exchange import Purpose
from handstamp.protocol.metadata import Tried
from handstamp.protocol.resource import ProtectedResource
from handstamp.protocol.server import AuthorizationServer

__all__ = ["Search"]

STEPS = {Purpose.PROTECTED_RESOURCE: "resource_metadata", Purpose.AUTHORIZATION_SERVER: "server_metadata"}


class Search:
    """
    Hears of every address by `tell`, and at last by `end` or `fail` how a sign-in would have gone on.

    An address where nothing is counts for nothing where another one has the document, and for a failure where none has it.
    """

    def __init__(self, findings: Findings, challenge: Challenge | None) -> None:
        self.opening: Finding | None = None
        """What comes before the search, and in the way only if it finds nothing."""
        self._findings = findings
        self._named = None if challenge is None else challenge.resource_metadata
        self._waiting: list[Tried] = []
        self._is_empty = True

    def tell(self, tried: Tried) -> None:
        """A `metadata.Tell`."""
        self._is_empty = self._is_empty and tried.absence is not None
        if self._waiting and self._waiting[-1].purpose is not tried.purpose:
            self.end()  # an older way is gone (4.5), where the document that was looked for is not needed
        self._waiting.append(tried)
        if tried.found is not None:
            self.end()

    def end(self) -> None:
        """A sign-in would go on."""
        self._open()
        for each in self._waiting:
            self._add(each, self._judge(each))
        self._waiting = []

    def fail(self, error: HandstampError) -> None:
        """A sign-in would end with `error`."""
        if self.opening is not None and self._is_empty and isinstance(error, DiscoveryFailed):
            self._blame_opening(self.opening, error)
            self.end()
            return
        self._open()
        for each in self._waiting:
            if each.error is error:
                title = f"{_subject(each)}: not usable"
                self._findings.failed(STEPS[each.purpose], title, error, url=each.url, status=each.status)
            else:
                self._add(each, Verdict.BAD)
        if not any(each.error is error for each in self._waiting):
            self._findings.failed("discovery", "A sign-in would not know whom to ask", error)

    def _blame_opening(self, opening: Finding, error: HandstampError) -> None:
        self._findings.failed(opening.step, opening.title, error, url=opening.url, status=opening.status)
        self.opening = None

    def _open(self) -> None:
        if self.opening is not None:
            self._findings.add(self.opening)
            self.opening = None

    def _judge(self, tried: Tried) -> Verdict:
        match tried.found:
            case ProtectedResource(is_wider=True):
                return Verdict.ODD
            case None:
                is_unexpected = tried.absence is None or tried.url == self._named
                return Verdict.ODD if is_unexpected else Verdict.SKIPPED
            case _:
                return Verdict.GOOD

    def _add(self, tried: Tried, verdict: Verdict) -> None:
        what = "found" if tried.found is not None else "not usable" if tried.error is not None else "nothing there"
        title, (expected, actual) = f"{_subject(tried)}: {what}", _texts(tried)
        self._findings.add(Finding(STEPS[tried.purpose], verdict, title, tried.url, tried.status, expected, actual))


def _texts(tried: Tried) -> tuple[str | None, str | None]:
    """What was expected, and what came."""
    match tried.found:
        case ProtectedResource() as resource:
            wider = ": access to more than this server, which is a part of it" if resource.is_wider else ""
            return None, f"resource {resource.resource}, guarded by {_list(resource.authorization_servers)}{wider}"
        case AuthorizationServer() as server:
            return None, f"issuer {server.issuer}"
        case _:
            expected, actual = halves(str(tried.error or tried.absence))
            # The status is told with the address.
            return (None, None) if actual == f"HTTP {tried.status}" else (expected, actual)


def _list(issuers: tuple[str, ...]) -> str:
    return ", ".join(issuers[:5]) + (f" and {len(issuers) - 5} more" if len(issuers) > 5 else "")


def _subject(tried: Tried) -> str:
    return tried.purpose.value.capitalize()
