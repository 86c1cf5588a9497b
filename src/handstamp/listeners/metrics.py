"""Events as a count for OpenTelemetry: `vault.subscribe(EventCounter())`. Needs the extra `otel`."""

from typing import TYPE_CHECKING

from handstamp.errors import HandstampError, UsageError, hint
from handstamp.events import Event, Failed
from handstamp.protocol.urls import host

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

__all__ = ["EventCounter"]


class EventCounter:
    """
    The counter `handstamp.events`, by `handstamp.event` (its kind), `handstamp.issuer` (a host) and, of a failure, `error.type`.

    Neither a person nor a token is in it (TH9): no owner, no account, no server's URL, which may hold either, and no message.
    `provider` is the global one unless another is given. Raises UsageError without the package `opentelemetry-api`.
    """

    def __init__(self, provider: "MeterProvider | None" = None) -> None:
        try:
            from opentelemetry.metrics import get_meter
        except ImportError as error:
            raise UsageError(
                "Expected the package opentelemetry-api, which counts events, and it is not installed.", hint=hint("install_otel")
            ) from error
        meter = get_meter("handstamp", meter_provider=provider)
        self._counter = meter.create_counter("handstamp.events", unit="{event}", description="What happened to grants.")

    def __call__(self, event: Event) -> None:
        self._counter.add(1, _attributes(event))


def _attributes(event: Event) -> dict[str, str]:
    attributes = {"handstamp.event": event.kind}
    if event.issuer is not None:
        attributes["handstamp.issuer"] = _host(event.issuer)
    if isinstance(event, Failed):
        attributes["error.type"] = event.code
    return attributes


def _host(issuer: str) -> str:
    try:
        return host(issuer)
    except HandstampError:
        return "unreadable"
