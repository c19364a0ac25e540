"""An issuer that is away for a while: no login is lost, readers are served, and it is over soon after."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.messages import Request
from tests.providers.conftest import sandbox_issuer
from tests.providers.fault import HTML, PORTAL, Fault, unavailable
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient.sandbox import Sandbox
    from tests.providers.fault_layer import FaultLayer
    from tests.providers.home import Home
    from tests.providers.issuer import Issuer
    from tests.providers.layered import Layered

RECOVERY_S = 30.0
OUTAGES = [
    pytest.param(unavailable(times=None), id="503"),
    pytest.param(Fault("drop_before", times=None), id="drop", marks=pytest.mark.slow),
    pytest.param(Fault("hang", times=None), id="hang"),
    pytest.param(
        Fault("answer", times=None, status=200, headers=HTML, body=PORTAL.decode()), id="portal", marks=pytest.mark.slow
    ),
    pytest.param(Fault("answer", times=None, status=502), id="502 without a word", marks=pytest.mark.slow),
    pytest.param(Fault("answer", path_part="/", times=None), id="discovery too", marks=pytest.mark.slow),
]


def has_expired(home: Home) -> bool:
    end = home.record().expires_at
    assert end is not None
    return end <= time.time()


@pytest.mark.parametrize("fault", OUTAGES)
def test_an_outage_costs_nothing(brisk_layered_home: Home, layer: FaultLayer, fault: Fault) -> None:
    home = brisk_layered_home
    home.first_login()
    layer.fault(fault)
    eventually(lambda: any(exchange.fault for exchange in layer.asked("/")))
    before = home.generation()
    # The token is served while it lives, without a question to anybody.
    if not has_expired(home):
        assert home.run("token").returncode == 0
    eventually(lambda: has_expired(home))
    if fault.action != "hang":
        status = home.run("agent", "status")
        assert status.returncode == 0  # running; nobody has to log in
        assert home.facts()["state"] in ("backoff", "refreshing")
        assert home.facts()["last_error"]
    assert home.generation() == before
    layer.clear()
    eventually(lambda: home.generation() > before, timeout_s=RECOVERY_S)
    eventually(lambda: home.facts()["state"] == "fresh")
    assert home.facts()["last_error"] is None
    assert "login needed" not in home.log()
    done = home.run("token")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_client_in_an_outage_is_told_of_it(brisk_layered_home: Home, layer: FaultLayer) -> None:
    home = brisk_layered_home
    home.first_login()
    layer.fault(unavailable(times=None))
    eventually(lambda: has_expired(home))
    done = home.run("token")
    assert (done.returncode, done.stdout) == (7, "")  # waiting helps; 4 would send the user to log in, in vain
    first, second = done.stderr.splitlines()
    assert first.startswith("ctaclient: there is no such token for profile localhost now: ")
    assert "503" in first
    assert second == "  try: ctaclient agent status"


def test_retry_after_is_honoured(brisk_layered_home: Home, layer: FaultLayer) -> None:
    home = brisk_layered_home
    home.first_login()
    layer.fault(unavailable(retry_after="4"))
    eventually(lambda: home.facts()["state"] == "backoff")
    answer = home.ask(Request("refresh", home.profile))  # nor does a client's wish shorten it
    assert answer["refreshed"] is False
    eventually(lambda: len(layer.since_fault()) >= 2)
    refused, accepted = layer.since_fault()[:2]
    assert refused.client_status == 503
    assert refused.ended_at_s is not None
    assert 3.9 <= accepted.asked_at_s - refused.ended_at_s < 4 + 3  # not before, and soon after
    eventually(lambda: home.facts()["last_error"] is None)
    assert accepted.client_status == 200


@pytest.mark.slow
def test_without_retry_after_attempts_keep_apart(brisk_layered_home: Home, layer: FaultLayer) -> None:
    home = brisk_layered_home
    home.first_login()
    layer.fault(unavailable(times=None))
    eventually(lambda: len(layer.since_fault()) >= 4)
    times = [exchange.asked_at_s for exchange in layer.since_fault()]
    # even with the luckiest jitter
    assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(times))


def test_one_hanging_issuer_delays_no_other(
    home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer, brisk_sandbox: Sandbox, tmp_path: Path
) -> None:
    home = home_on(layered.issuer("brisk"))
    home.first_login(*home.arguments(), "--profile", "hanging")
    both = tmp_path / "both.pem"
    both.write_bytes(layer.ca_file.read_bytes() + brisk_sandbox.ca_file.read_bytes())
    other = home_on(replace(sandbox_issuer(brisk_sandbox), ca_file=both))
    other.first_login(*other.arguments(), "--profile", "other")
    assert other.pid() == home.pid()

    layer.fault(Fault("hang", times=None))
    eventually(lambda: home.status()["profiles"]["hanging"]["state"] == "refreshing")
    hanging, before = home.record("hanging").generation, other.record("other").generation
    eventually(lambda: other.record("other").generation >= before + 2)
    begun = time.monotonic()
    assert other.ask(Request("refresh", "other"))["profile"] == "other"
    assert home.status()["profiles"]["hanging"]["state"] == "refreshing"
    assert time.monotonic() - begun < 2
    assert home.record("hanging").generation == hanging
    layer.clear()
    eventually(lambda: home.record("hanging").generation > hanging, timeout_s=RECOVERY_S)


@pytest.mark.slow
def test_an_issuer_that_never_answers_is_left_after_30_s(brisk_layered_home: Home, layer: FaultLayer) -> None:
    home = brisk_layered_home
    home.first_login()
    layer.fault(Fault("hang"))
    eventually(layer.since_fault)
    begun, before = time.monotonic(), home.generation()
    eventually(lambda: home.generation() > before, timeout_s=40)
    assert 29 < time.monotonic() - begun < 36
    assert "did not answer within 30 s" in home.log()


@pytest.mark.slow
def test_the_wait_between_attempts_stays_below_30_s(brisk_layered_home: Home, layer: FaultLayer) -> None:
    """Long enough for the back-off to be as long as it gets."""
    home = brisk_layered_home
    home.first_login()
    layer.fault(unavailable(times=None))
    begun = time.monotonic()
    eventually(lambda: time.monotonic() - begun > 100, timeout_s=110)
    returned = time.monotonic()
    before = home.generation()
    layer.clear()
    eventually(lambda: home.generation() > before, timeout_s=RECOVERY_S + 2)
    assert time.monotonic() - returned <= RECOVERY_S
    assert home.facts()["last_error"] is None
