"""Events in a log."""

import logging

import pytest

from handstamp.listeners.logs import log_event
from happenings import everything, needs_login


def test_each_event_is_one_line_and_a_warning_where_somebody_should_look(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "handstamp.events"):
        for event in everything():
            log_event(event)

    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "DEBUG", "WARNING", "WARNING", "INFO"]
    assert {record.name for record in caplog.records} == {"handstamp.events"}
    assert all(len(record.getMessage().splitlines()) == 1 for record in caplog.records)


def test_a_formatter_finds_the_event_in_the_record(caplog: pytest.LogCaptureFixture) -> None:
    log_event(needs_login())

    (record,) = caplog.records
    assert vars(record)["handstamp"]["next_step"] == "handstamp login example --account work"
