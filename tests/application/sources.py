"""A token source with everything around it in a test's hand."""

import json
import os
import threading
from collections.abc import Callable
from functools import partial

from fakes import SERVER, FlightByHand, HandMovedClock, ScriptedHttp, fly_by, make_grant, no_credentials
from handstamp.errors import HandstampError, StoreUnreachable
from handstamp.events import Event
from handstamp.model import Grant, Secret, Uptime
from handstamp.ports import RandomBytes
from handstamp.protocol.exchange import Request, Response
from handstamp.source import SourceSettings, TokenSource
from handstamp.stores.memory import MemoryStore

SETTINGS = SourceSettings("local", SERVER, "default", "example")


def respond(status: int, body: dict[str, object], clock: HandMovedClock) -> Response:
    headers = (("content-type", "application/json"),)
    return Response(status, headers, json.dumps(body).encode(), "https://auth.example/token", sent_at=clock())


class RotatingServer:
    """Gives at-1, rt-1, at-2, … and counts; a refresh token that was used before is `invalid_grant`."""

    def __init__(self, clock: HandMovedClock) -> None:
        self.clock = clock
        self.current = "rt-0"
        self.given = 0

    def __call__(self, request: Request) -> Response:
        assert request.form is not None
        sent = dict(request.form)["refresh_token"]
        assert isinstance(sent, Secret)
        if sent.reveal() != self.current:
            return respond(400, {"error": "invalid_grant"}, self.clock)
        self.given += 1
        self.current = f"rt-{self.given}"
        body: dict[str, object] = {"access_token": f"at-{self.given}", "token_type": "Bearer", "expires_in": 3600}
        return respond(200, body | {"refresh_token": self.current}, self.clock)


def failing(error: HandstampError) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        raise error

    return answer


class Bench:
    """A store with one grant, a clock, a server, and a source over them."""

    def __init__(self, grant: Grant | None = None, answer: Callable[[Request], Response] | None = None) -> None:
        self.clock = HandMovedClock()
        self.uptime: Uptime | None = None
        self.store = MemoryStore()
        if grant is not None:
            self.store.save_grant(grant)
        self.server = RotatingServer(self.clock)
        self.events: list[Event] = []
        self.gate: threading.Event | None = None
        self.http = ScriptedHttp(answer or self.server)
        self.source = self.another_source()

    def another_source(self, random: RandomBytes = os.urandom) -> TokenSource:
        return TokenSource(
            SETTINGS,
            store=self.store,
            http=lambda: self.http,
            read_credentials=no_credentials,
            clock=self.clock,
            read_uptime=lambda: self.uptime,
            fly=partial(fly_by, self.clock, lambda: self.gate),
            emit=self.events.append,
            random=random,
        )

    def stored(self) -> Grant:
        grant = self.store.find_grant("local", SERVER, "default")
        assert grant is not None
        return grant


class FullDisk(MemoryStore):
    """Has room for so many writes more."""

    room = 1000

    def replace_grant(self, grant: Grant) -> Grant | None:
        if self.room == 0:
            raise StoreUnreachable("The disk is full.")
        self.room -= 1
        return super().replace_grant(grant)


def fill_disk(bench: Bench, *, room: int) -> FullDisk:
    store = bench.store = FullDisk()
    store.save_grant(make_grant())
    bench.source = bench.another_source()
    store.room = room
    return store


def landed(bench: Bench) -> None:
    flight = bench.source._flight
    assert isinstance(flight, FlightByHand)
    flight._thread.join(20)
