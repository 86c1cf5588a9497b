"""TB: metadata, mix-up, binding."""

import pytest

from handstamp.errors import IssuerMismatch
from handstamp.protocol.server import judge_authorization_server


def test_tb1_a_document_of_another_issuer_is_refused() -> None:
    """
    A document claims another's issuer.

    Compares it with the issuer that was asked, and refuses.
    """
    document = {
        "issuer": "https://honest.example",
        "authorization_endpoint": "https://attacker.example/authorize",
        "token_endpoint": "https://attacker.example/token",
    }

    with pytest.raises(IssuerMismatch):
        judge_authorization_server("https://attacker.example", document, near="https://mcp.example/mcp")
