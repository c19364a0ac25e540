"""The daemon: puts the parts together and runs the one loop."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from ctaclient._util.clock import SystemClock
from ctaclient.control.messages import encode_answer, encode_refusal
from ctaclient_agent import log, schedule
from ctaclient_agent.discovery import Discovery
from ctaclient_agent.http import HttpxHttp
from ctaclient_agent.instance import Instance
from ctaclient_agent.listener import Listener
from ctaclient_agent.orphan import OrphanWatch
from ctaclient_agent.refresh import Refresher
from ctaclient_agent.roster import Roster
from ctaclient_agent.vault import Vault
from ctaclient_agent.worker import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ctaclient._util.clock import Clock
    from ctaclient.config.paths import Paths
    from ctaclient.control.messages import Request
    from ctaclient_agent.instance import Holder

_log = logging.getLogger(__name__)

# Waits are sliced: sleep stands still in suspend, and a store on a network file system tells nobody of changes.
_SLICE_S = 30.0
_FIRST_PASS_S = 5.0
# A token request at its limit. Whoever asked is not kept longer: the next client wants the place.
_ASK_TIMEOUT_S = 35.0


def serve(paths: Paths, *, debug: bool, ready: Callable[[Holder], None]) -> Holder | None:
    """Run the agent of `paths.store` until it is told to stop; None. `ready` is called once it serves.

    Returns at once with the other holder when this store has an agent already.
    """
    clock = SystemClock()
    instance = Instance(paths.store)
    holder = instance.take(clock.now())
    if holder is None:
        return instance.holder()
    try:
        secrets = log.Secrets()
        log.log_to_file(paths.agent_log, secrets, debug=debug)
        vault = Vault(paths, learn=secrets.learn)
        refresher = Refresher(vault, Discovery(), HttpxHttp, clock)
        service = Service(paths, holder, vault, refresher, clock, OrphanWatch(instance.store_is_gone, clock))
        _log.info("agent %s started, pid %d, store %s", holder.version, holder.pid, paths.store)
        service.run(lambda: ready(holder))
        _log.info("agent stopped")
    except BaseException:
        _log.exception("agent ended")
        raise
    finally:
        instance.release()
    return None


class Service:
    """Waits for control connections, wake-ups and deadlines; everything slow happens in threads."""

    def __init__(
        self,
        paths: Paths,
        holder: Holder,
        vault: Vault,
        refresher: Refresher,
        clock: Clock,
        orphan_watch: OrphanWatch,
    ) -> None:
        self._paths = paths
        self._holder = holder
        self._clock = clock
        self._stopping = False
        self._orphan_watch = orphan_watch
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
            listener.close()
            self._workers.join()
            self._roster.close()

    def _loop(self, listener: Listener, ready: Callable[[], None]) -> None:
        announced, started = False, self._clock.monotonic()
        offset = self._offset()
        while not self._stopping:
            if self._orphan_watch.is_orphan():
                _log.warning("the store is gone")
                return
            before, offset = offset, self._offset()
            if schedule.clock_stepped_back(before, offset):
                _log.warning("the clock was set back by %.0f s", before - offset)
                self._roster.after_clock_step()
            self._scan()
            for profile, known in self._roster.take_due():
                self._workers.start(profile, known)
            passed_s = self._clock.monotonic() - started
            if not announced and (passed_s >= _FIRST_PASS_S or not self._roster.refreshing()):
                announced = True
                ready()
            self._wait(listener, _SLICE_S if announced else _FIRST_PASS_S - passed_s)

    def _scan(self) -> None:
        try:
            self._roster.scan()
        except OSError as error:
            # A home that is away for a while (NFS, an expired Kerberos ticket) is no reason to end (agent.md 5).
            _log.warning("the store cannot be read: %s", error.strerror)

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
            return encode_answer(pid=self._holder.pid)
        if request.op == "reload":
            self._roster.scan(again=True)
            self._wake()
            return encode_answer(profiles=self._roster.facts())
        if request.op == "refresh":
            if request.profile is None:
                return encode_refusal("'refresh' needs a profile")
            facts = self._roster.ask(request.profile, _ASK_TIMEOUT_S)
            return encode_answer(**facts) if facts else encode_refusal(f"no login for profile {request.profile!r}")
        return encode_answer(**self._status())

    def _status(self) -> dict[str, Any]:
        return {
            "pid": self._holder.pid,
            "host": socket.gethostname(),
            "version": self._holder.version,
            "started_at": self._holder.started_at,
            "store": str(self._paths.store),
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
