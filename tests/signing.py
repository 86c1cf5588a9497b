"""Keys of programs, platforms and organisations, and the JWTs that they sign: by PyJWT alone, so that ours are judged by it."""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

__all__ = ["Algorithm", "KeyPair", "an_id_token", "make_keys"]

Algorithm = Literal["ES256", "RS256", "EdDSA"]


@dataclass(frozen=True)
class KeyPair:
    """A private key, and what its owner makes public."""

    key: "EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey"
    algorithm: str

    @property
    def private_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def public_pem(self) -> str:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def private_jwk(self, **members: str) -> dict[str, Any]:
        algorithm: Any = jwt.get_algorithm_by_name(self.algorithm)
        return {**algorithm.to_jwk(self.key, as_dict=True), **members}

    def public_jwk(self, **members: str) -> dict[str, Any]:
        algorithm: Any = jwt.get_algorithm_by_name(self.algorithm)
        return {**algorithm.to_jwk(self.key.public_key(), as_dict=True), **members}

    def sign(self, *, typ: str = "JWT", lifetime: float = 300.0, **claims: object) -> str:
        """With all that RFC 7523 §3 wants; what is given stands instead, and None leaves one out."""
        now = time.time()
        usual = {"iat": int(now), "exp": int(now + lifetime), "jti": f"{time.perf_counter_ns()}"}
        members = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(members, self.key, self.algorithm, {"typ": typ})


@cache
def make_keys(algorithm: Algorithm = "ES256", owner: str = "a client") -> KeyPair:
    """The same for the same owner: an RSA key takes a tenth of a second."""
    match algorithm:
        case "ES256":
            return KeyPair(generate_private_key(SECP256R1()), algorithm)
        case "RS256":
            return KeyPair(generate_rsa_key(65537, 2048), algorithm)
        case "EdDSA":
            return KeyPair(Ed25519PrivateKey.generate(), algorithm)


def an_id_token(keys: KeyPair, *, issuer: str, client_id: str, lifetime: float = 300.0) -> str:
    """What a person's sign-in at their organisation leaves behind."""
    return keys.sign(iss=issuer, aud=client_id, sub="alice", email="alice@example.com", lifetime=lifetime)
