"""When a profile's token is refreshed, as pure functions on a `Watch`. Times are wall clock, so that suspend counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

    from ctaclient.tokens.record import Record

State = Literal["absent", "waiting_for_user", "fresh", "due", "refreshing", "backoff", "login_required"]

_LESS = ("absent", "waiting_for_user")  # without a login
# Nothing to be done by the agent: no login, or a person is needed.
_IDLE = (*_LESS, "login_required")
_EARLIEST, _LATEST = 0.60, 0.70
_RESERVE_S = 300.0
_RESERVE_PART = 0.30  # 90 s of a 5-minute token
_DAY_S = 86_400.0  # an offline session that nobody touches idles out (KC#48063)
_BACKOFF_S, _BACKOFF_MIN_S = 2.0, 0.5
# Somebody waits for the end of a short outage; after an hour the issuer's peace counts for more.
_BACKOFF_MAX_S, _LONG_OUTAGE_S, _LONG_BACKOFF_MAX_S = 30.0, 3600.0, 300.0
_ASKED_EVERY_S = 10.0
_UNKNOWN_LIFE_S = 300.0
_CLOCK_STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What the agent knows about one profile. All `_at` are seconds since the epoch.

    `not_before_at` is the issuer's Retry-After, `failures` counts those since the last success, the first of them at
    `failing_since_at`.
    """

    state: State
    expires_at: float | None = None
    next_attempt_at: float | None = None
    last_refresh_at: float | None = None
    last_attempt_at: float | None = None
    not_before_at: float = 0.0
    failures: int = 0
    failing_since_at: float | None = None
    last_error: str | None = None


ABSENT = Watch("absent")


def refresh_at(issued_at: float, expires_at: float | None, rng: Random) -> float:
    """When to refresh: at 60-70 % of the life, never later than 300 s (short tokens: 30 %) before the end."""
    life_s = (expires_at - issued_at) if expires_at is not None else _UNKNOWN_LIFE_S
    after_s = min(life_s, _DAY_S) * rng.uniform(_EARLIEST, _LATEST)
    return issued_at + min(after_s, life_s - min(_RESERVE_S, _RESERVE_PART * life_s))


def found(record: Record | None, generation: int | None, now: float, rng: Random) -> Watch:
    """A login as it lies in the store: the state of an agent that has just started or was told to look again."""
    if record is None:
        return Watch("due", next_attempt_at=now)
    watch = Watch(
        "fresh", expires_at=record.expires_at, last_refresh_at=record.issued_at, last_attempt_at=record.issued_at
    )
    ended = record.state == "login_required"
    # Older than its record: put back from a backup. Tried once; where tokens rotate the issuer then ends the login.
    known = generation == record.generation or (ended and generation is not None and generation < record.generation)
    if not known or record.issued_at > now + _CLOCK_STEP_S:
        # The writer died between the sealed login and the record, or the clock was wrong when the record was written.
        return replace(watch, state="due", next_attempt_at=now)
    if ended:
        return replace(watch, state="login_required", last_error=record.reason)
    return _until(watch, refresh_at(record.issued_at, record.expires_at, rng), now)


def login_asked_for(watch: Watch) -> Watch:
    """Somebody is asked to approve a login. One that works goes on meanwhile."""
    return replace(watch, state="waiting_for_user") if watch.state in _IDLE else watch


def is_due(watch: Watch, now: float) -> bool:
    """Whether a refresh is to be started."""
    return watch.next_attempt_at is not None and watch.next_attempt_at <= now


def started(watch: Watch, now: float) -> Watch:
    """A refresh is under way, if there is anything to refresh."""
    if watch.state in _IDLE:
        return watch
    return replace(watch, state="refreshing", next_attempt_at=None, last_attempt_at=now)


def renewed(watch: Watch, record: Record, now: float, rng: Random) -> Watch:
    """There is a new token."""
    fresh = Watch(
        "fresh", expires_at=record.expires_at, last_refresh_at=record.issued_at, last_attempt_at=watch.last_attempt_at
    )
    return _until(fresh, refresh_at(record.issued_at, record.expires_at, rng), now)


def failed(watch: Watch, reason: str, retry_after_s: float | None, now: float, rng: Random) -> Watch:
    """It did not work this time: 2 s, doubling to 30 s, after an hour to 300 s, with full jitter.

    The token stays in use while it lives. Where there is nothing to refresh nothing was tried.
    """
    if watch.state in _IDLE:
        return watch
    since_at = watch.failing_since_at if watch.failing_since_at is not None else now
    most_s = _LONG_BACKOFF_MAX_S if now - since_at >= _LONG_OUTAGE_S else _BACKOFF_MAX_S
    limit_s = min(_BACKOFF_S * 2 ** min(watch.failures, 10), most_s)
    wait_s = max(rng.uniform(0, limit_s), _BACKOFF_MIN_S)
    return replace(
        watch,
        state="backoff",
        next_attempt_at=now + max(wait_s, retry_after_s or 0.0),
        not_before_at=now + (retry_after_s or 0.0),
        failures=watch.failures + 1,
        failing_since_at=since_at,
        last_error=reason,
    )


def refused(watch: Watch, reason: str) -> Watch:
    """The login has ended; only a person can help. One that is being made is none of the old one's."""
    if watch.state in _LESS:
        return watch
    return replace(watch, state="login_required", next_attempt_at=None, last_error=reason)


def asked(watch: Watch, now: float) -> Watch | None:
    """A client wants a new token now: the watch with that, or None when the issuer is not to be bothered.

    A refresh that is under way, or is about to be started, answers the wish, too.
    """
    if watch.state in _IDLE:
        return None
    if watch.state in ("due", "refreshing"):
        return watch
    if now < watch.not_before_at:
        return None
    # One of ten thousand jobs asks each millisecond: the issuer hears of it every 10 s, whatever the token's state.
    if watch.last_attempt_at is not None and 0 <= now - watch.last_attempt_at < _ASKED_EVERY_S:
        return None
    return replace(watch, state="due", next_attempt_at=now)


def clock_stepped_back(before_s: float, after_s: float) -> bool:
    """Whether the wall clock was set back, from `wall - monotonic` before and after.

    A step forward needs no care: what it makes due is due.
    """
    return after_s < before_s - _CLOCK_STEP_S


def after_step(watch: Watch, now: float) -> Watch:
    """All planned times are of the old clock: try now."""
    return (
        watch if watch.next_attempt_at is None else replace(watch, state="due", next_attempt_at=now, not_before_at=0.0)
    )


def _until(watch: Watch, at: float, now: float) -> Watch:
    return replace(watch, state="fresh" if at > now else "due", next_attempt_at=at)
