"""The daemon: puts the parts together and runs the one loop."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import select
import signal
import socket
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from ctaclient._util.clock import SystemClock
from ctaclient._util.private import ensure_private_dir
from ctaclient.control.messages import encode_answer
from ctaclient.errors import AgentError, CtaError, LoginRequired, NetworkError, ProtocolError
from ctaclient.tokens.scoped import TokenRequest
from ctaclient_agent.daemon.instance import Instance
from ctaclient_agent.daemon.listener import Listener
from ctaclient_agent.daemon.orphan import OrphanWatch
from ctaclient_agent.daemon.supervisor import Supervisor
from ctaclient_agent.issuer.discovery import Discovery
from ctaclient_agent.issuer.http import HttpxHttp
from ctaclient_agent.logins.spending import spending_of
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.process import log
from ctaclient_agent.refreshing import schedule
from ctaclient_agent.refreshing.refresh import Passing, Refresher, Renewed
from ctaclient_agent.refreshing.roster import Roster
from ctaclient_agent.refreshing.tenure import Tenure
from ctaclient_agent.refreshing.worker import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ctaclient._util.clock import Clock
    from ctaclient.config.paths import Paths
    from ctaclient.control.messages import Request
    from ctaclient_agent.daemon.supervisor import NotingRefresher
    from ctaclient_agent.machines.holder import Holder
    from ctaclient_agent.machines.machine import Machine

_log = logging.getLogger(__name__)

_FIRST_PASS_S = 5.0
# A token request at its limit. Whoever asked is not kept longer: the next client wants the place.
_ASK_TIMEOUT_S = 35.0


def serve(
    paths: Paths,
    machine: Machine,
    me: Holder,
    terms: Terms,
    *,
    debug: bool,
    ready: Callable[[Holder], None],
    to_stderr: bool = False,
) -> Holder | None:
    """Run the agent of `paths.store` as `me` until it is told to stop; None. `ready` is called once it serves.

    Returns at once with the other holder when this machine has an agent for this store already. With `to_stderr` the
    log goes there, too.
    """
    clock = SystemClock()
    instance = Instance(paths.runtime)
    if not instance.take(me):
        return instance.holder() or me
    try:
        ensure_private_dir(paths.store)
        lease = Lease(paths.store / "lease", me, clock, terms.lease_s)
        if (other := _neighbour(lease, me)) is not None:
            return other
        secrets = log.Secrets()
        log.log_to_file(paths.agent_log, secrets, debug=debug)
        if to_stderr:
            log.log_to_stderr(secrets, debug=debug)
        vault = Vault(paths.store, machine, learn=secrets.learn)
        open_spending = spending_of(vault, clock, me, terms)
        tenure = Tenure(lease, vault, open_spending, me, clock, every_s=terms.tick_s)
        refresher = Refresher(vault, Discovery(), HttpxHttp, open_spending, clock, may_refresh=tenure.holds)
        with Supervisor.of(paths, vault.store.record, clock, os.environ) as supervisor:
            noting, orphan_watch = supervisor.noting(refresher), OrphanWatch(paths.store, clock, machine.is_known)
            service = Service(paths, me, instance, vault, noting, tenure, orphan_watch, supervisor, clock)
            _log.info("agent %s started, pid %d, store %s", me.version, me.pid, paths.store)
            service.run(lambda: ready(me))
        _log.info("agent stopped")
    except BaseException:
        _log.exception("agent ended")
        raise
    finally:
        instance.release()
    return None


def _neighbour(lease: Lease, me: Holder) -> Holder | None:
    """An agent of this machine that serves the store from another runtime directory, as cron and ssh may have."""
    held = lease.look()
    if held is None or held.free or held.holder is None:
        return None
    return held.holder if held.holder.is_neighbour_of(me) else None


class Service:
    """Waits for control connections, wake-ups and deadlines; everything slow happens in threads.

    No wait is longer than a tick of the tenure: sleep stands still in suspend, a lease wants to be kept, and a store
    on a network file system tells nobody of changes.
    """

    def __init__(
        self,
        paths: Paths,
        me: Holder,
        instance: Instance,
        vault: Vault,
        refresher: Refresher | NotingRefresher,
        tenure: Tenure,
        orphan_watch: OrphanWatch,
        supervisor: Supervisor,
        clock: Clock,
    ) -> None:
        self._paths = paths
        self._vault = vault
        self._refresher = refresher
        self._me = me
        self._instance = instance
        self._tenure = tenure
        self._clock = clock
        self._stopping = False
        self._orphan_watch = orphan_watch
        self._supervisor = supervisor
        self._woken, self._waker = os.pipe()
        for fd in (self._woken, self._waker):
            os.set_blocking(fd, False)
        self._roster = Roster(vault, clock, SystemRandom(), self._wake)
        self._workers = Workers(refresher, self._roster)

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or `stop`, then finish what is under way."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        listener = Listener(self._paths.agent_socket, self._answer, self._clock)
        try:
            self._loop(listener, ready)
        finally:
            self._supervisor.stopping()
            listener.refuse()
            self._workers.join()
            # Who asked for a narrower token spends the login's refresh token, too.
            self._refresher.wait_idle()
            for profile in self._refresher.store_unsaved():
                _log.error("%s: what the issuer answered cannot be stored and is lost", profile)
            self._roster.close()
            listener.finish()
            with contextlib.suppress(OSError):
                self._tenure.end()
            listener.close()

    def _loop(self, listener: Listener, ready: Callable[[], None]) -> None:
        announced, started = False, self._clock.monotonic()
        offset = self._offset()
        while not self._stopping:
            if self._orphan_watch.is_orphan():
                _log.warning("the store is gone")
                return
            self._instance.keep(self._me)
            listener.keep()
            before, offset = offset, self._offset()
            if schedule.clock_stepped_back(before, offset):
                _log.warning("the clock was set back by %.0f s", before - offset)
                self._roster.after_clock_step()
            self._look_at_store()
            for profile, known in self._roster.take_due():
                self._workers.start(profile, known)
            passed_s = self._clock.monotonic() - started
            if not announced and (passed_s >= _FIRST_PASS_S or not self._roster.refreshing()):
                announced = True
                ready()
                self._supervisor.ready(self._roster.facts())
            self._supervisor.tick(self._roster.facts())
            slice_s = self._supervisor.slice_s(self._tenure.every_s)
            self._wait(listener, slice_s if announced else _FIRST_PASS_S - passed_s)

    def _look_at_store(self) -> None:
        # Each for itself: what one of them stumbles over must not keep the others from their work.
        for look in (self._refresher.keep, self._look_at_lease, self._roster.scan):
            try:
                look()
            except (OSError, CtaError) as error:
                # A home that is away for a while (NFS, an expired Kerberos ticket) is no reason to end (agent.md 5).
                _log.warning("the store cannot be used: %s", error)

    def _look_at_lease(self) -> None:
        self._roster.set_role(refreshes=self._tenure.tick())

    def _wait(self, listener: Listener, limit_s: float) -> None:
        at = self._roster.next_at()
        timeout_s = limit_s if at is None else min(limit_s, at - self._clock.now())
        readable, _, _ = select.select([listener.fileno(), self._woken], [], [], max(timeout_s, 0.0))
        if self._woken in readable:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._woken, 4096):
                    pass
        if listener.fileno() in readable:
            listener.accept()

    def _answer(self, request: Request) -> bytes:
        """The answer to a control request; runs in its connection's thread."""
        if request.op == "stop":
            self._stopping = True
            self._wake()
            return encode_answer(pid=self._me.pid)
        if request.op == "reload":
            self._tenure.look_again()
            self._roster.scan(again=True)
            self._wake()
            return encode_answer(profiles=self._roster.facts())
        if request.op == "refresh":
            profile = _profile(request)
            facts = self._roster.ask(profile, _ASK_TIMEOUT_S)
            if facts is None:
                raise _unknown(profile)
            return encode_answer(**facts)
        if request.op == "token":
            return encode_answer(**self._token(_profile(request), request))
        return encode_answer(**self._status())

    def _token(self, profile: str, request: Request) -> dict[str, Any]:
        wanted = TokenRequest.of(request.scope, request.audience)
        os.stat(self._paths.store)  # one that is away says nothing of its logins
        try:
            os.lstat(self._vault.sealed_file(profile))
        except (FileNotFoundError, NotADirectoryError):
            raise _unknown(profile) from None  # before anything is made for it
        if self._stopping:
            raise AgentError("the agent is ending", hint="ctaclient start-agent")
        outcome = self._refresher.get_scoped(profile, wanted, request.min_ttl_s)
        with contextlib.suppress(OSError):  # what was got is good all the same, and the loop looks again
            self._roster.look_again(profile)
        self._wake()
        if isinstance(outcome, Renewed):
            file = self._vault.store.scoped(profile).token_file(wanted.key())
            return {"profile": profile, "file": str(file), "expires_at": outcome.record.expires_at}
        if isinstance(outcome, Passing):
            raise outcome.error or NetworkError(outcome.reason, hint="try again")
        cure = f"ctaclient start-agent --profile {profile}"
        raise LoginRequired(f"the login of profile {profile} has ended: {outcome.reason}", hint=cure)

    def _status(self) -> dict[str, Any]:
        return {
            "pid": self._me.pid,
            "host": socket.gethostname(),
            "version": self._me.version,
            "started_at": self._me.started_at,
            "store": str(self._paths.store),
            "lease": self._tenure.facts(),
            "profiles": self._roster.facts(),
        }

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _wake(self) -> None:
        # full: it will wake up anyhow
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b"\0")

    def _offset(self) -> float:
        return self._clock.now() - self._clock.monotonic()


def _profile(request: Request) -> str:
    if request.profile is None or not re.fullmatch(r"[a-z0-9-]+", request.profile):
        raise ProtocolError(f"'{request.op}' needs the name of a profile")
    return request.profile


def _unknown(profile: str) -> LoginRequired:
    return LoginRequired(f"no login for profile {profile!r}", hint=f"ctaclient start-agent --profile {profile}")
