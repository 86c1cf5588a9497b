"""(a) 50 calls at once, each answered after 100 ms, with a valid token: nobody may wait for anybody."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx2

from homes import fresh_token, grant_for, temporary_home
from measuring import Row, Rows, in_turns, ratio_of
from sdk import sdk_provider, signed_in_storage

CALLS = 50
SLICES = 5
GOAL = 1.10
BODY = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


def run(pairs: int) -> Rows:
    with slow_server() as url, temporary_home() as home, home.vault() as vault, asyncio.Runner() as runner:
        home.store().save_grant(grant_for(url, fresh_token()))
        clients = {
            "none": client(None),
            "ours": client(vault.auth(url)),
            "sdk": client(sdk_provider(url, signed_in_storage())),
        }
        subjects = {name: lambda http=http: runner.run(calls(http, url)) for name, http in clients.items()}
        took = in_turns(pairs, {name: subjects[name] for name in ("none", "ours")}, slices=SLICES)
        # Apart: whoever came after the SDK's five seconds of waiting would find the machine gone to sleep.
        against_sdk = in_turns(pairs, {name: subjects[name] for name in ("none", "sdk")})
        for http in clients.values():
            runner.run(http.aclose())
    ratio, peer = ratio_of(took["ours"], took["none"]), ratio_of(against_sdk["sdk"], against_sdk["none"])
    return [
        Row(
            f"(a) {CALLS} concurrent 100 ms calls, wall time",
            ours=f"{median(took['ours']) * 1000:.0f} ms",
            baseline=f"no auth {median(took['none']) * 1000:.0f} ms",
            peer=f"SDK {median(against_sdk['sdk']) * 1000:.0f} ms, {peer.median:.0f} ×",
            ratio=ratio,
            goal=f"≤ {GOAL:.2f} × baseline",
            met=ratio.median <= GOAL,
        )
    ]


def client(auth: httpx2.Auth | None) -> httpx2.AsyncClient:
    """Its connections stay open from turn to turn, however long the others take: no turn pays for them."""
    limits = httpx2.Limits(max_connections=CALLS, max_keepalive_connections=CALLS, keepalive_expiry=None)
    return httpx2.AsyncClient(auth=auth, limits=limits, timeout=60, trust_env=False)


async def calls(http: httpx2.AsyncClient, url: str) -> float:
    began = time.perf_counter()
    responses = await asyncio.gather(*(http.post(url, content=BODY) for _ in range(CALLS)))
    took = time.perf_counter() - began
    assert all(response.status_code == 200 for response in responses)
    assert all(("Authorization" in response.request.headers) is (http.auth is not None) for response in responses)
    return took


@contextmanager
def slow_server() -> Generator[str]:
    command = [sys.executable, str(Path(__file__).with_name("slow_server.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        process.stdin.close()
