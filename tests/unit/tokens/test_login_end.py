"""When the end of a login is worth a word."""

from __future__ import annotations

import pytest

from ctaclient.tokens.login_end import Horizon, days_left_to_tell, horizon

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("life_days", "left_days", "expected"),
    [
        (30, 30, None),
        (30, 7.01, None),
        (30, 7, 7),
        (30, 6, 7),
        (30, 1.01, 7),
        (30, 1, 1),
        (30, 0.1, 1),
        (30, -1, 1),
        # never meant to last longer: nothing has changed since the login
        (7, 6, None),
        (7, 0.5, 1),
        (1, 0.5, None),
        (0.02, 0.01, None),
    ],
)
def test_days_left(life_days: float, left_days: float, expected: int | None) -> None:
    known = Horizon(ends_at=100 * DAY_S, since=(100 - life_days) * DAY_S)
    assert days_left_to_tell(known, (100 - left_days) * DAY_S) == expected


def test_an_end_that_stays() -> None:
    first = horizon(None, 30 * DAY_S, 0)
    assert first == Horizon(30 * DAY_S, 0)
    assert horizon(first, 30 * DAY_S + 5, 20 * DAY_S) is first


def test_an_idle_limit_that_moves_with_each_refresh_warns_nobody() -> None:
    known, now = None, 0.0
    for _ in range(1000):
        known = horizon(known, now + 1800, now)
        assert days_left_to_tell(known, now + 1799) is None
        now += 1200
    # until the refreshes fail: then the end of a long one comes near
    known = horizon(known, now + 30 * DAY_S, now)
    assert days_left_to_tell(known, now + 24 * DAY_S) == 7


def test_a_new_login_that_is_shorter() -> None:
    first = horizon(None, 30 * DAY_S, 0)
    assert days_left_to_tell(horizon(first, 29.5 * DAY_S, 29.2 * DAY_S), 29.3 * DAY_S) is None
