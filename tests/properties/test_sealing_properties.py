"""The seal and the records, for any text, number and place."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handstamp.errors import VaultCorrupt
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from handstamp.stores.records import (
    decode_grant,
    decode_registration,
    encode_grant,
    encode_registration,
    without_configured_secret,
)
from handstamp.stores.sealing import bind, seal, unseal

texts = st.text(max_size=40)
times = st.floats(allow_nan=False, allow_infinity=False)
maybe_texts = st.none() | texts
maybe_secrets = st.none() | st.builds(Secret, texts)
keys = st.binary(min_size=32, max_size=32)
places = st.tuples(texts, texts, texts, texts, st.integers(0, 2**62))

registrations = st.builds(
    Registration,
    issuer=texts,
    kind=st.sampled_from(RegistrationKind),
    client_id=texts,
    redirect_uri=texts,
    token_endpoint_auth_method=texts,
    client_secret=maybe_secrets,
    client_secret_from=maybe_texts,
    client_secret_expires_at=st.none() | times,
)
tokens = st.builds(
    Token,
    access_token=st.builds(Secret, texts),
    obtained_at=times,
    expires_at=st.none() | times,
    refresh_token=maybe_secrets,
    token_type=texts,
    dpop_key=maybe_secrets,
)
grants = st.builds(
    Grant,
    key=st.builds(GrantKey, texts, texts, texts, texts),
    resource=texts,
    scopes=st.lists(texts, max_size=4).map(tuple),
    registration=registrations.map(without_configured_secret),
    token=tokens,
    token_endpoint=texts,
    revocation_endpoint=maybe_texts,
    identity=maybe_texts,
    granted_at=times,
    generation=st.integers(0, 2**62),
    refused=maybe_texts,
    requested_scopes=st.lists(texts, max_size=4).map(tuple),
)


@given(grants)
def test_any_grant_comes_back(grant: Grant) -> None:
    assert decode_grant(grant.key, grant.generation, encode_grant(grant)) == grant


@given(registrations)
def test_any_registration_comes_back_and_only_a_dynamic_one_with_its_secret(registration: Registration) -> None:
    kept = registration if registration.kind is RegistrationKind.DYNAMIC else replace(registration, client_secret=None)

    assert decode_registration(encode_registration(registration)) == kept


@given(keys, places, st.binary(max_size=200))
def test_whatever_is_sealed_comes_back(key: bytes, place: tuple[str | int, ...], payload: bytes) -> None:
    aad = bind("grants", *place)

    assert unseal(key, aad, seal(key, aad, payload)) == payload


@given(keys, places, places, st.binary(max_size=50))
def test_nothing_opens_in_another_place(
    key: bytes, place: tuple[str | int, ...], other: tuple[str | int, ...], payload: bytes
) -> None:
    """TG5."""
    assume(place != other)

    with pytest.raises(VaultCorrupt):
        unseal(key, bind("grants", *other), seal(key, bind("grants", *place), payload))


@given(keys, st.binary(max_size=50), st.data())
def test_nothing_opens_after_any_change(key: bytes, payload: bytes, data: st.DataObject) -> None:
    """TG6."""
    aad = bind("grants", "alice", 1)
    sealed = seal(key, aad, payload)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]

    with pytest.raises(VaultCorrupt):
        unseal(key, aad, changed)
    with pytest.raises(VaultCorrupt):
        unseal(key, aad, sealed[:at])


@given(st.lists(texts | st.integers(), max_size=5), st.lists(texts | st.integers(), max_size=5))
def test_places_are_written_alike_only_if_they_are_the_same(one: list[str | int], other: list[str | int]) -> None:
    assert (bind("grants", *one) == bind("grants", *other)) == (one == other)


@given(st.binary(max_size=200))
def test_no_rubbish_opens_or_fails_otherwise(rubbish: bytes) -> None:
    with pytest.raises(VaultCorrupt):
        unseal(bytes(32), bind("grants"), rubbish)
