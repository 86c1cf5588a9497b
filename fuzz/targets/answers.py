"""What an authorization server answers to the requests that bear secrets: registration, tokens, refresh, revocation."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from math import isfinite
from urllib.parse import urlencode

from fuzz.conversation import Conversation, read_answers
from fuzz.properties import check_header_secret, check_refusal, check_scopes, check_shown
from fuzz.samples import (
    AUTHORIZATION,
    CODE,
    GRANT,
    REDIRECT_URI,
    REFRESH_TOKEN,
    REGISTRATION,
    SENT_FOR_CODE,
    SENT_FOR_REFRESH,
    SERVER,
)
from fuzz.target import Target
from handstamp.errors import MalformedResponse, NetworkError, ServerBrokeProtocol, ServerSaidNo
from handstamp.model import RegistrationKind, Secret, Token
from handstamp.protocol.client_auth import NO_CREDENTIALS, authenticate, bearer
from handstamp.protocol.exchange import Purpose, Request, Response, parse_form
from handstamp.protocol.registration import register_client
from handstamp.protocol.tokens import TokenResponse, exchange_code, judge_token_response, refresh_token, revoke_token
from handstamp.stores.records import decode_grant, encode_grant

__all__ = ["TARGETS"]

REFUSALS = (NetworkError, ServerBrokeProtocol, ServerSaidNo)


def read_registration(data: bytes) -> None:
    """The answers to a registration, which may be asked for again in other words (RFC 7591)."""
    conversation = Conversation(read_answers(data))
    try:
        registration = conversation.run(register_client(SERVER, redirect_uri=REDIRECT_URI, scopes=("read",)))
    except REFUSALS as error:
        check_refusal(error)
        return

    assert registration.kind is RegistrationKind.DYNAMIC
    assert (registration.issuer, registration.redirect_uri) == (SERVER.issuer, REDIRECT_URI)
    check_shown(registration.client_id)
    headers, form = authenticate(registration, NO_CREDENTIALS, token_endpoint="https://auth.example/token")
    for _, value in headers:
        assert isinstance(value, Secret)
        check_header_secret(Secret(value.reveal().removeprefix("Basic ")))
    assert ("client_id", registration.client_id) in form
    assert registration.is_usable(0.0)


def read_token(data: bytes) -> None:
    """The answer to a code, JSON or a form."""
    step = exchange_code(
        token_endpoint=SERVER.token_endpoint,
        registration=REGISTRATION,
        credentials=NO_CREDENTIALS,
        request=AUTHORIZATION,
        code=Secret(CODE),
    )
    try:
        _check_answer(Conversation(read_answers(data)).run(step))
    except REFUSALS as error:
        check_refusal(error, *SENT_FOR_CODE)


def read_refreshed_token(data: bytes) -> None:
    """The answer to a refresh token, which stays where no other comes."""
    try:
        answer = Conversation(read_answers(data)).run(refresh_token(GRANT, NO_CREDENTIALS))
    except REFUSALS as error:
        check_refusal(error, *SENT_FOR_REFRESH)
        return

    _check_answer(answer)
    assert answer.token.refresh_token, "a grant that could be refreshed cannot be any more"


def read_revocation(data: bytes) -> None:
    """The answer to a revocation."""
    try:
        Conversation(read_answers(data)).run(revoke_token(GRANT, NO_CREDENTIALS))
    except REFUSALS as error:
        check_refusal(error, *SENT_FOR_REFRESH)


def read_form(data: bytes) -> None:
    """An answer in form encoding."""
    try:
        members = parse_form(data, "it")
    except MalformedResponse as error:
        check_refusal(error)
        return

    assert all(isinstance(value, str) for value in members.values())
    assert parse_form(urlencode(members).encode("ascii"), "it") == members


def read_identity(data: bytes) -> None:
    """The claims of an ID token."""
    id_token = f"e30.{urlsafe_b64encode(data).decode().rstrip('=')}.c2ln"
    body = urlencode({"access_token": "a", "token_type": "Bearer", "id_token": id_token}).encode()
    response = Response(200, (), body, SERVER.token_endpoint, 1000.0)

    answer = judge_token_response(Request("POST", SERVER.token_endpoint, Purpose.TOKEN), response)

    _check_answer(answer)


def _check_answer(answer: TokenResponse) -> None:
    _check_token(answer.token)
    check_scopes(answer.scopes or ())
    if answer.identity is not None:
        check_shown(answer.identity)
        assert 0 < len(answer.identity) <= 100


def _check_token(token: Token) -> None:
    """Can be sent, judged at any time, and kept."""
    check_header_secret(token.access_token)
    [(_, header)] = bearer(token.access_token)
    assert isinstance(header, Secret)
    assert header.reveal() == f"Bearer {token.access_token.reveal()}"
    assert token.expires_at is None or (isfinite(token.expires_at) and token.expires_at > token.obtained_at)
    for now in (0.0, token.obtained_at, 1e12):
        token.is_fresh(now)
        token.renew_from(1.0)
    kept = replace(GRANT, token=token)
    assert decode_grant(kept.key, kept.generation, encode_grant(kept)) == kept


OAUTH_WORDS = (
    "\n\n",
    "\n%%\n",
    "200\n",
    "400\n",
    '"access_token":"a"',
    '"token_type":"Bearer"',
    '"expires_in":',
    '"refresh_token":',
    '"scope":',
    '"id_token":',
    '"error":"invalid_grant"',
    '"error_description":',
    "access_token=a&token_type=bearer",
    "the-secret-of-the-client",
    REFRESH_TOKEN,
)

TARGETS = (
    Target(
        "registration",
        read_registration,
        words=(
            "201\n",
            "\n\n",
            "\n%%\n",
            '"client_id":"c"',
            '"client_secret":"s"',
            '"client_secret_expires_at":',
            '"token_endpoint_auth_method":"client_secret_basic"',
            '"redirect_uris":["http://127.0.0.1:49152/callback"]',
            '"error":"invalid_redirect_uri"',
            '"error":"invalid_client_metadata"',
        ),
    ),
    Target("token", read_token, words=OAUTH_WORDS),
    Target("refresh", read_refreshed_token, words=OAUTH_WORDS),
    Target("revocation", read_revocation, words=OAUTH_WORDS),
    Target("form", read_form, words=("access_token=", "&", "%41", "+")),
    Target("identity", read_identity, words=('{"email":"', '"preferred_username":', '"name":', '"sub":')),
)
