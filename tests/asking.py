"""Requests of each kind, and the driver that sends them from a test as it sends those of a login."""

import time

from handstamp.errors import HandstampError
from handstamp.http.drive import Driver, Observer
from handstamp.http.guard import Guard
from handstamp.model import Named, Secret
from handstamp.ports import Clock
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response

__all__ = ["SECRET", "driver", "fetch", "fetch_first", "metadata", "probe", "run", "token_request"]

SECRET = "refresh-0b5d7c"


def metadata(url: str) -> Request:
    return Request("GET", url, Purpose.AUTHORIZATION_SERVER)


def token_request(url: str) -> Request:
    return Request("POST", url, Purpose.TOKEN, form=(("grant_type", "refresh_token"), ("refresh_token", Secret(SECRET))))


def probe(url: str) -> Request:
    return Request("GET", url, Purpose.SERVER, headers=(("accept", "text/event-stream"),))


def fetch(request: Request) -> Exchange[Response]:
    return (yield request)


def fetch_first(*requests: Request) -> Exchange[tuple[Response, list[HandstampError]]]:
    """The shape of discovery: the first candidate that answers, and why the others did not."""
    errors: list[HandstampError] = []
    for request in requests:
        try:
            response = yield request
        except HandstampError as error:
            errors.append(error)
        else:
            return response, errors
    raise errors[-1]


def driver(clock: Clock = time.time, observe: Observer | None = None, ca_file: str | None = None) -> Driver:
    """As for a login to a server on this machine."""
    return Driver(Guard(Named("http://127.0.0.1"), ca_file=ca_file).open_transport, clock=clock, observe=observe)


def run(request: Request, deadline: float = 10.0) -> Response:
    return driver().run_blocking(fetch(request), deadline=deadline)
