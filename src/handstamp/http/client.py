"""
The HTTP client of our own programs for one MCP server: whatever it sends, it sends there.

A client takes its headers and cookies along wherever it is sent: a redirect to another origin loses `Authorization` and keeps
`X-Api-Key`, and a cookie does not even know ports. Whoever drives the client (the MCP SDK) follows redirects, and the endpoints
that an event stream names, by rules of its own. So the last look is taken here, at the transport: a request that may not bear
the server's token is not sent at all (TF1 to TF3, TF16). And what the server wants to hear again in the head of each request,
its session id, is as the specification has it or refused (TF14).
"""

import re
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import httpx2

from handstamp.errors import InsecureUrl, MalformedResponse
from handstamp.http.auth import Auth
from handstamp.http.wire import reveal_headers
from handstamp.model import Secret
from handstamp.protocol.client_auth import find_credentials
from handstamp.protocol.text import safe

__all__ = ["open_client"]

SESSION_ID = re.compile(r"[!-~]{1,1024}")


def open_client(
    auth: Auth,
    *,
    headers: tuple[tuple[str, str | Secret], ...],
    timeout: httpx2.Timeout,
    transport: httpx2.AsyncBaseTransport,
    hide: Callable[[Iterable[Secret]], None],
) -> httpx2.AsyncClient:
    """
    A client for the server that `auth` is for, which sends it `headers` too and its own cookies back, as long as it is open.

    `hide` is told every secret before it is sent. A request to anywhere else raises InsecureUrl.
    """

    async def hide_token(request: httpx2.Request) -> None:
        hide(find_credentials(Secret(request.headers.get("authorization", ""))))

    for _, value in headers:
        if isinstance(value, Secret):
            hide(find_credentials(value))
    return httpx2.AsyncClient(
        auth=auth,
        headers=reveal_headers(headers),
        timeout=timeout,
        event_hooks={"request": [hide_token]},
        transport=_OneServer(transport, auth),
        trust_env=False,
    )


class _OneServer(httpx2.AsyncBaseTransport):
    """Lets through what goes to the server itself."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, auth: Auth) -> None:
        self._transport = transport
        self._auth = auth

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self._auth.covers(str(request.url)):
            elsewhere = safe(request.url.netloc.decode("ascii", "replace"))
            raise InsecureUrl(f"Expected to be sent on within the server itself, got {elsewhere}: nothing was sent there.")
        response = await self._transport.handle_async_request(request)
        if not all(SESSION_ID.fullmatch(value) for value in response.headers.get_list("mcp-session-id")):
            await response.aclose()
            raise MalformedResponse("Expected a session id of at most 1024 visible ASCII characters, got something else.")
        return response

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)
