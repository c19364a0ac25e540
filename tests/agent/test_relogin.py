"""A login in the place of another: whose it is, and what becomes of the tokens that nobody has any more."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient.sandbox.faults.fault import Fault
from ctaclient_agent.issuer.answers import Tokens

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome


def revocations(home: AgentHome) -> list[int]:
    return [record.status for record in home.sandbox.records("issuer") if record.path == "/revoke"]


def test_another_account_does_not_take_a_profile_over(agent_home: AgentHome) -> None:
    agent_home.log_in()
    assert agent_home.run("stop-agent").returncode == 0
    vault = agent_home.vault()
    login = vault.load("localhost")
    assert login is not None
    with vault.lock("localhost"):
        vault.save(replace(login, subject="somebody-else"), Tokens("token-1", 60.0), time.time())
    before, asked = vault.load("localhost"), len(revocations(agent_home))
    done = agent_home.start(*agent_home.arguments(), "--new-login")
    assert done.exit_code == 6
    assert "profile localhost belongs to another account of this issuer" in done.stderr
    assert "ctaclient logout --profile localhost" in done.stderr
    assert vault.load("localhost") == before
    assert revocations(agent_home)[asked:] == [200, 200]  # of the tokens that came


def test_the_login_before_is_ended(agent_home: AgentHome) -> None:
    agent_home.log_in()
    asked = len(revocations(agent_home))
    done = agent_home.start("--new-login")
    assert done.exit_code == 0, done.stderr
    assert "may still work" not in done.stderr
    assert revocations(agent_home)[asked:] == [200]
    assert agent_home.facts()["state"] == "fresh"


def test_a_login_before_that_cannot_be_ended_is_told(busy_home: AgentHome) -> None:
    busy_home.log_in()
    busy_home.sandbox.fault("issuer", Fault("status", method="POST", path_part="/revoke", status=503))
    done = busy_home.start("--new-login")
    assert done.exit_code == 0, done.stderr
    assert "the login before may still work at the issuer: the issuer did not revoke it: HTTP 503" in done.stderr


def test_where_that_would_end_all_logins_it_is_left(agent_home: AgentHome) -> None:
    agent_home.log_in()
    table = f'\n[issuers."{agent_home.sandbox.issuer_url}"]\nrevocation_ends_all = true\n'
    config = agent_home.paths.config_file
    config.write_text(config.read_text() + table)
    asked = len(revocations(agent_home))
    assert agent_home.start("--new-login").exit_code == 0
    assert revocations(agent_home)[asked:] == []


def test_tokens_that_make_no_login_are_revoked(agent_home: AgentHome) -> None:
    asked = len(revocations(agent_home))
    done = agent_home.start(*agent_home.arguments(), "--scope", "openid")
    assert done.exit_code == 4
    assert "no refresh token" in done.stderr
    assert revocations(agent_home)[asked:] == [200]
