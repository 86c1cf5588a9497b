"""Events to a web address of the user's: one POST of JSON for each."""

import time
from collections.abc import Callable, Mapping

from handstamp.errors import HandstampError, NetworkError, ServerSaidNo, TemporarilyUnavailable
from handstamp.events import Event
from handstamp.listeners.words import members
from handstamp.model import Secret
from handstamp.ports import HttpRunner
from handstamp.protocol.exchange import Exchange, Purpose, Request
from handstamp.protocol.urls import host

__all__ = ["Webhook"]

DEADLINE = 10.0
"""Seconds for one try."""
PAUSES = (1.0, 5.0)
"""Seconds between the tries, which are one more. Whoever is told twice can see it: the event is the same to the letter."""


class Webhook:
    """
    A listener. Tries again where nobody knows whether the event arrived, and at 429 and 5xx; not after a refusal.

    `complain` hears of an event that could not be told. The address itself stays unsaid but for its host: many hold a secret.
    """

    def __init__(
        self,
        url: str,
        headers: tuple[tuple[str, str | Secret], ...],
        *,
        http: HttpRunner,
        complain: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._headers = headers
        self._http = http
        self._complain = complain
        self._sleep = sleep

    def __call__(self, event: Event) -> None:
        try:
            self._tell(members(event))
        except HandstampError as error:
            self._complain(f"Expected the webhook at {host(self._url)} to take the event {event.kind}, got: {error.message}")

    def _tell(self, document: Mapping[str, object]) -> None:
        for pause in PAUSES:
            try:
                return self._post(document)
            except NetworkError:
                self._sleep(pause)
        return self._post(document)

    def _post(self, document: Mapping[str, object]) -> None:
        self._http.run_blocking(post_event(self._url, self._headers, document), deadline=DEADLINE)


def post_event(url: str, headers: tuple[tuple[str, str | Secret], ...], document: Mapping[str, object]) -> Exchange[None]:
    """Raises ServerSaidNo or TemporarilyUnavailable for what is no 2xx."""
    response = yield Request("POST", url, Purpose.WEBHOOK, headers, json=document)
    if 200 <= response.status < 300:
        return
    message = f"HTTP {response.status}."
    raise (TemporarilyUnavailable if response.status == 429 or response.status >= 500 else ServerSaidNo)(message)
