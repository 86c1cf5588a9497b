"""The search for growth finds some."""

import sys

import pytest

from fuzz.target import Target


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("keeps", [True, False])
def test_a_parser_that_keeps_its_inputs_is_found(keeps: bool) -> None:
    from fuzz.growth import find_growth

    kept: list[bytes] = []

    def read(data: bytes) -> None:
        copy = data * 1000
        if keeps:
            kept.append(copy)

    grown = find_growth(Target("json", read), seconds=0.4)

    assert bool(grown) is keeps
