"""A wire without a network: plays a protocol step against written answers and remembers what was asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from handstamp.errors import HandstampError
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from handstamp.protocol.exchange import Exchange, Request, Response
from handstamp.protocol.server import AuthorizationServer

T = TypeVar("T")
Answer = Response | HandstampError

SERVER = "https://mcp.example/mcp"
ISSUER = "https://auth.example"
REDIRECT = "http://127.0.0.1:49152/callback"
NOT_FOUND = Response(404, (), b"", "")


@dataclass
class Wire:
    """Answers by URL, 404 for the rest. An error is thrown in, as the driver does; a list is used up in turn."""

    answers: Mapping[str, Answer | list[Answer]] = field(default_factory=dict[str, Answer | list[Answer]])
    requests: list[Request] = field(default_factory=list[Request])

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.requests]

    def run(self, exchange: Exchange[T]) -> T:
        try:
            request = next(exchange)
            while True:
                self.requests.append(request)
                answer = self._answer(request.url)
                request = exchange.throw(answer) if isinstance(answer, HandstampError) else exchange.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _answer(self, url: str) -> Answer:
        answer = self.answers.get(url, NOT_FOUND)
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer if isinstance(answer, HandstampError) else replace(answer, url=url)


def answer(exchange: Exchange[T], answers: Mapping[str, Answer | list[Answer]]) -> tuple[T, list[Request]]:
    wire = Wire(answers)
    return wire.run(exchange), wire.requests


def json_response(
    body: object, status: int = 200, *, sent_at: float = 1000.0, headers: Sequence[tuple[str, str]] = ()
) -> Response:
    return Response(status, (("content-type", "application/json"), *headers), json.dumps(body).encode(), "", sent_at)


def text_response(body: str, media_type: str, status: int = 200) -> Response:
    return Response(status, (("content-type", media_type),), body.encode(), "", 1000.0)


def status_response(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, headers, b"", "", 1000.0)


def form_of(request: Request) -> dict[str, str]:
    """The form as it would leave; fails on a member that occurs twice."""
    pairs = request.form or ()
    members = {name: value.reveal() if isinstance(value, Secret) else value for name, value in pairs}
    assert len(members) == len(pairs)
    return members


def headers_of(request: Request) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in request.headers}


def a_server(**changes: object) -> AuthorizationServer:
    plain = AuthorizationServer(
        issuer=ISSUER,
        authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token",
        registration_endpoint=f"{ISSUER}/register",
        revocation_endpoint=f"{ISSUER}/revoke",
        code_challenge_methods_supported=("S256",),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_registration(**changes: object) -> Registration:
    plain = Registration(ISSUER, RegistrationKind.DYNAMIC, "client-1", REDIRECT)
    return replace(plain, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_grant(**changes: object) -> Grant:
    plain = Grant(
        key=GrantKey("me", SERVER, "default", ISSUER),
        resource=SERVER,
        scopes=("read",),
        registration=a_registration(),
        token=Token(Secret("old-access"), 0.0, 3600.0, Secret("old-refresh-token")),
        token_endpoint=f"{ISSUER}/token",
        revocation_endpoint=f"{ISSUER}/revoke",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
