"""
A client ID metadata document as an authorization server meets it: all that is wrong with one, and not the first fault alone.

A server has nothing but that page to know a client by, so it is strict: no redirect, no secret, and the document names its own
URL letter for letter. `check_document` asks as one would; the `judge_…` look at what there is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from handstamp.errors import MalformedResponse, NetworkError, ServerBrokeProtocol
from handstamp.protocol.answers import ACCEPT_JSON
from handstamp.protocol.client_auth import NONE, PRIVATE_KEY
from handstamp.protocol.client_document import GRANT_TYPES, LISTED_PORTS, redirect_uris
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response, parse_json
from handstamp.protocol.metadata import read_strings
from handstamp.protocol.text import safe
from handstamp.protocol.urls import Url, is_loopback, split_url

__all__ = ["Finding", "Verdict", "check_document", "find_faults", "judge_address", "judge_document", "judge_text"]

MAX_DOCUMENT = 5000
"""Bytes. A server need not read more, and the draft counts in kilobytes without saying which (A-50)."""
LINKS = ("client_uri", "logo_uri", "tos_uri", "policy_uri")
SECRETS = ("client_secret", "client_secret_expires_at")
PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
"""Of a JWK: the private halves, and the whole of a symmetric key (RFC 7518 §6)."""
KEY_TYPES = {"EC": ("ES",), "RSA": ("RS", "PS"), "OKP": ("Ed",)}
"""Which algorithms a key of each type signs with, by how their names begin."""


class Verdict(Enum):
    """What a finding comes to: as it should be, to be thought about, or a reason to refuse the document."""

    FINE = "fine"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """The member, or what it is about."""
    verdict: Verdict
    expected: str
    actual: str | None
    """Escaped and bounded, never a secret or a key. None where it is as expected."""


def check_document(url: str, *, ports: Sequence[int] = LISTED_PORTS) -> Exchange[tuple[Finding, ...]]:
    """
    Everything that an authorization server would look at, asked for as it would ask; `ports` are those that we listen on.

    Raises a NetworkError where nobody answers, MalformedResponse for a body beyond measure.
    """
    findings = list(judge_address(url))
    if find_faults(findings):
        return tuple(findings)
    response = yield Request("GET", url, Purpose.CLIENT_DOCUMENT, headers=ACCEPT_JSON)
    findings += judge_response(response)
    if response.status != 200:
        return tuple(findings)
    document, found = judge_text(url, response.body, ports=ports)
    findings += found
    if "jwks" not in document and is_https(jwks_uri := document.get("jwks_uri")):
        findings += yield from _check_keys(cast("str", jwks_uri), document)
    return tuple(findings)


def _check_keys(jwks_uri: str, document: dict[str, object]) -> Exchange[list[Finding]]:
    try:
        response = yield Request("GET", jwks_uri, Purpose.CLIENT_KEYS, headers=ACCEPT_JSON)
        if response.status != 200:
            return [Finding("jwks_uri", Verdict.WRONG, "keys with HTTP 200", f"HTTP {response.status}")]
        return [_judge_keys("jwks_uri", parse_json(response.body, Purpose.CLIENT_KEYS.value), document)]
    except (NetworkError, ServerBrokeProtocol) as error:
        return [_unreadable("jwks_uri", error)]


def _unreadable(subject: str, error: NetworkError | ServerBrokeProtocol) -> Finding:
    # Our messages have one form: "Expected this, got that."
    expected, _, actual = error.message.removeprefix("Expected ").removesuffix(".").rpartition(", ")
    return Finding(subject, Verdict.WRONG, expected, actual.removeprefix("got ").removeprefix("but "))


def find_faults(findings: Iterable[Finding]) -> list[Finding]:
    """The reasons to refuse it."""
    return [finding for finding in findings if finding.verdict is Verdict.WRONG]


def judge_address(url: str) -> Iterator[Finding]:
    """The URL by itself (A-43 to A-45)."""
    expected = "an https URL with a path"
    try:
        parts = split_url(url)
    except ValueError as error:
        yield Finding("address", Verdict.WRONG, expected, f"one that cannot be used: {error}")
        return
    is_good = not _lacks(parts)
    yield _judge("address", is_good, expected, safe(parts.origin + parts.path))
    if is_good and parts.query:
        yield Finding("address", Verdict.DOUBTFUL, "an address without a query", safe(parts.query))
    if is_good and str(parts) != url:
        # Whoever reads it with a parser and writes it again compares another string with the document's.
        yield Finding("address", Verdict.DOUBTFUL, f"its usual spelling, {safe(str(parts))}", safe(url))
    if is_good and parts.is_loopback:
        yield Finding("address", Verdict.DOUBTFUL, "a host that servers can reach", f"{parts.host}: for tests on this machine")


def judge_response(response: Response) -> Iterator[Finding]:
    """How it is served (A-50)."""
    status, media_type = response.status, response.media_type
    is_redirect = 300 <= status < 400
    answer = f"a redirect (HTTP {status}), which servers do not follow" if is_redirect else f"HTTP {status}"
    yield _judge("status", status == 200, "HTTP 200", answer)
    if status != 200:
        return
    shown = safe(media_type, 60) or "nothing"
    if media_type.startswith("application/") and media_type.endswith("+json"):
        yield Finding("content type", Verdict.DOUBTFUL, "application/json, which all servers take", shown)
    else:
        yield _judge("content type", media_type == "application/json", "application/json", shown)


def judge_text(url: str, body: bytes, *, ports: Sequence[int] = LISTED_PORTS) -> tuple[dict[str, object], list[Finding]]:
    """The document in `body`, empty where it cannot be read, and what is to be said of its size and its members."""
    size = _judge("size", len(body) < MAX_DOCUMENT, f"less than {MAX_DOCUMENT} bytes", f"{len(body)} bytes")
    try:
        document = parse_json(body, Purpose.CLIENT_DOCUMENT.value)
    except MalformedResponse as error:
        return {}, [size, _unreadable("JSON", error)]
    return document, [size, *judge_document(url, document, ports=ports)]


def judge_document(url: str, document: dict[str, object], *, ports: Sequence[int] = LISTED_PORTS) -> Iterator[Finding]:
    """What it says (A-46 to A-49, A-51, A-52), for the document that is to be found at `url`."""
    client_id, name = document.get("client_id"), document.get("client_name")
    yield _judge("client_id", client_id == url, f"its own address, {safe(url)}", _show(client_id))
    has_name = isinstance(name, str) and bool(name.strip())
    yield _judge("client_name", has_name, "a name for people to read", _show(name))
    yield from _judge_redirect_uris(document, redirect_uris(ports))
    grant_types = read_strings(document, "grant_types") if "grant_types" in document else ("authorization_code",)
    missing = [name for name in GRANT_TYPES if name not in (grant_types or ())]
    yield _judge("grant_types", not missing, " and ".join(GRANT_TYPES), f"a list without {' and '.join(missing)}")
    response_types = read_strings(document, "response_types") if "response_types" in document else ("code",)
    yield _judge("response_types", "code" in (response_types or ()), "code", _show(document.get("response_types")))
    yield from _judge_authentication(document)
    type_ = document.get("application_type")
    if type_ != "native":
        # OpenID Connect Registration §2: "web" where it is not said, and some servers let such a client have no loopback address.
        yield Finding("application_type", Verdict.DOUBTFUL, "native", _show(type_))
    yield from _judge_links(url, document)


def _judge_redirect_uris(document: dict[str, object], sent: Sequence[str]) -> Iterator[Finding]:
    listed = read_strings(document, "redirect_uris")
    if not listed:
        yield Finding("redirect_uris", Verdict.WRONG, "a list of redirect addresses", _show(document.get("redirect_uris")))
        return
    missing = [uri for uri in sent if uri not in listed]
    lacking = f"a list without {safe(', '.join(missing), 400)}"
    yield _judge("redirect_uris", not missing, "every address that Handstamp sends", lacking)
    unsafe = next((uri for uri in listed if "#" in uri or (uri.lower().startswith("http:") and not is_loopback(uri))), None)
    if unsafe is not None:
        expected = "https, or http on loopback, and no fragment"
        yield Finding("redirect_uris", Verdict.WRONG, expected, safe(unsafe))
    if all(map(is_loopback, listed)) and document.get("token_endpoint_auth_method") == NONE:
        expected = "a key or an https address, too"
        actual = "loopback alone: any program on a person's machine can pose as this client, and servers may warn of that"
        yield Finding("redirect_uris", Verdict.DOUBTFUL, expected, actual)


def _judge_authentication(document: dict[str, object]) -> Iterator[Finding]:
    method, secrets = document.get("token_endpoint_auth_method"), [name for name in SECRETS if name in document]
    # RFC 7591 §2: nothing means Basic, and a secret that the world can read proves nothing.
    shown = "nothing, which means client_secret_basic" if method is None else _show(method)
    yield _judge("token_endpoint_auth_method", method in (NONE, PRIVATE_KEY), f"{NONE} or {PRIVATE_KEY}", shown)
    if secrets:
        yield Finding("client_secret", Verdict.WRONG, "no secret in a public document", " and ".join(secrets))
    has_keys, has_address = "jwks" in document, "jwks_uri" in document
    if has_keys and has_address:
        yield Finding("jwks", Verdict.WRONG, "jwks or jwks_uri", "both (RFC 7591 §2)")
    if method == PRIVATE_KEY and not has_keys and not has_address:
        yield Finding("jwks", Verdict.WRONG, f"jwks or jwks_uri with {PRIVATE_KEY}", "neither")
    if has_keys:
        yield _judge_keys("jwks", document["jwks"], document)
    if has_address and not is_https(document["jwks_uri"]):
        yield Finding("jwks_uri", Verdict.WRONG, "an https URL", _show(document["jwks_uri"]))


def _judge_keys(subject: str, key_set: object, document: dict[str, object]) -> Finding:
    """A JWK set (RFC 7517 §5): public keys, and one at least to verify our signature with. None of it is ever shown."""
    members = cast("dict[str, object]", key_set).get("keys") if isinstance(key_set, dict) else None
    entries = cast("list[object]", members) if isinstance(members, list) else []
    keys = [cast("dict[str, object]", entry) for entry in entries if isinstance(entry, dict)]
    if any(not PRIVATE_MEMBERS.isdisjoint(key) for key in keys):
        return Finding(subject, Verdict.WRONG, "public keys alone", "a private or a shared key, which is known to the world now")
    algorithm = document.get("token_endpoint_auth_signing_alg")
    is_good = any(_fits(key, algorithm) for key in keys)
    return _judge(subject, is_good, "a public key for signatures", "none of type EC, RSA or OKP that fits")


def _fits(key: dict[str, object], algorithm: object) -> bool:
    kty = key.get("kty")
    beginnings = KEY_TYPES.get(kty, ()) if isinstance(kty, str) else ()
    wanted = [name for name in (algorithm, key.get("alg")) if name is not None]
    is_for_signing = key.get("use", "sig") == "sig"
    return bool(beginnings) and is_for_signing and all(isinstance(name, str) and name.startswith(beginnings) for name in wanted)


def _judge_links(url: str, document: dict[str, object]) -> Iterator[Finding]:
    """What a server shows a person beside the name."""
    for name in LINKS:
        if name in document and not is_https(document[name]):
            yield Finding(name, Verdict.WRONG, "an https URL", _show(document[name]))
    home = document.get("client_uri")
    if is_https(home) and is_https(url) and split_url(cast("str", home)).origin != split_url(url).origin:
        yield Finding("client_uri", Verdict.DOUBTFUL, f"a page of {split_url(url).origin}, as some servers want", _show(home))


def is_https(value: object) -> bool:
    """True for an https URL of ours (`split_url`)."""
    try:
        return isinstance(value, str) and split_url(value).scheme == "https"
    except ValueError:
        return False


def _lacks(url: Url) -> bool:
    return url.scheme != "https" or url.path in ("", "/")


def _judge(subject: str, is_good: bool, expected: str, actual: str) -> Finding:
    return Finding(subject, Verdict.FINE, expected, None) if is_good else Finding(subject, Verdict.WRONG, expected, actual)


def _show(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return safe(value) or "an empty string"
        case list() if all(isinstance(entry, str) for entry in cast("list[object]", value)):
            return safe(", ".join(cast("list[str]", value))) or "an empty list"
        case _:
            return f"a {type(value).__name__}"
