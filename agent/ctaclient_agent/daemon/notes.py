"""Noting what goes wrong, once for each change, and telling the user what only he can mend."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import printable, redact
from ctaclient.errors import CtaError
from ctaclient.tokens.error_list import (
    ANNOUNCED,
    ENDING,
    ENDS_IN_1_DAY,
    ENDS_IN_7_DAYS,
    LOGIN_REQUIRED,
    ErrorList,
    over,
    sighted,
)
from ctaclient.tokens.login_end import days_left_to_tell, horizon
from ctaclient_agent.process.moments import local_time
from ctaclient_agent.refreshing.refresh import Passing, Refused, Renewed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.error_file import ErrorFile
    from ctaclient.tokens.login_end import Horizon
    from ctaclient.tokens.record import Record
    from ctaclient_agent.refreshing.refresh import Outcome

_log = logging.getLogger(__name__)

# Slugs for what has no error class: files that cannot be written, and bugs.
STORE, INTERNAL, NOTIFY_COMMAND = "store", "internal", "notify-command"


class Notes:
    """Keeps `file`. `tell` gets one line each time that the user is needed. Safe to share between threads."""

    def __init__(
        self,
        file: ErrorFile,
        record: Callable[[str], Record | None],
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self._file = file
        self._record = record
        self._clock = clock
        self._tell = tell
        self._guard = threading.RLock()
        # What the file says, so that a quiet tick costs nothing.
        self._known = ErrorList()
        self._change(lambda known: (known, False))
        self._horizons: dict[str, Horizon] = dict(self._known.horizons)
        self._looked_at: dict[str, object] = {}

    def outcome(self, profile: str, outcome: Outcome) -> None:
        """Note what came of a refresh."""
        match outcome:
            case Refused(reason):
                cure = f"ctaclient start-agent --profile {profile}"
                self.note(profile, LOGIN_REQUIRED, f"the login of profile {profile} has ended: {reason}; type: {cure}")
            case Passing(is_trouble=False):
                return
            case Passing(reason, error=error):
                # A login that only other machines can open is a LoginRequired too, but nobody has ended it.
                kind = error.slug if error and error.slug != LOGIN_REQUIRED else STORE
                self.note(profile, kind, reason)
            case Renewed():
                self._end(profile, self._open(profile) - set(ENDING))

    def note(self, profile: str | None, kind: str, message: str) -> None:
        """Note one error, and tell the user if it is news of a kind that only he can mend."""
        with self._guard:
            is_new = self._change(lambda known: sighted(known, profile, kind, message, self._clock.now()))
        if is_new and kind in ANNOUNCED:
            self._tell(printable(redact(message)))

    def tick(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        """Look at all profiles as `status` shows them: what is over, and which login ends soon."""
        for profile, facts in profiles.items():
            if facts["state"] == "fresh":
                self._end(profile, self._open(profile) - set(ENDING))
            if facts["state"] in ("fresh", "backoff"):
                self._look_ahead(profile, facts["last_refresh_at"])

    def _look_ahead(self, profile: str, last_refresh_at: object) -> None:
        now = self._clock.now()
        # The record is read after each refresh, not at each tick.
        if self._looked_at.get(profile, self) != last_refresh_at:
            self._looked_at[profile] = last_refresh_at
            self._learn_end(profile, now)
        known = self._horizons.get(profile)
        days = days_left_to_tell(known, now) if known else None
        kind = {1: ENDS_IN_1_DAY, 7: ENDS_IN_7_DAYS}[days] if days else None
        is_open = self._open(profile)
        self._end(profile, is_open & set(ENDING) - {kind})
        if known and kind and kind not in is_open:
            cure = f"ctaclient start-agent --new-login --profile {profile}"
            end = local_time(known.ends_at)
            self.note(profile, kind, f"the login of profile {profile} ends on {end}; log in anew before: {cure}")

    def _learn_end(self, profile: str, now: float) -> None:
        try:
            record = self._record(profile)
        except (CtaError, OSError):
            return  # the refresh says what is wrong with it
        before = self._horizons.pop(profile, None)
        if record is not None and record.login_ends_at is not None:
            self._horizons[profile] = horizon(before, record.login_ends_at, now)
        known = self._horizons.get(profile)
        if known is not None and not known.is_settled(now):
            return  # an end that moves with each refresh is not worth a write
        if self._known.horizons.get(profile) != known:
            kept = {name: each for name, each in self._known.horizons.items() if name != profile}
            horizons = kept if known is None else {**kept, profile: known}
            with self._guard:
                self._change(lambda errors: (replace(errors, horizons=horizons), False))

    def _open(self, profile: str) -> set[str]:
        return self._known.open_kinds(profile)

    def _end(self, profile: str, kinds: set[str]) -> None:
        if kinds:
            with self._guard:
                self._change(lambda known: (over(known, profile, kinds), False))

    def _change(self, change: Callable[[ErrorList], tuple[ErrorList, bool]]) -> bool:
        def noted(known: ErrorList) -> tuple[ErrorList, tuple[ErrorList, bool]]:
            after = change(known)
            return after[0], after

        try:
            self._known, result = self._file.change(noted, anew=True)
        except (OSError, CtaError) as error:
            # A full disk must not end a refresh. What is known here still keeps the user from being told twice.
            _log.warning("the error cannot be noted: %s", error)
            self._known, result = change(self._known)
        return result
