"""One request as a server saw it, for a test to look at afterwards."""

import json
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

from starlette.requests import Request

__all__ = ["Seen", "look_at"]


@dataclass(frozen=True, slots=True)
class Seen:
    """Which of the two servers was asked, and what."""

    at: Literal["authority", "server"]
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    pairs: tuple[tuple[str, str], ...]
    """The form as sent, repetitions and all."""
    body: bytes
    port: int
    """Of the peer: which connection it came by."""

    @property
    def form(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object; empty where the body is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def bearer(self) -> str | None:
        return self.token("bearer")

    def token(self, wanted: str) -> str | None:
        """The access token, if it came by that scheme."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == wanted else None


async def look_at(request: Request, at: Literal["authority", "server"]) -> Seen:
    body = await request.body()
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return Seen(
        at=at,
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers=dict(request.headers),
        pairs=tuple(parse_qsl(body.decode(), keep_blank_values=True)) if is_form else (),
        body=body,
        port=0 if request.client is None else request.client.port,
    )
