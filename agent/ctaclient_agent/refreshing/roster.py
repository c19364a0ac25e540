"""The watches of all profiles, shared between the loop, the workers and the control connections."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from ctaclient.errors import CtaError
from ctaclient.tokens.pending import all_pending
from ctaclient_agent.refreshing import schedule
from ctaclient_agent.refreshing.refresh import Passing, Refused, Renewed

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.record import Record
    from ctaclient_agent.logins.vault import Stamp, Vault
    from ctaclient_agent.refreshing.refresh import Outcome
    from ctaclient_agent.refreshing.schedule import Watch

_log = logging.getLogger(__name__)


class Roster:
    """Who is to be refreshed when. `wake` makes the loop look again. Safe to share between threads."""

    def __init__(self, vault: Vault, clock: Clock, rng: Random, wake: Callable[[], None]) -> None:
        self._vault = vault
        self._clock = clock
        self._rng = rng
        self._wake = wake
        self._changed = threading.Condition()
        self._watches: dict[str, Watch] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._tokens: dict[str, str | None] = {}
        self._tries: dict[str, int] = {}
        self._refreshes = True
        self._closed = False

    def set_role(self, *, refreshes: bool) -> None:
        """Whether this agent refreshes or only watches. After a change all is as it lies in the store."""
        with self._changed:
            if refreshes != self._refreshes:
                self._refreshes = refreshes
                for name, watch in self._watches.items():
                    if watch.state != "refreshing":
                        self._stamps[name] = None

    def scan(self, *, again: bool = False) -> None:
        """Take up what changed in the store: a login on a terminal, or a file put right.

        With `again` logins that have ended are looked at once more, too. Raises OSError while the store cannot be
        listed, and keeps what is known.
        """
        stamps = self._vault.profiles()
        with self._changed:
            missing = set(self._watches) - set(stamps)
        gone = {name for name in missing if self._is_gone(name)}
        with self._changed:
            for name in gone & set(self._watches):
                if self._watches[name].state != "refreshing":
                    del self._watches[name], self._stamps[name]
                    _log.info("%s: the login is gone", name)
            new = [name for name, stamp in stamps.items() if self._is_news(name, stamp, again=again)]
        for name in new:
            record, generation = self._read(name)
            with self._changed:
                if name in self._watches and self._watches[name].state == "refreshing":
                    continue  # its worker read the store under the lock, or the stamp will differ once more
                watch = schedule.found(record, generation, self._clock.now(), self._rng)
                self._watches[name], self._stamps[name] = watch, stamps[name]
                self._tokens[name] = record.token if record else None
                _log.info("%s: %s, generation %s", name, watch.state, generation)

    def look_again(self, name: str) -> None:
        """Somebody else has changed the login of `name`."""
        with self._changed:
            if name in self._watches and self._watches[name].state != "refreshing":
                self._stamps[name] = None
        self.scan()

    def take_due(self) -> list[tuple[str, str | None]]:
        """The profiles whose time has come, now marked as refreshing, with the fingerprint of the token last seen."""
        now = self._clock.now()
        with self._changed:
            if not self._refreshes:
                return []
            due = [name for name, watch in self._watches.items() if schedule.is_due(watch, now)]
            for name in due:
                self._watches[name] = schedule.started(self._watches[name], now)
            return [(name, self._tokens.get(name)) for name in due]

    def finish(self, name: str, outcome: Outcome) -> None:
        """Note what came of a refresh, and let those who asked for it go on."""
        now = self._clock.now()
        with self._changed:
            watch = self._watches[name]
            match outcome:
                case Renewed(record):
                    watch = schedule.renewed(watch, record, now, self._rng)
                    self._tokens[name] = record.token
                case Passing(reason, retry_after_s):
                    watch = schedule.failed(watch, reason, retry_after_s, now, self._rng)
                case Refused(reason):
                    watch = schedule.refused(watch, reason)
            # As it was under the lock: a login that came right after it is still news.
            self._watches[name], self._stamps[name] = watch, outcome.stamp
            self._tries[name] = self._tries.get(name, 0) + 1
            self._changed.notify_all()
        self._wake()

    def ask(self, name: str, timeout_s: float) -> dict[str, Any] | None:
        """A client wants a new token of `name`: what is so after that was tried, or None for an unknown profile."""
        if name not in self._watches:
            self.scan()
        with self._changed:
            watch = self._watches.get(name)
            if watch is None:
                return None
            wanted = schedule.asked(watch, self._clock.now()) if self._refreshes else None
            before = self._tries.get(name, 0)
            if wanted is not None:
                self._watches[name] = wanted
                self._wake()
                self._changed.wait_for(lambda: self._closed or self._tries.get(name, 0) > before, timeout_s)
            watch = self._watches.get(name, watch)
            tried = self._tries.get(name, 0) > before
            return {
                "profile": name,
                "refreshes": self._refreshes,
                "refreshed": tried and watch.failures == 0 and watch.state == "fresh",
                **_facts(watch),
            }

    def after_clock_step(self) -> None:
        """The wall clock was set back: every planned time is wrong."""
        now = self._clock.now()
        with self._changed:
            self._watches = {name: schedule.after_step(watch, now) for name, watch in self._watches.items()}

    def next_at(self) -> float | None:
        """When the next profile is due, or None when none will be."""
        with self._changed:
            if not self._refreshes:
                return None
            return min(
                (w.next_attempt_at for w in self._watches.values() if w.next_attempt_at is not None), default=None
            )

    def refreshing(self) -> bool:
        """Whether any refresh is under way."""
        with self._changed:
            return any(watch.state == "refreshing" for watch in self._watches.values())

    def facts(self) -> dict[str, dict[str, Any]]:
        """All profiles as `status` shows them: also one without a usable login for which somebody is asked now."""
        asked_for = all_pending(self._vault.store.directory, self._clock.now())
        with self._changed:
            watches = dict(self._watches)
        for name in asked_for:
            watches[name] = schedule.login_asked_for(watches.get(name, schedule.ABSENT))
        return {name: _facts(watch) for name, watch in sorted(watches.items())}

    def close(self) -> None:
        """Nobody waits any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_gone(self, name: str) -> bool:
        """Whether the store is there and the login of `name` is not: one that cannot be read now will come back."""
        os.stat(self._vault.store.directory)
        try:
            os.lstat(self._vault.sealed_file(name))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def _is_news(self, name: str, stamp: Stamp, *, again: bool) -> bool:
        watch = self._watches.get(name)
        if watch is None:
            return True
        if watch.state == "refreshing":
            return False
        return self._stamps[name] != stamp or (again and watch.state == "login_required")

    def _read(self, name: str) -> tuple[Record | None, int | None]:
        try:
            return self._vault.store.record(name), self._vault.generation(name)
        except (CtaError, OSError):
            return None, None  # the refresh will say what is wrong


def _facts(watch: Watch) -> dict[str, Any]:
    return {
        "state": watch.state,
        "expires_at": watch.expires_at,
        "last_refresh_at": watch.last_refresh_at,
        "next_attempt_at": watch.next_attempt_at,
        "last_error": watch.last_error,
    }
