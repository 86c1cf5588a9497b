"""
Answers out of bytes, and a step of the protocol that is played against them.

    401
    www-authenticate: Bearer resource_metadata="https://mcp.example/meta"

    %%
    200
    content-type: application/json

    {"resource": "https://mcp.example/mcp"}

A status, headers, an empty line, a body; `%%` between two answers. `lost` for a status is an answer that never came. Once the
answers are used up, everything is 404. Any bytes can be read so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from fuzz.properties import check_request
from handstamp.errors import HandstampError, NetworkError
from handstamp.protocol.exchange import Exchange, Request, Response

__all__ = ["Answer", "Conversation", "read_answers"]

Answer = Response | NetworkError

SENT_AT = 1000.0
TOO_MANY = 20
"""More requests than any step may make."""

T = TypeVar("T")


@dataclass
class Conversation:
    """Answers one after the other, and what was asked. Every request is judged as it comes."""

    answers: Iterator[Answer]
    requests: list[Request] = field(default_factory=list[Request])
    outcomes: list[Response | HandstampError] = field(default_factory=list[Response | HandstampError])

    def run(self, exchange: Exchange[T]) -> T:
        try:
            request = next(exchange)
            while True:
                outcome = self._answer(request)
                request = exchange.throw(outcome) if isinstance(outcome, HandstampError) else exchange.send(outcome)
        except StopIteration as returned:
            value: T = returned.value
            return value
        finally:
            exchange.close()

    def _answer(self, request: Request) -> Answer:
        check_request(request)
        self.requests.append(request)
        assert len(self.requests) < TOO_MANY, "a step asks without end"
        outcome = next(self.answers, Response(404, (), b"", request.url, SENT_AT))
        self.outcomes.append(outcome)
        return outcome


def read_answers(data: bytes) -> Iterator[Answer]:
    """The answers that `data` is read as."""
    return map(_read_answer, data.split(b"\n%%\n"))


def _read_answer(data: bytes) -> Answer:
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    if first == "lost":
        return NetworkError("Expected an answer, got none.")
    status = int(first[:3]) if first[:3].isascii() and first[:3].isdigit() else 200
    return Response(status, tuple(_read_header(line) for line in lines), body, "", SENT_AT)


def _read_header(line: str) -> tuple[str, str]:
    # What h11 lets through of a value: visible characters of Latin-1, spaces and tabs.
    name, _, value = line.partition(":")
    carried = "".join(character for character in value if character == "\t" or " " <= character != "\x7f")
    return name.strip().lower(), carried.strip(" \t")
