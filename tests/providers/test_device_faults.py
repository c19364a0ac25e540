"""The device flow (RFC 8628) as the issuer sees it: when polls come, and how it ends."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.providers.device_pkce import DevicePkce
from tests.providers.fault import DEVICE, HTML, PORTAL, Fault, oauth_error
from tests.providers.oidc_provider import HURRY_S
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.providers.fault_layer import FaultLayer
    from tests.providers.home import Home
    from tests.providers.issuer import Approve, Issuer
    from tests.providers.layered import Layered


def waits(layer: FaultLayer) -> list[float]:
    """Seconds from the end of each poll to the next one."""
    polls = layer.asked(grant=DEVICE)
    return [after.asked_at_s - (before.ended_at_s or 0) for before, after in itertools.pairwise(polls)]


def after_polls(layer: FaultLayer, count: int, approve: Approve) -> Approve:
    """A person who takes so long to approve that the device has asked `count` times."""

    def approve_late(verification_uri: str, user_code: str, ca_file: Path, *, deny: bool = False) -> None:
        eventually(lambda: len(layer.asked(grant=DEVICE)) >= count, timeout_s=40)
        approve(verification_uri, user_code, ca_file, deny=deny)

    return approve_late


def nobody(*_: object, **__: object) -> None:
    """A person who does not come."""


def home_after_polls(home_on: Callable[[Issuer], Home], layered: Layered, count: int) -> Home:
    issuer = layered.issuer("quick")
    return home_on(replace(issuer, approve=after_polls(layered.layer, count, issuer.approve)))


def test_polls_keep_the_interval_and_slow_down_when_told(
    home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer
) -> None:
    home = home_after_polls(home_on, layered, 3)
    layer.fault(oauth_error("authorization_pending", grant=DEVICE), oauth_error("slow_down", grant=DEVICE))
    home.first_login()
    after_pending, after_slow_down, and_from_then_on = waits(layer)
    assert 1 <= after_pending < 3
    assert 1 + 5 <= after_slow_down < 1 + 5 + 2
    assert 1 + 5 <= and_from_then_on < 1 + 5 + 2


@pytest.mark.slow
def test_polls_get_rarer_while_the_issuer_is_away(
    home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer
) -> None:
    home = home_after_polls(home_on, layered, 2)
    layer.fault(Fault("drop_before", grant=DEVICE), Fault("answer", grant=DEVICE))
    home.first_login()
    after_drop, after_503 = waits(layer)
    assert 2 <= after_drop < 4  # RFC 8628 3.5: twice the interval, then twice that
    assert 4 <= after_503 < 6


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(oauth_error("temporarily_unavailable", status=503, grant=DEVICE), id="503"),
        pytest.param(
            Fault("answer", grant=DEVICE, status=200, headers=HTML, body=PORTAL.decode()),
            id="portal",
            marks=pytest.mark.slow,
        ),
        pytest.param(Fault("drop_before", path_part="/jwks"), id="the keys of the ID token"),
    ],
)
def test_an_approval_survives_what_passes(
    home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer, fault: Fault
) -> None:
    home = home_on(layered.issuer("quick"))
    layer.fault(fault)
    home.first_login()
    assert home.facts()["state"] == "fresh"


@pytest.mark.parametrize(
    ("code", "said", "cure"),
    [
        ("access_denied", "the login was denied", "ctaclient start-agent"),
        ("expired_token", "nobody approved the login in time", "ctaclient start-agent"),
        ("invalid_grant", "the issuer refused the login: invalid_grant: scripted invalid_grant", None),
    ],
)
def test_errors_that_end_it(
    home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer, code: str, said: str, cure: str | None
) -> None:
    home = home_on(replace(layered.issuer("quick"), approve=nobody))
    layer.fault(oauth_error(code, grant=DEVICE, times=None))
    done = home.start_agent(*home.arguments())
    assert done.exit_code == 4
    assert [line for line in done.stderr.splitlines() if line.startswith("ctaclient: ")] == [f"ctaclient: {said}"]
    if cure:
        assert f"  try: {cure}" in done.stderr
    assert len(layer.asked(grant=DEVICE)) == 1  # and nothing more after that
    assert not home.has_login()


def test_a_code_that_nobody_approves(home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer) -> None:
    home = home_on(replace(layered.issuer("hurried"), approve=nobody))
    begun = time.monotonic()
    done = home.start_agent(*home.arguments("hurried"))
    assert (done.exit_code, home.has_login()) == (4, False)
    assert "ctaclient: nobody approved the login in time" in done.stderr
    assert time.monotonic() - begun < HURRY_S + 5  # by its own clock, whatever the issuer says
    assert 1 <= len(layer.asked(grant=DEVICE)) <= HURRY_S


def test_pkce_where_it_is_demanded(home_on: Callable[[Issuer], Home], layered: Layered, layer: FaultLayer) -> None:
    layer.device_pkce = DevicePkce()
    home = home_on(layered.issuer("quick"))
    home.first_login()
    poll = layer.asked(grant=DEVICE)[-1]
    assert len(poll.form["code_verifier"]) >= 43
    assert poll.form["code_verifier"] not in home.log()
