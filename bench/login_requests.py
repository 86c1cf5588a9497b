"""(c) HTTP requests, counted at the servers, what the browser asks for aside."""

import asyncio
import time
from collections.abc import Callable

import httpx2
from mcp.client.auth import OAuthClientProvider

from authority import Authority, FormBrowser, Knobs
from homes import Home, temporary_home
from measuring import Row, Rows
from sdk import MemoryStorage, sdk_provider

NAME = "bench"
DOCUMENT = "https://client.example/metadata.json"
AN_HOUR_LATER = 3700.0
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}'


def run(pairs: int) -> Rows:
    """Counts need no pairs: each is the same at every run."""
    return [*count("dynamic registration", Knobs(), None), *count("a metadata document", DOCUMENTS, DOCUMENT)]


DOCUMENTS = Knobs(client_id_metadata_document_supported=True)


def count(registration: str, knobs: Knobs, document: str | None) -> Rows:
    with Authority(knobs) as authority, temporary_home() as home:
        ours = asyncio.run(count_ours(authority, home, document))
    with Authority(knobs) as authority:
        peer = asyncio.run(count_sdk(authority, document))
    return [
        Row(
            f"(c) requests from a cold login to the answer, {registration}",
            ours=str(ours[0]),
            peer=f"SDK {peer[0]}",
            goal="≤ peer",
            met=ours[0] <= peer[0],
        ),
        Row(
            f"(c) extra requests of a warm start, {registration}",
            ours=str(ours[1] - 1),
            peer=f"SDK {peer[1] - 1}",
            goal="0",
            met=ours[1] == 1,
        ),
        Row(
            f"(c) extra requests of a start after the token's end, {registration}",
            ours=str(ours[2] - 1),
            peer=f"SDK {peer[2] - 1}" + (", and the browser again" if peer[3] else ""),
            goal="1",
            met=ours[2] == 2,
        ),
    ]


async def count_ours(authority: Authority, home: Home, document: str | None) -> tuple[int, int, int]:
    """Cold login and call; a start after it; a start after the token's end."""
    client = f'client_id_url = "{document}"\n' if document else ""
    home.configure(f'[servers.{NAME}]\nurl = "{authority.server_url}"\n{client}')
    counter = Counter(authority)
    with home.vault() as vault:
        await vault.login(NAME, browser=FormBrowser())
        await call(authority.server_url, vault.auth(NAME))
    cold = counter.lap()
    with home.vault() as vault:
        await call(authority.server_url, vault.auth(NAME))
    warm = counter.lap()
    authority.expire_access_tokens()
    with home.vault(clock=lambda: time.time() + AN_HOUR_LATER) as vault:
        await call(authority.server_url, vault.auth(NAME))
    return cold, warm, counter.lap()


async def count_sdk(authority: Authority, document: str | None) -> tuple[int, int, int, bool]:
    """The same, and whether a person had to come again at the end."""
    storage, counter = MemoryStorage(), Counter(authority)

    def provider() -> OAuthClientProvider:
        return sdk_provider(authority.server_url, storage, client_metadata_url=document)

    await call(authority.server_url, provider())
    cold = counter.lap()
    await call(authority.server_url, provider())
    warm = counter.lap()
    authority.expire_access_tokens()
    visits = len(authority.requests_to("/authorize"))
    await call(authority.server_url, provider())
    return cold, warm, counter.lap(), len(authority.requests_to("/authorize")) > visits


async def call(url: str, auth: httpx2.Auth) -> None:
    async with httpx2.AsyncClient(auth=auth, trust_env=False) as http:
        response = await http.post(url, content=CALL, headers={"MCP-Protocol-Version": "2025-11-25"})
    assert "result" in response.json(), response.text


class Counter:
    """Requests since it was last asked."""

    def __init__(self, authority: Authority) -> None:
        self._count: Callable[[], int] = lambda: sum(seen.path != "/authorize" for seen in authority.log)
        self._before = 0

    def lap(self) -> int:
        now = self._count()
        since, self._before = now - self._before, now
        return since
