"""`-v`: every authorization request and what came of it, on stderr. Secrets are masked by type and, once more, by name."""

import json
from collections.abc import Mapping

from handstamp.errors import HandstampError, MalformedResponse
from handstamp.model import Secret
from handstamp.output import Output
from handstamp.protocol.exchange import Purpose, Request, Response, parse_json
from handstamp.words import one_line

__all__ = ["Trace", "mask_url"]

SHOWN_PARAMETERS = frozenset(
    (
        "client_id",
        "code_challenge_method",
        "error",
        "grant_type",
        "iss",
        "prompt",
        "redirect_uri",
        "resource",
        "response_type",
        "scope",
        "token_type_hint",
    )
)
"""What a URL's query or a form may show. Any other value is masked: a list of what is secret would be one name short."""


class Trace:
    """Writes each request and its answer. Of an answer's body only an error's code and words: tokens are in the others."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def observe(self, request: Request, outcome: Response | HandstampError) -> None:
        """An `Observer`. Never raises."""
        self._line(f"→ {request.method} {mask_url(request.url)}  ({request.purpose.value})")
        for name, value in _shown_members(request):
            self._line(f"    {one_line(name)}  {one_line(value, 500)}")
        if isinstance(outcome, HandstampError):
            self._line(f"← {one_line(outcome.message, 500)}")
            return
        self._line(f"← {outcome.status} {one_line(outcome.media_type)}{_explain(request, outcome)}")

    def _line(self, text: str) -> None:
        self._output.say(self._output.styled(text, "dim"))


def mask_url(url: str) -> str:
    """The URL for a person to read, every value of its query masked that is not known to be harmless."""
    from urllib.parse import parse_qsl

    address, mark, query = url.partition("?")
    if not mark:
        return one_line(url, 500)
    shown = "&".join(f"{name}={_mask(name, value)}" for name, value in parse_qsl(query, keep_blank_values=True))
    return one_line(f"{address}?{shown}", 2000)


def _shown_members(request: Request) -> list[tuple[str, str]]:
    headers = [
        (f"{name}:", "***" if isinstance(value, Secret) or not _is_ours(name) else value) for name, value in request.headers
    ]
    form = [(name, _mask(name, value)) for name, value in request.form or ()]
    return headers + form + _json_members(request)


def _is_ours(header: str) -> bool:
    """A header that the person configured for their server may hold a key (W6)."""
    return header.lower() in ("accept", "content-type", "mcp-protocol-version")


def _json_members(request: Request) -> list[tuple[str, str]]:
    if request.json is None or request.purpose is not Purpose.REGISTRATION:
        return []
    return [(name, _mask_json(name, value)) for name, value in request.json.items()]


def _mask_json(name: str, value: object) -> str:
    return "***" if "secret" in name or "statement" in name else value if isinstance(value, str) else json.dumps(value)


def _mask(name: str, value: str | Secret) -> str:
    return value if isinstance(value, str) and name in SHOWN_PARAMETERS else "***"


def _explain(request: Request, response: Response) -> str:
    challenge = response.header("www-authenticate")
    if challenge is not None:
        return f"  {one_line(challenge, 500)}"
    if response.status < 400 or request.purpose is Purpose.SERVER:
        return ""
    try:
        members: Mapping[str, object] = parse_json(response.body, "the answer")
    except MalformedResponse:
        return ""
    told = [members.get("error"), members.get("error_description")]
    return "".join(f"  {one_line(text, 500)}" for text in told if isinstance(text, str))
