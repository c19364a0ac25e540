"""An issuer whose clock is an hour ahead or behind: the login works, its end is right, and it is told once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.providers.fault import REFRESH
from tests.providers.oidc_provider import FLEETING_S, LONG_S
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.providers.home import Home
    from tests.providers.layered import Layered

SHIFTS = [pytest.param(3600.0, id="ahead"), pytest.param(-3600.0, id="behind", marks=pytest.mark.slow)]
WARNING = "the issuer's clock is 60 min"


@pytest.mark.parametrize("shift_s", SHIFTS)
def test_a_login_and_its_end(layered_home: Home, layered: Layered, shift_s: float) -> None:
    layered.shift_clock(shift_s)
    done = layered_home.first_login()
    way = "ahead of" if shift_s > 0 else "behind"
    assert done.stderr.count(WARNING) == done.stderr.count(f"{WARNING} {way} this machine's") == 1
    assert layered_home.token().claims["iat"] == pytest.approx(layered.now(), abs=10)  # so the clock was wrong
    # By this machine's clock, for whoever reads it here.
    record = layered_home.record()
    assert record.expires_at == pytest.approx(done.approved_at + LONG_S, abs=10)
    shown = layered_home.run("token", "--format", "json", "--min-ttl", str(LONG_S - 60))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["expires_at"] == record.expires_at
    assert layered_home.run("token", "--min-ttl", str(LONG_S + 60)).returncode == 4
    # Nothing was asked in vain for that.
    assert len(layered.layer.asked(grant=REFRESH)) <= 1


@pytest.mark.parametrize("shift_s", SHIFTS)
def test_no_storm_and_one_warning(fleeting_layered_home: Home, layered: Layered, shift_s: float) -> None:
    """The clock goes wrong while the agent runs."""
    home = fleeting_layered_home
    home.first_login()
    layered.shift_clock(shift_s)
    before = home.generation()
    begun = time.time()
    eventually(lambda: home.generation() >= before + 3)
    refreshes = len(layered.layer.asked(grant=REFRESH))
    assert refreshes <= 2 + (time.time() - begun) / (0.6 * FLEETING_S)
    end = home.record().expires_at
    assert end is not None
    assert 0 < end - time.time() <= FLEETING_S
    assert home.log().count(WARNING) == 1
    assert home.facts()["last_error"] is None
