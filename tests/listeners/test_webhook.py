"""Events by POST to a web address of the user's."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fakes import ScriptedHttp
from handstamp.errors import HandstampError, TimedOut
from handstamp.http.drive import Driver
from handstamp.http.guard import Guard
from handstamp.listeners.webhook import PAUSES, Webhook
from handstamp.model import Named, Secret
from handstamp.protocol.exchange import Request, Response
from happenings import needs_login
from loopback import LoopbackServer, answer, say_and_close

URL = "https://hooks.example/T0K3N-IN-A-PATH"


@dataclass
class Told:
    """What a webhook said, and how long it would have slept."""

    complaints: list[str] = field(default_factory=list[str])
    slept: list[float] = field(default_factory=list[float])


def tell(http: ScriptedHttp) -> Told:
    told = Told()
    Webhook(URL, (), http=http, complain=told.complaints.append, sleep=told.slept.append)(needs_login())
    return told


def statuses(*codes: int) -> Callable[[Request], Response]:
    left = list(codes)
    return lambda request: Response(left.pop(0), (), b"", request.url)


def time_out(request: Request) -> Response:
    raise TimedOut("Expected an answer from hooks.example (the webhook), got none in time.")


def test_an_event_is_one_post_of_json_with_the_headers_of_the_user() -> None:
    with LoopbackServer(say_and_close(answer(b"", "204 No Content"))) as server:
        url = f"{server.origin}/hook?team=tools"
        driver = Driver(Guard(Named(url)).open_transport)
        headers = (("Authorization", Secret("Bearer of-the-user")), ("X-Team", "tools"))

        Webhook(url, headers, http=driver, complain=pytest.fail)(needs_login())

        (request,) = server.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.startswith("POST /hook?team=tools HTTP/1.1\r\n")
    assert {"authorization: Bearer of-the-user", "x-team: tools", "content-type: application/json"} <= set(head.split("\r\n"))
    assert json.loads(body)["event"] == "needs_login"


def test_what_nobody_knows_is_said_again_twice_and_then_complained_of() -> None:
    http = ScriptedHttp(time_out)

    told = tell(http)

    assert len(http.requests) == 3
    assert told.slept == list(PAUSES)
    (complaint,) = told.complaints
    assert "hooks.example" in complaint
    assert "T0K3N" not in complaint


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_side_that_asks_for_patience_gets_it(status: int) -> None:
    http = ScriptedHttp(statuses(status, 200))

    told = tell(http)

    assert (len(http.requests), told.complaints) == (2, [])


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_a_refusal_is_final_and_a_redirect_is_one(status: int) -> None:
    http = ScriptedHttp(statuses(status))

    told = tell(http)

    assert len(http.requests) == 1
    assert told.complaints == [f"Expected the webhook at hooks.example to take the event needs_login, got: HTTP {status}."]


def test_what_it_cannot_even_send_is_complained_of() -> None:
    def refuse(request: Request) -> Response:
        raise HandstampError("Expected something else.")

    assert len(tell(ScriptedHttp(refuse)).complaints) == 1
