"""Tokens that are bound to a key (RFC 9449), as the tests' two servers keep them."""

from secrets import token_urlsafe

from authority.knobs import Knobs
from authority.seen import Seen
from handstamp.demo.ledger import Issued
from proofs import BadProof, ProofChecker

__all__ = ["Bindings", "NotProved"]


class NotProved(Exception):
    """An error of RFC 9449 §12.2, or that of a token that is bound to another key."""

    def __init__(self, error: str, nonce: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.headers = {} if nonce is None else {"DPoP-Nonce": nonce}


class Bindings:
    """Which key each code, access token and refresh token is bound to. Shared by the two servers, which check proofs apart."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._checkers = {"authority": ProofChecker(), "server": ProofChecker()}

    def bind(self, secret: str | None, jkt: str) -> None:
        if secret is not None:
            self._keys[secret] = jkt

    def bind_tokens(self, issued: Issued, jkt: str) -> None:
        self.bind(issued.access.token, jkt)
        self.bind(issued.refresh_token, jkt)

    def prove(self, seen: Seen, url: str, *, secret: str, knobs: Knobs, access_token: str | None = None) -> str:
        """The thumbprint of the request's key, if that is the key of `secret`. Raises NotProved."""
        nonce = knobs.authority_nonce if seen.at == "authority" else knobs.server_nonce
        try:
            text = seen.headers.get("dpop")
            proof = self._checkers[seen.at].check(text, method=seen.method, url=url, access_token=access_token)
        except BadProof as bad:
            raise NotProved("invalid_dpop_proof") from bad
        if knobs.another_nonce:
            raise NotProved("use_dpop_nonce", token_urlsafe())
        if proof.claims.get("nonce") != nonce:
            raise NotProved("use_dpop_nonce", nonce)
        if self._keys.get(secret, proof.jkt) != proof.jkt:
            raise NotProved("invalid_token" if access_token else "invalid_grant")
        return proof.jkt
