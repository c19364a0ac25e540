"""Threads that refresh: one for each due profile, so that a slow issuer delays no other and never the socket."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from ctaclient_agent.refreshing.refresh import Passing

if TYPE_CHECKING:
    from ctaclient_agent.refreshing.refresh import Outcome, Refresher
    from ctaclient_agent.refreshing.roster import Roster

_log = logging.getLogger(__name__)


class Refreshes(Protocol):
    """What a worker does for a profile."""

    def refresh(self, profile: str, *, known: str | None = None) -> Outcome:
        """As `Refresher.refresh`."""
        ...


class Workers:
    """Starts refreshes and waits for them at the end."""

    def __init__(self, refresher: Refresher | Refreshes, roster: Roster) -> None:
        self._refresher = refresher
        self._roster = roster
        self._threads: list[threading.Thread] = []

    def start(self, profile: str, known: str | None) -> None:
        """Refresh `profile` in the background; `known` is the fingerprint of the token last seen."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._run, args=(profile, known), name=f"refresh {profile}")
        try:
            thread.start()
        except RuntimeError as error:  # the user's limit of processes: others may end soon
            _log.warning("%s: the refresh cannot be started: %s", profile, error)
            self._roster.finish(profile, Passing(f"the refresh cannot be started: {error}"))
            return
        self._threads.append(thread)

    def join(self) -> None:
        """Wait for all: what an issuer has already answered must be stored. The requests have limits of their own."""
        for thread in self._threads:
            thread.join()

    def _run(self, profile: str, known: str | None) -> None:
        try:
            outcome: Outcome = self._refresher.refresh(profile, known=known)
        except Exception as error:  # noqa: BLE001 - a bug in one profile must not end the others
            _log.exception("%s: the refresh failed", profile)
            outcome = Passing(f"the refresh failed: {type(error).__name__}")
        self._roster.finish(profile, outcome)
