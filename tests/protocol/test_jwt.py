"""Keys that we sign with, and what we sign: read back by PyJWT, with the public half alone."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP384R1, SECP521R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from fakes import HandMovedClock
from handstamp.errors import UsageError
from handstamp.model import Secret
from handstamp.protocol.client_auth import Credentials, authenticate
from handstamp.protocol.jwt import Signer, SigningKey, choose_algorithm, generate_key, parse_signing_key
from protocol.wire import ISSUER, a_registration
from signing import Algorithm, KeyPair, make_keys

ALGORITHMS: list[Algorithm] = ["ES256", "RS256", "EdDSA"]
TOKEN_ENDPOINT = f"{ISSUER}/token"


def counting() -> Any:
    numbers = iter(range(1, 1000))
    return lambda size: next(numbers).to_bytes(size)


def a_signer(keys: KeyPair, clock: HandMovedClock | None = None, **jwk: str) -> Signer:
    text = json.dumps(keys.private_jwk(**jwk)) if jwk else keys.private_pem
    return Signer(parse_signing_key(Secret(text)), keys.algorithm, clock=clock or HandMovedClock(), random=counting())


def read(token: Secret, keys: KeyPair, **options: Any) -> dict[str, Any]:
    return jwt.decode(
        token.reveal(), keys.key.public_key(), [keys.algorithm], options={"verify_exp": False, "verify_iat": False}, **options
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("form", ["PEM", "JWK"])
def test_a_key_in_either_form_signs_what_its_public_half_verifies(form: str, algorithm: Algorithm) -> None:
    """A-137."""
    keys = make_keys(algorithm)
    text = f"\n{keys.private_pem}\n" if form == "PEM" else json.dumps(keys.private_jwk())

    signer = Signer(parse_signing_key(Secret(text)), algorithm, clock=HandMovedClock(1000.0), random=counting())
    claims = read(signer.sign({"sub": "x"}, lifetime=60), keys)

    assert claims == {"sub": "x", "iat": 1000, "exp": 1060, "jti": "0" * 31 + "1"}


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_both_forms_of_pem_are_read(form: PrivateFormat) -> None:
    text = make_keys().key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    assert parse_signing_key(Secret(text)).algorithms == ("ES256",)


@pytest.mark.parametrize(("curve", "algorithm"), [(SECP384R1(), "ES384"), (SECP521R1(), "ES512")])
def test_a_larger_curve_has_its_own_algorithm(curve: Any, algorithm: str) -> None:
    keys = KeyPair(generate_private_key(curve), algorithm)

    assert parse_signing_key(Secret(keys.private_pem)).algorithms == (algorithm,)
    assert read(a_signer(keys).sign({"a": 1}), keys)["a"] == 1


def test_only_a_key_that_names_itself_is_named() -> None:
    """A-140: a server that knows it under no name would not find it under ours."""
    keys = make_keys()

    named = jwt.get_unverified_header(a_signer(keys, kid="key-1").sign({}).reveal())
    unnamed = jwt.get_unverified_header(a_signer(keys).sign({}).reveal())

    assert named == {"alg": "ES256", "typ": "JWT", "kid": "key-1"}
    assert "kid" not in unnamed


def an_ec_jwk(**members: object) -> str:
    return json.dumps({**make_keys().private_jwk(), **members})


def too_weak() -> str:
    key = generate_rsa_key(65537, 1024)
    return KeyPair(key, "RS256").private_pem


def with_password() -> str:
    return make_keys().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda: "", id="nothing"),
        pytest.param(lambda: "not a key", id="words"),
        pytest.param(lambda: "ü" * 40, id="no ASCII"),
        pytest.param(lambda: make_keys().public_pem, id="a public key"),
        pytest.param(lambda: json.dumps(make_keys().public_jwk()), id="a public JWK"),
        pytest.param(lambda: json.dumps({"kty": "oct", "k": "c2VjcmV0"}), id="a symmetric JWK"),
        pytest.param(lambda: an_ec_jwk(crv="P-256K"), id="another curve"),
        pytest.param(lambda: an_ec_jwk(d=5), id="a number for a key"),
        pytest.param(lambda: an_ec_jwk(kty=["EC"]), id="a list for a type"),
        pytest.param(lambda: "{" * 20_000, id="nested without end"),
        pytest.param(lambda: "[]", id="no object"),
        pytest.param(lambda: make_keys().private_pem * 200, id="far too long"),
        pytest.param(too_weak, id="RSA of 1024 bits"),
        pytest.param(with_password, id="with a password"),
        pytest.param(lambda: KeyPair(generate_private_key(SECP256K1()), "ES256K").private_pem, id="a curve of no algorithm"),
        pytest.param(lambda: _pem(Ed448PrivateKey.generate()), id="Ed448"),
    ],
)
def test_what_is_no_key_of_ours_is_refused_and_not_repeated(text: Any) -> None:
    """A-137, TH5."""
    with pytest.raises(UsageError, match="Expected a private key in PEM or as a JWK") as caught:
        parse_signing_key(Secret(text()))

    assert caught.value.__cause__ is None


def _pem(key: Ed448PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_key_does_not_show_itself() -> None:
    """TH5."""
    assert repr(parse_signing_key(Secret(make_keys().private_pem))) == "SigningKey(ES256)"


# The algorithm


def a_key(algorithm: Algorithm) -> SigningKey:
    return parse_signing_key(Secret(make_keys(algorithm).private_pem))


@pytest.mark.parametrize(
    ("algorithm", "wanted", "supported", "chosen"),
    [
        ("ES256", None, None, "ES256"),
        ("ES256", None, ("RS256", "ES256"), "ES256"),
        ("ES256", "ES256", ("ES256",), "ES256"),
        ("EdDSA", None, ("EdDSA",), "EdDSA"),
        ("RS256", None, None, "RS256"),
        ("RS256", None, ("PS512", "PS256"), "PS256"),
        ("RS256", "RS512", ("RS256", "RS512"), "RS512"),
        ("RS256", "PS256", None, "PS256"),
    ],
)
def test_the_algorithm_is_the_wish_else_the_first_that_both_know(
    algorithm: Algorithm, wanted: str | None, supported: tuple[str, ...] | None, chosen: str
) -> None:
    """A-141."""
    assert choose_algorithm(a_key(algorithm), wanted=wanted, supported=supported) == chosen


@pytest.mark.parametrize(
    ("algorithm", "wanted", "supported", "words"),
    [
        ("ES256", "RS256", None, "Expected a key for RS256, got one for ES256"),
        ("ES256", None, ("RS256", "PS256"), r"server takes \(RS256, PS256\), got one for ES256"),
        ("RS256", "RS512", ("RS256",), "got one for RS512"),
        ("ES256", None, (), r"\(none\)"),
        ("EdDSA", None, ("HS256", "none"), r"\(HS256, none\)"),
    ],
)
def test_a_key_that_does_not_fit_says_what_would(
    algorithm: Algorithm, wanted: str | None, supported: tuple[str, ...] | None, words: str
) -> None:
    """A-141: no symmetric algorithm, and never `none`."""
    with pytest.raises(UsageError, match=words):
        choose_algorithm(a_key(algorithm), wanted=wanted, supported=supported)


# A client assertion


def assertion_of(signer: Signer, **registration: object) -> str:
    headers, form = authenticate(
        a_registration(token_endpoint_auth_method="private_key_jwt", **registration),
        Credentials(signer=signer),
        token_endpoint=TOKEN_ENDPOINT,
    )
    members = dict(form)
    assert headers == ()
    assert members["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assertion = members["client_assertion"]
    assert isinstance(assertion, Secret)
    return assertion.reveal()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_assertion_is_of_the_client_for_the_issuer_and_for_a_minute(algorithm: Algorithm) -> None:
    """A-140, TE24."""
    keys = make_keys(algorithm)

    claims = read(Secret(assertion_of(a_signer(keys, HandMovedClock(1000.0)))), keys, audience=ISSUER)

    jti = claims.pop("jti")
    assert claims == {"iss": "client-1", "sub": "client-1", "aud": ISSUER, "iat": 1000, "exp": 1060}
    assert len(jti) == 32


def test_each_assertion_is_another_one() -> None:
    """A-140, TE24: once."""
    keys, seen = make_keys(), set[str]()
    signer = a_signer(keys)

    for _ in range(3):
        seen.add(read(Secret(assertion_of(signer)), keys, audience=ISSUER)["jti"])

    assert len(seen) == 3


def test_the_audience_is_the_token_endpoint_where_the_person_says_so() -> None:
    """A-140, 4.8."""
    keys = make_keys()

    assertion = assertion_of(a_signer(keys), assertion_audience="token_endpoint")

    assert read(Secret(assertion), keys, audience=TOKEN_ENDPOINT)["aud"] == TOKEN_ENDPOINT


def test_without_its_key_a_client_does_not_go_on_as_a_public_one() -> None:
    """TB14."""
    registration = a_registration(token_endpoint_auth_method="private_key_jwt", private_key_from="file:/key.pem")

    with pytest.raises(UsageError, match=r"private key of client client-1 in file:/key\.pem"):
        authenticate(registration, Credentials(Secret("a-secret")), token_endpoint=TOKEN_ENDPOINT)


def test_a_generated_key_is_one_that_signs() -> None:
    """As DPoP needs it: 40 bytes of chance become a key of P-256."""
    text = generate_key(lambda size: bytes(range(size)))

    key = parse_signing_key(text)

    assert key.algorithms == ("ES256",)
    assert set(key.public_jwk()) == {"kty", "crv", "x", "y"}
