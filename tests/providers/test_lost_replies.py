"""The issuer has rotated the refresh token, and the agent never learns the new one (agent.md 0.3)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.providers.fault import REFRESH, Fault
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.providers.fault import Action
    from tests.providers.fault_layer import FaultLayer
    from tests.providers.home import Home

ACTIONS = [
    "drop_after",
    pytest.param("cut", marks=pytest.mark.slow),
    "truncate",
    pytest.param("html", marks=pytest.mark.slow),
]
WHOLE = ("truncate", "html")  # with 200, but of no use
ENDED = "the issuer ended the login: invalid_grant"


@pytest.mark.parametrize("action", ACTIONS)
def test_with_a_grace_period_it_recovers_by_itself(
    fleeting_layered_home: Home, layer: FaultLayer, action: Action
) -> None:
    home = fleeting_layered_home
    home.first_login()
    layer.grace_s = 60
    layer.fault(Fault(action))
    # The second answer, and a third: what came the second time is good.
    eventually(lambda: len([e for e in layer.since_fault() if e.client_status == 200]) >= 2 + (action in WHOLE))
    lost, repeated = layer.since_fault()[:2]
    assert (lost.fault, lost.issuer_status) == (action, 200)
    assert (repeated.issuer_status, repeated.client_status) == (None, 200)
    assert repeated.form["refresh_token"] == lost.form["refresh_token"]
    assert lost.ended_at_s is not None
    assert repeated.asked_at_s - lost.ended_at_s < 5
    assert "login needed" not in home.log()
    assert home.run("agent", "status").returncode == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_without_one_there_is_one_clear_message(fleeting_layered_home: Home, layer: FaultLayer, action: Action) -> None:
    home = fleeting_layered_home
    home.first_login()
    layer.fault(Fault(action, grant=REFRESH))
    eventually(layer.since_fault)
    begun = time.monotonic()
    eventually(lambda: home.facts()["state"] == "login_required", timeout_s=5)
    assert time.monotonic() - begun < 5

    lost, repeated = layer.since_fault()  # once more, and never again
    assert repeated.form["refresh_token"] == lost.form["refresh_token"]
    assert (repeated.issuer_status, repeated.client_status) == (400, 400)
    record = home.record()
    assert record.state == "login_required"
    assert (record.reason or "").startswith(ENDED)
    assert home.log().count("login needed") == home.log().count(ENDED) == 1
    status = home.run("agent", "status")
    assert (status.returncode, status.stdout.count(ENDED)) == (4, 1)
    eventually(lambda: (home.record().expires_at or 0) < time.time())
    done = home.run("token")
    assert (done.returncode, done.stdout) == (4, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"ctaclient: the login of profile localhost has ended: {ENDED}")
    assert second == "  try: ctaclient start-agent --profile localhost"
    assert len(layer.since_fault()) == 2


@pytest.mark.slow
def test_a_lost_reply_and_an_outage_after_it(fleeting_layered_home: Home, layer: FaultLayer) -> None:
    """A 503 says nothing about the refresh token: it does not use up the second try."""
    home = fleeting_layered_home
    home.first_login()
    layer.grace_s = 60
    layer.fault(Fault("drop_after"), Fault("answer"), Fault("drop_before"))
    eventually(lambda: any(exchange.client_status == 200 for exchange in layer.since_fault()))
    tries = layer.since_fault()[:4]
    assert [exchange.client_status for exchange in tries] == [None, 503, None, 200]
    assert len({exchange.form["refresh_token"] for exchange in tries}) == 1
