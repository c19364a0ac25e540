"""The daemon's parts, but for its loop and socket, refreshing as fast as they can."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import SystemRandom

from ctaclient._util.clock import SystemClock
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.issuer.discovery import Discovery
from ctaclient_agent.issuer.http import HttpxHttp
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.process.hygiene import harden
from ctaclient_agent.process.log import Secrets, log_to_file
from ctaclient_agent.refreshing.refresh import Refresher
from ctaclient_agent.refreshing.roster import Roster
from ctaclient_agent.refreshing.worker import Workers
from tests.support.memory import resident_kib

_PROFILE = "bench"
_SHOWN = (1, 10, 100, 1000, 2000, 5000, 10_000)


def main() -> None:
    """Refresh `argv[3]` times below the directory `argv[1]` at the issuer `argv[2]`.

    Prints the number of refreshes and the resident memory in KiB at some of them, and at the last.
    """
    directory, issuer, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    harden()
    clock, secrets = SystemClock(), Secrets()
    me = this_process(clock.now())
    log_to_file(directory / "log" / "agent.log", secrets, debug=False)
    vault = Vault(directory / "store", Machine(directory / "machine", directory / "store"), learn=secrets.learn)
    vault.machine.make_key()

    def open_spending(profile: str) -> Lease:
        return Lease(vault.spending_dir(profile), me, clock, Terms().spending_s)

    login = Login(
        profile=_PROFILE,
        issuer=issuer,
        generation=0,
        client_id="bench",
        storage_url="https://localhost",
        scope_asked="openid",
        scope="openid",
        subject=None,
        ca_bundle=str(directory / "ca.pem"),
        refresh_token="first",
    )
    with vault.lock(_PROFILE):
        vault.save(login, Tokens("first", 300.0), clock.now())
    roster = Roster(vault, clock, SystemRandom(), lambda: None)
    roster.set_role(refreshes=True)
    roster.scan()
    workers = Workers(Refresher(vault, Discovery(), HttpxHttp, open_spending, clock), roster)
    for number in range(1, count + 1):
        workers.start(_PROFILE, None)
        workers.join()
        if number in (*_SHOWN, count):
            print(number, resident_kib(os.getpid()), flush=True)
    record = vault.store.record(_PROFILE)
    if record is None or record.generation != count + 1:
        raise RuntimeError(f"{count} refreshes, and generation {record and record.generation}")
