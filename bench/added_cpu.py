"""(b) What the auth object adds to the CPU time of one request, with a valid token and no network."""

import asyncio
import time
from statistics import median

import httpx2

from homes import fresh_token, grant_for, temporary_home
from measuring import Row, Rows, in_turns, ratio_of
from sdk import sdk_provider, signed_in_storage

SLICES, REQUESTS = 30, 100
GOAL = 0.25
URL = "https://mcp.example/mcp"
BODY = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


def run(pairs: int) -> Rows:
    with temporary_home() as home, home.vault() as vault, asyncio.Runner() as runner:
        home.store().save_grant(grant_for(URL, fresh_token()))
        auths = {"none": None, "ours": vault.auth(URL), "sdk": sdk_provider(URL, signed_in_storage())}
        clients = {name: httpx2.AsyncClient(auth=auth, transport=httpx2.MockTransport(answer)) for name, auth in auths.items()}
        subjects = {name: lambda http=http: runner.run(requests(http)) for name, http in clients.items()}
        took = in_turns(pairs, subjects, slices=SLICES)
        for http in clients.values():
            runner.run(http.aclose())
    ours = [one - none for one, none in zip(took["ours"], took["none"], strict=True)]
    peer = [one - none for one, none in zip(took["sdk"], took["none"], strict=True)]
    ratio = ratio_of(ours, peer)
    return [
        Row(
            "(b) CPU that auth adds to a request",
            ours=f"+{median(ours) * 1e6:.1f} µs",
            baseline=f"no auth {median(took['none']) * 1e6:.1f} µs",
            peer=f"SDK +{median(peer) * 1e6:.1f} µs",
            ratio=ratio,
            goal=f"≤ {GOAL:.2f} × peer",
            met=ratio.median <= GOAL,
        )
    ]


def answer(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, content=b"{}")


async def requests(http: httpx2.AsyncClient) -> float:
    """CPU seconds of one."""
    response = await http.post(URL, content=BODY)
    assert ("Authorization" in response.request.headers) is (http.auth is not None)
    began = time.process_time()
    for _ in range(REQUESTS):
        await http.post(URL, content=BODY)
    return (time.process_time() - began) / REQUESTS
