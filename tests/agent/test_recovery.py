"""How soon after an outage there is a token again, and how often the issuer is asked meanwhile."""

from __future__ import annotations

from random import Random

import pytest

from ctaclient_agent.refreshing import schedule
from ctaclient_agent.refreshing.schedule import Watch
from tests.agent.test_schedule import record

SEEDS, SOME_SEEDS = range(200), range(20)
MINUTES, HOURS = 60.0, 3600.0


def outage(length_s: float, seed: int, *, answer_after_s: float = 0.0) -> tuple[float, int]:
    """Seconds from the end of an outage to the next try, and the number of tries in it.

    The outage begins when a refresh is due; a try ends in failure after `answer_after_s`.
    """
    rng = Random(seed)
    watch: Watch = schedule.found(record(300), 3, 0.0, rng)
    watch = schedule.after_step(watch, watch.expires_at or 0.0)
    begin = watch.next_attempt_at or 0.0
    tries = 0
    while (now := watch.next_attempt_at or 0.0) < begin + length_s:
        tries += 1
        assert schedule.is_due(watch, now)
        watch = schedule.failed(schedule.started(watch, now), "down", None, now + answer_after_s, rng)
    return now - begin - length_s, tries


@pytest.mark.parametrize("length_s", [5.0, 10 * MINUTES, 50 * MINUTES])
def test_half_a_minute_after_an_outage_of_less_than_an_hour(length_s: float) -> None:
    assert max(outage(length_s, seed)[0] for seed in SEEDS) <= 30


def test_five_minutes_after_a_long_one() -> None:
    assert max(outage(8 * HOURS, seed)[0] for seed in SOME_SEEDS) <= 300


def test_an_issuer_that_hangs_costs_the_time_of_one_more_request() -> None:
    late = [outage(10 * MINUTES, seed, answer_after_s=30.0)[0] for seed in SEEDS]
    assert max(late) <= 30 + 30


def test_an_issuer_that_is_down_is_left_in_peace() -> None:
    # in the mean 15 s between two tries, later 150 s
    assert max(outage(10 * MINUTES, seed)[1] for seed in SEEDS) < 80
    assert max(outage(8 * HOURS, seed)[1] for seed in SOME_SEEDS) < 600


def test_many_agents_do_not_come_back_at_once() -> None:
    late = sorted(outage(10 * MINUTES, seed)[0] for seed in SEEDS)
    densest = max(sum(begin <= each < begin + 1 for each in late) for begin in late)
    assert densest < len(late) / 4


def test_a_wish_ends_the_waiting_once_the_issuer_is_back() -> None:
    watch = Watch("backoff", 1000.0, 1290.0, last_attempt_at=1000.0, failures=9)
    wanted = schedule.asked(watch, 1011.0)
    assert wanted is not None
    assert schedule.is_due(wanted, 1011.0)
