"""What ends a login for good, in the words of several issuers, and what is said of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.providers.fault import REFRESH, Fault, oauth_error
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.providers.fault_layer import FaultLayer
    from tests.providers.home import Home

ECHO = oauth_error("invalid_token", status=401, description="Invalid refresh token: {refresh_token}")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(oauth_error("invalid_client", status=401), id="the client is gone"),
        pytest.param(
            oauth_error("unauthorized_client"), id="the client may not refresh any more", marks=pytest.mark.slow
        ),
        pytest.param(
            oauth_error("invalid_grant", description="Session not active"), id="Keycloak", marks=pytest.mark.slow
        ),
        pytest.param(ECHO, id="IAM"),
    ],
)
def test_a_final_refusal(fleeting_layered_home: Home, layer: FaultLayer, fault: Fault) -> None:
    home = fleeting_layered_home
    home.first_login()
    layer.fault(fault)
    eventually(lambda: home.facts()["state"] == "login_required")
    code = fault.body.split('"')[3]
    assert home.facts()["last_error"].startswith(f"the issuer ended the login: {code}: ")
    assert home.run("agent", "status").returncode == 4
    assert home.log().count("login needed") == 1
    assert len(layer.since_fault()) == 1  # asked once, and not again and again

    # A new login mends it, in the same agent.
    pid = home.pid()
    home.first_login()
    assert (home.pid(), home.facts()["state"]) == (pid, "fresh")
    assert home.run("agent", "status").returncode == 0


def test_an_echoed_refresh_token_is_nowhere(fleeting_layered_home: Home, layer: FaultLayer) -> None:
    home = fleeting_layered_home
    home.first_login("--debug", *home.arguments())
    layer.fault(ECHO)
    eventually(lambda: home.facts()["state"] == "login_required")
    eventually(lambda: (home.record().expires_at or 0) < time.time())
    said = [home.run(*words) for words in (["agent", "status"], ["agent", "status", "--json"], ["token", "--debug"])]
    assert [done.returncode for done in said] == [4, 4, 4]
    assert home.run("stop-agent").returncode == 0
    # And in a start that tries the login once more, which the issuer echoes, too.
    layer.fault(ECHO)
    started = home.start_agent("--debug", deny=True)
    assert started.exit_code == 4
    seen = layer.asked(grant=REFRESH)
    secrets = {exchange.form["refresh_token"] for exchange in seen} | {
        exchange.form.get("device_code") for exchange in layer.asked()
    }
    secrets.discard(None)
    assert len(secrets) >= 2
    texts = {
        "stdout": "".join(done.stdout for done in said) + started.stdout,
        "stderr": "".join(done.stderr for done in said) + started.stderr,
        "the log": home.log(),
        **{str(path): path.read_text(errors="replace") for path in home.home.rglob("*") if path.is_file()},
    }
    assert str(home.store.record_file(home.profile)) in texts
    assert "invalid_token" in texts["the log"]
    for secret in secrets:
        assert not [name for name, text in texts.items() if str(secret) in text]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(oauth_error("temporarily_unavailable"), id="temporarily_unavailable"),
        pytest.param(oauth_error("invalid_request"), id="invalid_request", marks=pytest.mark.slow),
        pytest.param(oauth_error("invalid_grant", status=500), id="invalid_grant with 500"),
        pytest.param(Fault("answer", status=401, body="Unauthorized"), id="401 of a proxy"),
        pytest.param(Fault("answer", status=403, body="{}"), id="403 without an error", marks=pytest.mark.slow),
    ],
)
def test_what_does_not_end_it(fleeting_layered_home: Home, layer: FaultLayer, fault: Fault) -> None:
    home = fleeting_layered_home
    home.first_login()
    layer.fault(fault)
    eventually(lambda: len(layer.since_fault()) >= 2)
    eventually(lambda: home.facts()["last_error"] is None)
    assert [exchange.client_status for exchange in layer.since_fault()[:2]] == [fault.status, 200]
    assert "login needed" not in home.log()
