"""The mark that `make interop` selects by."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "interop: signs in to other people's authorization servers, started on this machine")
