"""The event loop that our programs run in."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
