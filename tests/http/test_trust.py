"""Certificates are read once, and again once somebody has changed them."""

import os
from pathlib import Path

import pytest

from certificates import Signer
from handstamp.errors import SettingsError
from handstamp.http.trust import trust


def test_hundreds_of_connections_share_what_was_read_once(signer: Signer) -> None:
    assert trust() is trust()
    assert trust(str(signer.ca_file)) is trust(str(signer.ca_file))


def test_who_trusts_a_file_of_their_own_lends_that_trust_to_nobody(signer: Signer) -> None:
    assert len(trust(str(signer.ca_file)).get_ca_certs()) == len(trust().get_ca_certs()) + 1


def test_a_file_that_was_changed_is_read_again(tmp_path: Path, signer: Signer) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(signer.ca_file.read_bytes())
    before = trust(str(file))

    os.utime(file, ns=(0, 0))

    assert trust(str(file)) is not before


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing", "utf-8")

    with pytest.raises(SettingsError, match=r"ca\.pem"):
        trust(str(file))
