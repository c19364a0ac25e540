"""What the working loop says of itself, in one place: to the service manager, and to the notes for the user."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Self

from ctaclient.errors import CtaError
from ctaclient.tokens.error_file import ErrorFile
from ctaclient_agent.daemon.notes import INTERNAL, NOTIFY_COMMAND, STORE, Notes
from ctaclient_agent.daemon.notifier import Notifier
from ctaclient_agent.daemon.sd_notify import VARIABLES, ServiceManager
from ctaclient_agent.process.moments import local_time
from ctaclient_agent.refreshing.refresh import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from ctaclient._util.clock import Clock
    from ctaclient.config.paths import Paths
    from ctaclient.tokens.record import Record
    from ctaclient.tokens.scoped import TokenRequest
    from ctaclient_agent.refreshing.refresh import Outcome, Refresher

_log = logging.getLogger(__name__)


class Supervisor:
    """The loop calls `ready` once, `tick` each time round and `stopping` when it ends. Closed by `with`."""

    def __init__(self, manager: ServiceManager, notes: Notes, notifier: Notifier) -> None:
        self._manager = manager
        self._notes = notes
        self._notifier = notifier
        self._status = ""

    @classmethod
    def of(
        cls, paths: Paths, record: Callable[[str], Record | None], clock: Clock, environ: MutableMapping[str, str]
    ) -> Supervisor:
        """With all that belongs to it. The manager's variables are taken out of `environ`: they are for us alone."""
        manager = ServiceManager(environ, os.getpid())
        for name in VARIABLES:
            environ.pop(name, None)
        notifier = Notifier(paths.config_file, environ, lambda why: _complain(notes, why))
        notes = Notes(ErrorFile(paths.state), record, clock, notifier.tell)
        return cls(manager, notes, notifier)

    def noting(self, refresher: Refresher) -> NotingRefresher:
        """`refresher`, with a note of what comes of each refresh."""
        return NotingRefresher(refresher, self._notes)

    def slice_s(self, limit_s: float) -> float:
        """How long the loop may wait, `limit_s` at most."""
        return min(limit_s, self._manager.interval_s or limit_s)

    def ready(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        """The first pass is done."""
        self._status = status_line(profiles)
        self._manager.ready(self._status)

    def tick(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        """The loop has come round."""
        before, self._status = self._status, status_line(profiles)
        self._manager.alive(self._status if self._status != before else None)
        self._notes.tick(profiles)

    def stopping(self) -> None:
        """No more work is taken."""
        self._manager.stopping()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        """Note an error that ends the agent, and wait for what was started."""
        if isinstance(error, CtaError):
            self._notes.note(None, error.slug, f"the agent ended: {error.message}")
        elif error is not None:
            self._notes.note(None, INTERNAL, f"the agent ended: {type(error).__name__}; see ctaclient agent logs")
        self._notifier.join()


class NotingRefresher:
    """A `Refresher` that leaves notes."""

    def __init__(self, refresher: Refresher, notes: Notes) -> None:
        self._refresher = refresher
        self._notes = notes

    def refresh(self, profile: str, *, known: str | None = None) -> Outcome:
        """As `Refresher.refresh`."""
        try:
            outcome = self._refresher.refresh(profile, known=known)
        except Exception as error:
            self._notes.note(profile, INTERNAL, f"the refresh failed: {type(error).__name__}")
            raise
        self._notes.outcome(profile, outcome)
        return outcome

    def keep(self) -> None:
        """As `Refresher.keep`."""
        self._refresher.keep()

    def wait_idle(self) -> None:
        """As `Refresher.wait_idle`."""
        self._refresher.wait_idle()

    def store_unsaved(self) -> list[str]:
        """As `Refresher.store_unsaved`."""
        lost = self._refresher.store_unsaved()
        for profile in lost:
            why = f"the agent ended before it could store what the issuer answered for profile {profile}"
            cure = f"ctaclient start-agent --profile {profile}"
            self._notes.note(profile, STORE, f"{why}; should the login be refused, type: {cure}")
        return lost

    def get_scoped(self, profile: str, request: TokenRequest, min_ttl_s: float) -> Outcome:
        """As `Refresher.get_scoped`. What else fails is for who asked, and he is told."""
        outcome = self._refresher.get_scoped(profile, request, min_ttl_s)
        if isinstance(outcome, Refused):
            self._notes.outcome(profile, outcome)
        return outcome


def status_line(profiles: Mapping[str, Mapping[str, Any]]) -> str:
    """All logins in a line, for `systemctl status`. Changes only when they do."""
    ended = [name for name, facts in profiles.items() if facts["state"] == "login_required"]
    trouble = [name for name, facts in profiles.items() if facts["state"] == "backoff"]
    nexts = [facts["next_attempt_at"] for facts in profiles.values() if facts["next_attempt_at"]]
    parts = [f"{len(profiles) - len(ended)} of {len(profiles)} logins alive"]
    if ended:
        parts.append(f"login needed: {', '.join(ended)}")
    if trouble:
        parts.append(f"trying again: {', '.join(trouble)}")
    elif nexts:
        parts.append(f"next refresh {local_time(min(nexts))}")
    return "; ".join(parts)


def _complain(notes: Notes, why: str) -> None:
    _log.warning("the user could not be told: %s", why)
    notes.note(None, NOTIFY_COMMAND, why)
