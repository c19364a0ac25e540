"""How a login lives on at each issuer: renewed ahead, rotated, across kills and stops; and how it ends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from ctaclient._util.private import write_private
from ctaclient.control.messages import Request
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.providers.home import Home

ENDED = "the issuer ended the login: invalid_grant"


def rotate(home: Home) -> bytes:
    """Have the refresh token spent for a new one; the sealed login as it was before."""
    sealed = home.vault().sealed_file(home.profile).read_bytes()
    before = home.generation()
    assert home.run("stop-agent").returncode == 0
    home.go_on()
    assert home.generation() == before + 1
    return sealed


def put_back(home: Home, sealed: bytes) -> None:
    """Put an earlier sealed login in the place of the present one, as a restored backup would."""
    with home.vault().lock(home.profile):
        write_private(home.vault().sealed_file(home.profile), sealed)


def test_renewed_ahead_and_rotated_and_a_kill_costs_nothing(brisk_home: Home) -> None:
    brisk_home.first_login()
    first, spent = brisk_home.record(), brisk_home.login().refresh_token
    eventually(lambda: brisk_home.generation() >= 2)
    # Right after a refresh, so that none is under way: between spending and storing a kill does cost the login.
    os.kill(brisk_home.pid(), signal.SIGKILL)
    eventually(lambda: not brisk_home.runs())
    second, successor = brisk_home.record(), brisk_home.login().refresh_token
    assert first.expires_at is not None
    assert second.issued_at < first.expires_at
    assert second.token != first.token
    assert successor != spent
    assert brisk_home.token().claims["sub"] == brisk_home.issuer.subject

    brisk_home.go_on()
    assert brisk_home.generation() > second.generation
    assert brisk_home.login().refresh_token != successor
    assert brisk_home.facts()["last_error"] is None


def test_stop_and_start(home: Home) -> None:
    home.first_login()
    spent, pid = home.login().refresh_token, home.pid()
    assert home.run("stop-agent").returncode == 0
    assert not home.runs()
    assert home.run("agent", "status").returncode == 3
    home.go_on()
    assert home.pid() != pid
    assert home.generation() == 2
    assert home.login().refresh_token != spent
    assert home.run("agent", "status").returncode == 0


def test_two_profiles_in_one_agent(brisk_home: Home) -> None:
    brisk_home.first_login(*brisk_home.arguments(), "--profile", "one")
    pid = brisk_home.pid()
    second = brisk_home.first_login(*brisk_home.confidential(), "--profile", "two")
    assert "profile two is the default now (before: one)" in second.stderr
    assert brisk_home.pid() == pid
    before = {name: brisk_home.record(name).generation for name in ("one", "two")}
    eventually(lambda: all(brisk_home.record(name).generation > seen for name, seen in before.items()))
    profiles = brisk_home.status()["profiles"]
    assert sorted(profiles) == ["one", "two"]
    assert all(facts["last_error"] is None for facts in profiles.values())
    clients = [brisk_home.token(name).claims["client_id"] for name in ("one", "two")]
    assert clients == [brisk_home.issuer.client_id, brisk_home.issuer.confidential_client_id]


def test_a_spent_refresh_token_ends_the_login(home: Home) -> None:
    home.first_login()
    put_back(home, rotate(home))
    home.ask(Request("reload"))
    eventually(lambda: home.facts()["state"] == "login_required")
    reason = home.facts()["last_error"]
    assert reason.startswith(ENDED)
    assert home.record().reason == reason
    assert [line for line in home.log().splitlines() if ENDED in line] == [
        line for line in home.log().splitlines() if line.endswith(f"{home.profile}: login needed: {reason}")
    ]
    status = home.run("agent", "status")
    assert (status.returncode, status.stdout.count(ENDED)) == (4, 1)

    # The token of before lives for minutes yet: nobody may take that for a login that is kept.
    pid = home.pid()
    home.first_login()
    assert (home.pid(), home.generation()) == (pid, 3)
    assert (home.facts()["state"], home.record().state) == ("fresh", "fresh")


def test_a_replay_takes_the_whole_family(home: Home) -> None:
    home.first_login()
    aside, successor = rotate(home), home.login().refresh_token
    home.run("stop-agent")
    put_back(home, aside)
    done = home.start_agent(deny=True)
    assert done.exit_code == 4
    first, *others = done.stderr.splitlines()
    assert first.startswith(f"ctaclient: {ENDED}")
    assert first.endswith("; logging in anew")
    assert ENDED not in "".join(others)
    # RFC 9700 4.14.2: the issuer cannot know which of the two was stolen.
    assert home.redeem(successor) == (400, "invalid_grant")
