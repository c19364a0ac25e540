"""How soon there is a token again after the issuer was away for ten minutes: the agent's own parts on a fast clock."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from ctaclient.errors import ConnectError
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.issuer.discovery import Discovery, well_known_urls
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.refreshing.refresh import Refresher
from ctaclient_agent.refreshing.roster import Roster
from tests.bench.result import Result, spread, timed
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctaclient_agent.issuer.send_limit import SendLimit

OUTAGE_S, LIMIT_S = 600.0, 30.0
_ISSUER, _PROFILE = "https://issuer.example", "bench"
_SEEDS = 40


class _AwayIssuer:
    """An issuer that nobody can reach until `back_at`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.back_at = 0.0
        self.tries = 0

    def get(self, url: str) -> Reply:
        self._reach()
        known = url == well_known_urls(_ISSUER)[0]
        document = {"issuer": _ISSUER, "token_endpoint": f"{_ISSUER}/token"}
        return Reply(200 if known else 404, {}, json.dumps(document).encode())

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], *, limit: SendLimit | None = None
    ) -> Reply:
        self._reach()
        body = {"access_token": "access", "token_type": "Bearer", "expires_in": 300, "refresh_token": "next"}
        return Reply(200, {}, json.dumps(body).encode())

    def _reach(self) -> None:
        self.tries += 1
        if self._clock.now() < self.back_at:
            raise ConnectError("cannot connect to issuer.example: down")

    def __enter__(self) -> _AwayIssuer:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def measure(directory: Path) -> list[Result]:
    """Seconds from the issuer's return to a new token in the store, over many outages."""
    late, tries = zip(*(_outage(directory / str(seed), seed) for seed in range(_SEEDS)), strict=True)
    worst = max(late)
    return [
        timed("new token after an outage of 10 min", late, "s"),
        Result("the longest of all", f"{worst:.1f} s", "", f"≤ {LIMIT_S:g} s", worst <= LIMIT_S),
        Result("requests in that outage", f"{sorted(tries)[_SEEDS // 2]}", spread(tries, 0)),
    ]


def _outage(directory: Path, seed: int) -> tuple[float, int]:
    clock = FakeClock()
    issuer = _AwayIssuer(clock)
    me = this_process(clock.now())
    vault = Vault(directory / "store", Machine(directory / "machine", directory / "store"))
    directory.mkdir(mode=0o700)
    vault.machine.make_key()

    def open_spending(profile: str) -> Lease:
        return Lease(vault.spending_dir(profile), me, clock, Terms().spending_s)

    login = Login(
        profile=_PROFILE,
        issuer=_ISSUER,
        generation=0,
        client_id="bench",
        storage_url="https://storage.example",
        scope_asked="openid",
        scope="openid",
        subject=None,
        ca_bundle=None,
        refresh_token="first",
    )
    with vault.lock(_PROFILE):
        vault.save(login, Tokens("first", 300.0), clock.now())
    roster = Roster(vault, clock, Random(seed), lambda: None)
    roster.set_role(refreshes=True)
    roster.scan()
    refresher = Refresher(vault, Discovery(), lambda _: issuer, open_spending, clock)
    issuer.back_at = (roster.next_at() or clock.now()) + OUTAGE_S
    while True:
        clock.sleep(max((roster.next_at() or clock.now()) - clock.now(), 0.0))
        for profile, known in roster.take_due():
            roster.finish(profile, refresher.refresh(profile, known=known))
        record = vault.store.record(_PROFILE)
        if record is not None and record.generation > 1:
            return clock.now() - issuer.back_at, issuer.tries
