"""Whether this agent is the one that refreshes, and what it does for the other machines while it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ctaclient.errors import CtaError
from ctaclient_agent.issuer.send_limit import SendLimit
from ctaclient_agent.machines.machine import host_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient._util.clock import Clock
    from ctaclient_agent.logins.vault import Vault
    from ctaclient_agent.machines.holder import Holder
    from ctaclient_agent.machines.lease import Held, Lease

_log = logging.getLogger(__name__)


class Tenure:
    """Keeps or takes the store's lease at each `tick`, at most every `every_s` seconds."""

    def __init__(
        self,
        lease: Lease,
        vault: Vault,
        open_spending: Callable[[str], Lease],
        me: Holder,
        clock: Clock,
        *,
        every_s: float,
    ) -> None:
        self._lease = lease
        self._vault = vault
        self._open_spending = open_spending
        self._me = me
        self._clock = clock
        self.every_s = every_s
        self._looked_at: float | None = None
        self._holds = False
        self._holder: Holder | None = None

    def tick(self) -> bool:
        """Do what is due; whether this agent refreshes now. Raises OSError while the store cannot be reached."""
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < self.every_s:
            return self._holds
        held_before = self._holds
        try:
            self._holds = self._lease.renew() or (self._can_serve() and self._lease.take())
            if not self._holds:
                self._note(self._lease.look())
            elif not held_before:
                self._holder = self._me
                _log.info("this agent refreshes the logins of the store")
        except OSError:
            self._holds = self.holds()
            raise
        self._looked_at = now
        try:
            self._vault.machine.keep()
        except (OSError, CtaError) as error:
            _log.warning("this machine's key cannot be kept: %s", error)
        self._enrol_all()
        return self._holds

    def look_again(self) -> None:
        """Let the next `tick` look at everything: somebody has changed the store."""
        self._looked_at = None

    def holds(self) -> bool:
        """Whether the lease is surely ours at this moment."""
        try:
            return self._lease.left_s() > 0
        except OSError:
            return False

    def facts(self) -> dict[str, Any]:
        """For `status`."""
        holder = self._holder
        return {
            "refreshes": self._holds,
            "host": holder.host if holder else None,
            "pid": holder.pid if holder else None,
            "machine": self._vault.machine.name(),
        }

    def end(self) -> None:
        """Let another machine go on at once."""
        self._lease.release()

    def _can_serve(self) -> bool:
        profiles = self._vault.profiles()
        return not profiles or any(self._vault.can_open(name) for name in profiles)

    def _note(self, held: Held | None) -> None:
        holder = held.holder if held and not held.free else None
        if holder != self._holder or self._looked_at is None:
            self._holder = holder
            _log.info("watching: %s refreshes the logins of the store", holder or "nobody")

    def _enrol_all(self) -> None:
        """Seal for machines that have made themselves known. By whoever can: the one that refreshes may not."""
        for name in self._vault.profiles():
            try:
                self._enrol(name)
            except (OSError, CtaError) as error:
                _log.warning("%s: cannot be sealed for the other machines: %s", name, error)

    def _enrol(self, name: str) -> None:
        newcomers = self._vault.newcomers(name)
        if not newcomers or not self._vault.can_open(name):
            return
        lock = self._vault.lock(name)
        if not lock.acquire(wait=False):
            return  # somebody refreshes or logs in: the next tick is soon enough, and the loop waits for nobody
        try:
            spending = self._open_spending(name)
            if not spending.take({}):
                return
            try:
                if self._vault.seal_again(name, SendLimit(spending.left_s() / 2, self._clock)):
                    # Named, so that one that nobody knows can be noticed.
                    _log.warning("%s: sealed for %s, too", name, ", ".join(map(self._describe, sorted(newcomers))))
            finally:
                spending.release()
        finally:
            lock.release()

    def _describe(self, machine: str) -> str:
        return f"machine {machine} (host {host_of(self._vault.store.directory, machine) or 'unknown'})"
