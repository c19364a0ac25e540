"""One agent on a simulated host: the parts of the real one, but for control socket and HTTP. Run as a program.

`python -m tests.agent.hosts.host BASE HOST STOPS`: the store is `BASE/store`, what belongs to the host `BASE/HOST`, and
the issuer listens at `BASE/issuer`. A file in `BASE/stops` makes the next sender stop itself right before it sends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from ctaclient._util.clock import SystemClock
from ctaclient.control.address import socket_address
from ctaclient.errors import Disconnected, Timeout
from ctaclient_agent.issuer.discovery import Discovery, well_known_urls
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.process.hygiene import harden
from ctaclient_agent.refreshing.refresh import Refresher
from ctaclient_agent.refreshing.roster import Roster
from ctaclient_agent.refreshing.tenure import Tenure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctaclient_agent.issuer.send_limit import SendLimit

ISSUER = "https://issuer.example"
TERMS = Terms(lease_s=1.5, tick_s=0.3, spending_s=3.0)


class SocketHttp:
    """`Http` to the test's issuer. The limit of sending is the real one."""

    def __init__(self, base: Path, *, before_sending: Callable[[], None] = lambda: None) -> None:
        self._base = base
        self._before_sending = before_sending

    def get(self, url: str) -> Reply:
        known = url == well_known_urls(ISSUER)[0]
        document = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
        return Reply(200 if known else 404, {}, json.dumps(document).encode())

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], *, limit: SendLimit | None = None
    ) -> Reply:
        assert limit is not None
        with socket.socket(socket.AF_UNIX) as connection:
            with socket_address(self._base / "issuer") as address:
                connection.connect(address)
            try:
                limit.begin()
            except TimeoutError:
                raise Timeout("too late") from None
            self._before_sending()
            connection.sendall(form["refresh_token"].encode() + b"\n")
            limit.end()
            line = connection.makefile("rb").readline()
        if not line:
            raise Disconnected("no answer")
        status, body = json.loads(line)
        return Reply(status, {}, json.dumps(body).encode())

    def __enter__(self) -> SocketHttp:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def stop_if_told(base: Path) -> None:
    """Stop this process, if there is an order that no other has taken."""
    for order in (base / "stops").iterdir():
        with contextlib.suppress(FileNotFoundError):  # another was faster
            order.rename(base / f"stopped-{order.name}-{os.getpid()}")
            os.kill(os.getpid(), signal.SIGSTOP)
            return


def main(base: Path, host: str) -> None:
    """Serve until the end of standard input."""
    harden()
    clock = SystemClock()
    me = this_process(clock.now(), boot=f"boot of {host}")
    vault = Vault(base / "store", Machine(base / host, base / "store"))
    vault.machine.make_key()

    def open_spending(profile: str) -> Lease:
        return Lease(vault.spending_dir(profile), me, clock, TERMS.spending_s)

    lease = Lease(base / "store" / "lease", me, clock, TERMS.lease_s)
    tenure = Tenure(lease, vault, open_spending, me, clock, every_s=TERMS.tick_s)

    def open_http(_: str | None) -> SocketHttp:
        return SocketHttp(base, before_sending=lambda: stop_if_told(base))

    refresher = Refresher(vault, Discovery(), open_http, open_spending, clock, may_refresh=tenure.holds)
    roster = Roster(vault, clock, SystemRandom(), lambda: None)
    print("ready", flush=True)
    while True:
        roster.set_role(refreshes=tenure.tick())
        roster.scan()
        for profile, known in roster.take_due():
            roster.finish(profile, refresher.refresh(profile, known=known))
        at = roster.next_at()
        wait_s = TERMS.tick_s if at is None else min(TERMS.tick_s, max(at - clock.now(), 0))
        if select.select([sys.stdin], [], [], wait_s)[0]:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
