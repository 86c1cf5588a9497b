"""From a name to a connection: one look-up, attempts side by side, and a resolver that may hang."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import anyio
import httpcore2
import pytest

from asking import driver, fetch, metadata
from handstamp.errors import ConnectFailed, ForbiddenAddress
from handstamp.http import dial
from handstamp.http.addresses import Address
from handstamp.http.dial import Connector, resolve

FIRST, SECOND, THIRD = "2001:200::1", "93.184.216.34", "2001:200::2"


class FakeStream(httpcore2.AsyncNetworkStream):
    def __init__(self, address: str) -> None:
        self.address = address
        self.is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


class FakeNetwork(httpcore2.AsyncNetworkBackend):
    """Addresses that answer, refuse, or hang until nobody waits any more."""

    def __init__(self) -> None:
        self.ways: dict[str, str] = {}
        self.dialled: list[str] = []
        self.given_up: list[str] = []
        self.streams: list[FakeStream] = []

    async def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(host)
        match self.ways.get(host, "answers"):
            case "refuses":
                raise httpcore2.ConnectError(f"{host} refuses")
            case "hangs":
                try:
                    await anyio.sleep_forever()
                finally:
                    self.given_up.append(host)
            case _:
                pass
        self.streams.append(FakeStream(host))
        return self.streams[-1]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


def connector(network: FakeNetwork, *addresses: str) -> Connector:
    async def admit(host: str, port: int) -> Sequence[Address]:
        return [ip_address(address) for address in addresses]

    made = Connector(admit)
    made._tcp = network
    return made


async def dial_to(made: Connector, seconds: float = 10.0) -> str:
    stream = await made.connect_tcp("mcp.example", 443, seconds)
    assert isinstance(stream, FakeStream)
    assert not stream.is_closed
    return stream.address


@pytest.mark.anyio
async def test_the_first_address_that_answers_is_the_only_one_dialled(network: FakeNetwork) -> None:
    assert await dial_to(connector(network, FIRST, SECOND)) == FIRST
    assert network.dialled == [FIRST]


@pytest.mark.anyio
async def test_an_address_that_refuses_costs_nothing(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "HEAD_START", 60.0)
    network.ways = {FIRST: "refuses"}

    assert await dial_to(connector(network, FIRST, SECOND)) == SECOND


@pytest.mark.anyio
async def test_an_address_that_hangs_costs_one_head_start(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "HEAD_START", 0.0)
    network.ways = {FIRST: "hangs"}

    assert await dial_to(connector(network, FIRST, SECOND)) == SECOND
    assert network.given_up == [FIRST]


@pytest.mark.anyio
async def test_the_two_families_take_turns(network: FakeNetwork) -> None:
    network.ways = dict.fromkeys((FIRST, SECOND, THIRD), "refuses")

    with pytest.raises(httpcore2.ConnectError, match=f"{FIRST} refuses"):
        await dial_to(connector(network, FIRST, THIRD, SECOND))

    assert network.dialled == [FIRST, SECOND, THIRD]


@pytest.mark.anyio
async def test_of_many_addresses_six_are_dialled(network: FakeNetwork) -> None:
    addresses = [f"93.184.216.{number}" for number in range(20)]
    network.ways = dict.fromkeys(addresses, "refuses")

    with pytest.raises(httpcore2.ConnectError):
        await dial_to(connector(network, *addresses))

    assert network.dialled == addresses[:6]


@pytest.mark.anyio
@pytest.mark.parametrize("addresses", [(FIRST,), (FIRST, SECOND)])
async def test_addresses_that_all_hang_end_with_the_time_out(addresses: tuple[str, ...], network: FakeNetwork) -> None:
    network.ways = dict.fromkeys(addresses, "hangs")

    with pytest.raises(httpcore2.ConnectTimeout):
        await dial_to(connector(network, *addresses), seconds=0.05)

    assert set(network.given_up) == set(network.dialled)


@pytest.mark.anyio
async def test_two_that_answer_at_once_leave_one_connection(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    both = anyio.Event()

    async def connect_tcp(host: str, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        network.streams.append(FakeStream(host))
        if len(network.streams) == 2:
            both.set()
        with anyio.CancelScope(shield=True):
            await both.wait()
        return network.streams[0 if host == FIRST else 1]

    monkeypatch.setattr(dial, "HEAD_START", 0.0)
    monkeypatch.setattr(network, "connect_tcp", connect_tcp)

    await dial_to(connector(network, FIRST, SECOND))

    assert sorted(stream.is_closed for stream in network.streams) == [False, True]


@pytest.mark.anyio
async def test_nothing_is_dialled_where_nothing_is_admitted(network: FakeNetwork) -> None:
    async def refuse(host: str, port: int) -> Sequence[Address]:
        raise ForbiddenAddress("no")

    made = Connector(refuse)
    made._tcp = network

    with pytest.raises(ForbiddenAddress):
        await made.connect_tcp("mcp.example", 443, 10.0)

    assert network.dialled == []


# The resolver


@pytest.mark.anyio
async def test_the_systems_resolver_gives_each_address_once() -> None:
    found = await resolve("127.0.0.1")

    assert [str(address) for address in found] == ["127.0.0.1"]


@pytest.mark.anyio
async def test_a_name_without_an_address_is_a_failed_connection() -> None:
    with pytest.raises(httpcore2.ConnectError, match=r"Name or service not known|nodename"):
        await resolve("nowhere.invalid")


class HangingResolver:
    """In place of `getaddrinfo`: waits until the test is over."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.over = threading.Event()

    def __call__(self, *_: object, **__: object) -> list[object]:
        self.asked.set()
        self.over.wait(30)
        raise OSError("over")


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingResolver]:
    resolver = HangingResolver()
    monkeypatch.setattr(dial, "getaddrinfo", resolver)
    yield resolver
    resolver.over.set()


@pytest.mark.anyio
async def test_a_resolver_that_hangs_ends_with_the_connections_time_out(
    hanging: HangingResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handstamp.http.wire.CONNECT_SECONDS", 0.1)

    with pytest.raises(ConnectFailed, match="it did not answer"):
        await driver().run(fetch(metadata("https://mcp.example/")), deadline=20)

    assert hanging.asked.is_set()


@pytest.mark.anyio
async def test_a_resolver_that_hangs_leaves_the_event_loop_free(hanging: HangingResolver) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resolve, "mcp.example")
        # A blocked loop would never come back here.
        while not hanging.asked.is_set():
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


HANG = """
import anyio, socket, sys, threading
from handstamp.http import dial
dial.getaddrinfo = lambda *_, **__: threading.Event().wait()

async def main():
    with anyio.move_on_after(0.1):
        await dial.resolve("mcp.example")

anyio.run(main, backend=sys.argv[1])
print("left")
"""

AT_EXIT = """
import anyio, atexit, sys, threading
from handstamp.http import dial

async def main():
    print(*await dial.resolve("127.0.0.1"), flush=True)

def ask():
    threading.main_thread().join()
    anyio.run(main, backend=sys.argv[1])

thread = threading.Thread(target=ask)
if sys.argv[2] == "atexit":
    atexit.register(anyio.run, main, backend=sys.argv[1])
else:
    import handstamp.flight
    # As work past `commit()`: what the interpreter waits for when it can start no thread any more.
    handstamp.flight.Flight(lambda flight: flight.commit() and ask(), name="late").start()
"""


def run_python(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_resolver_that_hangs_does_not_hold_up_the_end_of_the_program(backend: str) -> None:
    assert run_python(HANG, backend) == "left"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("moment", ["atexit", "in flight"])
def test_a_name_is_still_resolved_while_the_interpreter_ends(moment: str, backend: str) -> None:
    assert run_python(AT_EXIT, backend, moment) == "127.0.0.1"


def test_a_name_is_resolved_without_a_thread_where_none_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    assert [str(address) for address in anyio.run(resolve, "127.0.0.1")] == ["127.0.0.1"]
