"""The seal, and what is sealed."""

import json
from dataclasses import fields, replace

import pytest

from handstamp.errors import VaultCorrupt
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Token
from handstamp.stores.records import decode_grant, decode_registration, encode_grant, encode_registration
from handstamp.stores.sealing import bind, seal, unseal
from stores.fakes import KEY_A, KEY_B
from stores.samples import CLIENT_SECRET, GRANT, KEY, REGISTRATION, SECRETS

PLACE = bind("grants", "alice", "https://mcp.example", "default", "https://issuer.example", 3)


def test_what_was_sealed_comes_back() -> None:
    assert unseal(KEY_A, PLACE, seal(KEY_A, PLACE, b"payload")) == b"payload"


def test_the_same_payload_never_gives_the_same_bytes() -> None:
    assert seal(KEY_A, PLACE, b"payload") != seal(KEY_A, PLACE, b"payload")


def test_a_sealed_value_begins_with_its_version() -> None:
    assert seal(KEY_A, PLACE, b"payload")[:1] == b"\x01"


@pytest.mark.parametrize("at", range(1 + 12 + 7 + 16))
def test_a_flipped_bit_anywhere_does_not_open(at: int) -> None:
    """TG6."""
    sealed = bytearray(seal(KEY_A, PLACE, b"payload"))
    sealed[at] ^= 1

    with pytest.raises(VaultCorrupt):
        unseal(KEY_A, PLACE, bytes(sealed))


def test_another_key_does_not_open() -> None:
    with pytest.raises(VaultCorrupt):
        unseal(KEY_B, PLACE, seal(KEY_A, PLACE, b"payload"))


@pytest.mark.parametrize(
    "other",
    [
        bind("registrations", "alice", "https://mcp.example", "default", "https://issuer.example", 3),
        bind("grants", "bob", "https://mcp.example", "default", "https://issuer.example", 3),
        bind("grants", "alice", "https://evil.example", "default", "https://issuer.example", 3),
        bind("grants", "alice", "https://mcp.example", "work", "https://issuer.example", 3),
        bind("grants", "alice", "https://mcp.example", "default", "https://evil.example", 3),
        bind("grants", "alice", "https://mcp.example", "default", "https://issuer.example", 4),
    ],
)
def test_another_place_does_not_open(other: bytes) -> None:
    """TG5."""
    with pytest.raises(VaultCorrupt):
        unseal(KEY_A, other, seal(KEY_A, PLACE, b"payload"))


def test_no_two_places_are_written_alike() -> None:
    places = [
        bind("t", "a", "b"),
        bind("t", "ab", ""),
        bind("t", 'a","b'),
        bind("ta", "b"),
        bind("t", "a", 1),
        bind("t", "a", "1"),
    ]

    assert len(set(places)) == len(places)


def test_a_members_list_of_the_model_is_complete() -> None:
    """A new field of the model must be written down in records.py, or decided against here."""
    grant = json.loads(encode_grant(GRANT))

    assert set(grant) == {field.name for field in fields(Grant)} - {"key", "generation"}
    assert set(grant["registration"]) == {field.name for field in fields(Registration)}
    assert set(grant["token"]) == {field.name for field in fields(Token)}


def test_a_grant_from_a_newer_version_is_read_without_what_is_unknown() -> None:
    found = json.loads(encode_grant(GRANT))
    for part in (found, found["token"], found["registration"]):
        part["from_the_future"] = {"a": 1}

    assert decode_grant(KEY, GRANT.generation, json.dumps(found).encode()) == GRANT


@pytest.mark.parametrize("kind", RegistrationKind)
def test_only_a_dynamic_registrations_secret_is_written(kind: RegistrationKind) -> None:
    """W12: a configured secret is read anew at each use. Here alone it is taken out, for every store."""
    registration = replace(REGISTRATION, kind=kind)
    grant = replace(GRANT, registration=registration)

    kept = decode_registration(encode_registration(registration))
    kept_with_grant = decode_grant(KEY, 1, encode_grant(grant)).registration

    assert kept == kept_with_grant
    assert kept.client_secret == (REGISTRATION.client_secret if kind is RegistrationKind.DYNAMIC else None)
    assert (CLIENT_SECRET.encode() in encode_grant(grant)) is (kind is RegistrationKind.DYNAMIC)


def test_a_registration_comes_back() -> None:
    assert decode_registration(encode_registration(REGISTRATION)) == REGISTRATION


@pytest.mark.parametrize(
    ("part", "member", "value"),
    [
        ("grant", "resource", 1),
        ("grant", "scopes", "read"),
        ("grant", "scopes", [1]),
        ("grant", "granted_at", "soon"),
        ("grant", "granted_at", True),
        ("grant", "identity", ["alice"]),
        ("grant", "token", []),
        ("token", "access_token", 5),
        ("token", "expires_at", float("nan")),
        ("token", "obtained_at", 10**400),
        ("registration", "client_secret", 5),
        ("registration", "kind", "friend"),
    ],
)
def test_a_member_of_another_kind_is_corrupt(part: str, member: str, value: object) -> None:
    found = json.loads(encode_grant(GRANT))
    (found if part == "grant" else found[part])[member] = value

    with pytest.raises(VaultCorrupt):
        decode_grant(KEY, GRANT.generation, json.dumps(found).encode())


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b"null", b'{"resource": 1}', b"\xff", b'{"access-token-that-nobody-may-see']
)
def test_what_is_no_record_is_corrupt_and_not_shown(payload: bytes) -> None:
    with pytest.raises(VaultCorrupt) as grant:
        decode_grant(GrantKey("a", "b", "c", "d"), 1, payload)
    with pytest.raises(VaultCorrupt) as registration:
        decode_registration(payload)

    for caught in (grant, registration):
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert not [secret for secret in SECRETS if secret in str(caught.value)]
