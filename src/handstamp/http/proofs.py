"""
A caller's request with a token that is bound to a key: each time that it is sent, a proof of its own (RFC 9449 §7).

A server that wants a nonce in it refuses the first one and is asked again at once (§9): nothing is wrong with the token then, and
none is fetched for it. Nor is one where the server does not take the proof itself: no other token would help.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, cast

from handstamp.errors import ServerBrokeProtocol, ServerSaidNo
from handstamp.http.wire import reveal_headers
from handstamp.model import Token
from handstamp.protocol.challenge import parse_challenges
from handstamp.protocol.dpop import Prover, token_headers
from handstamp.protocol.exchange import Response
from handstamp.protocol.urls import host

if TYPE_CHECKING:
    import httpx2

__all__ = ["send_with_proof"]

TRIES = 2
"""With the nonce that we know, and with the one that we are told (TE22)."""


def send_with_proof(
    request: "httpx2.Request", token: Token, prover: Prover, covers: Callable[[str], bool]
) -> "Generator[None, Any, httpx2.Response]":
    """
    Yields for each time that the request is to be sent, and is sent the response. `covers` tells our server's URLs from those
    to which a redirect was followed.

    Raises ServerBrokeProtocol for a server that wants another nonce each time, ServerSaidNo for one that takes no proof of ours.
    """
    url = str(request.url)
    for _ in range(TRIES):
        request.headers.update(reveal_headers(token_headers(request.method, url, token, prover)))
        response = cast("httpx2.Response", (yield None))
        if not covers(str(response.url)):
            return response
        answer = _read_head(response)
        if not prover.is_asked_again(answer):
            _require_proof_taken(answer)
            return response
    raise ServerBrokeProtocol(f"Expected {host(url)} to take a proof with the nonce that it gave, got the demand for another.")


def _read_head(response: "httpx2.Response") -> Response:
    headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
    return Response(response.status_code, headers, b"", str(response.url))


def _require_proof_taken(answer: Response) -> None:
    challenges = parse_challenges(answer.header_list("www-authenticate")) if answer.status == 401 else []
    if any(challenge.error == "invalid_dpop_proof" for challenge in challenges):
        raise ServerSaidNo(
            f"{host(answer.url)} does not take the proof that goes with its token. Is the clock of this machine right?",
            error="invalid_dpop_proof",
        )
