"""
JWTs that we sign (RFC 7515, RFC 7519): client assertions and DPoP proofs. Those of others are never verified here, only shown.

A signer is a key with a clock and with chance, so that a protocol step gets it as one argument and stays without either.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handstamp.errors import UsageError
from handstamp.model import Secret
from handstamp.protocol.text import safe

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey

__all__ = ["Signer", "SigningKey", "choose_algorithm", "generate_key", "parse_signing_key"]

LARGEST_KEY = 32 * 1024
"""Characters. An RSA key of 16384 bits in PEM takes some twelve thousand."""
SMALLEST_RSA_KEY = 2048
"""Bits (RFC 7518 §3.3)."""
RSA = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key that we may sign with, and what it signs as."""

    private: "PrivateKey"
    algorithms: tuple[str, ...]
    """The first is the usual one of such a key."""
    key_id: str | None = None
    """Only where the key itself names it: a server that knows it under no name would not find it under ours."""

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithms[0]})"

    def public_jwk(self) -> dict[str, str]:
        """The public half (RFC 7517), its required members alone, in their order for a thumbprint (RFC 7638)."""
        from jwt.algorithms import get_default_algorithms

        to_jwk = get_default_algorithms()[self.algorithms[0]].to_jwk
        found = to_jwk(self.private.public_key(), as_dict=True)
        return {name: str(found[name]) for name in ("crv", "e", "kty", "n", "x", "y") if name in found}


def parse_signing_key(text: Secret) -> SigningKey:
    """
    A private key in PEM (PKCS #8, PKCS #1 or SEC 1, without a password) or as a JWK: P-256, P-384, P-521, Ed25519, or RSA from
    2048 bits on. Raises UsageError, which repeats nothing of it.
    """
    value = text.reveal().strip()
    if len(value) > LARGEST_KEY:
        raise _no_key()
    if value.startswith("{"):
        return _judge(*_parse_jwk(value))
    return _judge(_parse_pem(value))


def _parse_pem(value: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(value.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key() from None


def _parse_jwk(value: str) -> tuple[object, object]:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    try:
        members = json.loads(value)
        return PyJWK.from_dict(members).key, members.get("kid")
    except (ValueError, TypeError, KeyError, RecursionError, PyJWTError):
        raise _no_key() from None


def _judge(private: object, key_id: object = None) -> SigningKey:
    """Neither a public key nor one that both sides know."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    name = key_id if isinstance(key_id, str) else None
    if isinstance(private, EllipticCurvePrivateKey) and private.curve.name in CURVES:
        return SigningKey(private, (CURVES[private.curve.name],), name)
    if isinstance(private, RSAPrivateKey) and private.key_size >= SMALLEST_RSA_KEY:
        return SigningKey(private, RSA, name)
    if isinstance(private, Ed25519PrivateKey):
        return SigningKey(private, ("EdDSA",), name)
    raise _no_key()


def _no_key() -> UsageError:
    return UsageError(
        "Expected a private key in PEM or as a JWK (P-256, P-384, P-521, Ed25519, or RSA from 2048 bits on), got none."
    )


def choose_algorithm(key: SigningKey, *, wanted: str | None, supported: tuple[str, ...] | None) -> str:
    """
    What to sign with: the configured algorithm, else the first of the key's that the server lists, else the key's usual one
    (A-141).

    Raises UsageError where key and wish do not fit, or where the server takes none of the key's.
    """
    fitting = key.algorithms if wanted is None else tuple(name for name in key.algorithms if name == wanted)
    if not fitting:
        raise UsageError(f"Expected a key for {safe(wanted or '', 20)}, got one for {', '.join(key.algorithms)}.")
    if supported is None:
        return fitting[0]
    listed = next((name for name in fitting if name in supported), None)
    if listed is None:
        takes = safe(", ".join(supported)) or "none"
        raise UsageError(
            f"Expected a key for one of the algorithms that the server takes ({takes}), got one for {', '.join(fitting)}."
        )
    return listed


def generate_key(random: Callable[[int], bytes]) -> Secret:
    """A new private key for ES256, PEM. `random` gives that many unpredictable bytes."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    # 64 bits more than the order has: the remainder is as good as even (FIPS 186-5, A.2.1).
    private = derive_private_key(int.from_bytes(random(40)) % (P256_ORDER - 1) + 1, SECP256R1())
    return Secret(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"))


class Signer:
    """Signs with one key; the time and the identifier in a JWT are those of its signing."""

    def __init__(self, key: SigningKey, algorithm: str, *, clock: Callable[[], float], random: Callable[[int], bytes]) -> None:
        self.key = key
        self.algorithm = algorithm
        self._clock = clock
        self._random = random

    def sign(
        self, claims: Mapping[str, object], *, header: Mapping[str, object] | None = None, lifetime: int | None = None
    ) -> Secret:
        """
        A JWT with these claims, `iat` and `jti`, and `exp` where it has a `lifetime` (seconds). `header` joins `alg`, `typ` and
        the key's own `kid`, or replaces them.
        """
        import jwt

        now = int(self._clock())
        moment = {"iat": now, "jti": self._random(16).hex()} | ({} if lifetime is None else {"exp": now + lifetime})
        named = {} if self.key.key_id is None else {"kid": self.key.key_id}
        return Secret(jwt.encode({**claims, **moment}, self.key.private, self.algorithm, {**named, **(header or {})}))
