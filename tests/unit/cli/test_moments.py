"""Times as people say them."""

from __future__ import annotations

from datetime import datetime

import pytest

from ctaclient.cli.moments import moment, span, upcoming

NOON = datetime(2026, 11, 20, 12, 0).timestamp()  # noqa: DTZ001 - local time is what is tested


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (47.9 * 3600, "47 h"),
        (48 * 3600, "2 days"),
        (30 * 86400, "30 days"),
    ],
)
def test_span(seconds: float, expected: str) -> None:
    assert span(seconds) == expected


@pytest.mark.parametrize(
    ("away_s", "expected"),
    [
        (180, "12:03 (in 3 min)"),
        (-180, "11:57 (3 min ago)"),
        (0, "12:00 (0 s ago)"),
        (86400, "2026-11-21 12:00 (in 24 h)"),
    ],
)
def test_upcoming(away_s: float, expected: str) -> None:
    assert upcoming(NOON + away_s, NOON) == expected


def test_a_time_that_no_calendar_has() -> None:
    assert upcoming(1e30, NOON).startswith("1e+30 s after 1970 (in 1157")
    assert moment(float("nan")) == "nan s after 1970"


def test_midnight_is_another_day() -> None:
    assert moment(NOON - 12 * 3600, NOON) == "00:00"
    assert moment(NOON) == "2026-11-20 12:00"
    assert moment(NOON - 12 * 3600 - 60, NOON) == "2026-11-19 23:59"
