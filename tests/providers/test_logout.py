"""The end of a login at each issuer: nothing works any more that the agent had, and nothing is left of it here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient._util.clock import SystemClock
from ctaclient.sandbox import Fault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease, Terms
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.providers.home import Home
    from tests.support.agent_home import AgentHome


def files(home: AgentHome) -> set[str]:
    return {path.name for path in home.store.profile_dir(home.profile).iterdir()}


def test_a_login_ends_at_the_issuer_and_here(home: Home) -> None:
    home.first_login()
    refresh_token = home.login().refresh_token
    done = home.run("logout")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "logged out of profile localhost: its tokens are revoked at localhost, and its files here are" in done.stderr
    assert home.redeem(refresh_token) == (400, "invalid_grant")
    assert files(home) == {"spending"}
    eventually(lambda: home.status()["profiles"] == {})
    after = home.run("token")
    assert after.returncode == 4
    assert "start-agent" in after.stderr

    again = home.run("logout")
    assert (again.returncode, again.stderr) == (0, "you are not logged in to profile localhost\n")
    home.first_login("--profile", "localhost")  # what was saved is still there


def test_a_confidential_client(home: Home) -> None:
    home.first_login(*home.confidential())
    assert home.run("stop-agent").returncode == 0
    done = home.run("logout", "--profile", "localhost")
    assert done.returncode == 0, done.stderr
    assert "revoked" in done.stderr
    assert files(home) == {"spending"}


def test_a_login_that_is_replaced_ends_and_the_new_one_goes_on(home: Home) -> None:
    home.first_login()
    before = home.login().refresh_token
    done = home.first_login("--new-login")
    assert "may still work" not in done.stderr
    assert home.run("stop-agent").returncode == 0
    home.go_on()  # by a refresh
    assert home.redeem(before) == (400, "invalid_grant")


def test_an_unknown_profile_is_a_mistake(home: Home) -> None:
    done = home.run("logout", "--profile", "nobody")
    assert done.returncode == 2
    assert "there is no profile 'nobody'" in done.stderr


def test_without_network_the_files_go_all_the_same(busy_home: AgentHome) -> None:
    busy_home.log_in()
    busy_home.end()
    busy_home.sandbox.stop()
    done = busy_home.run("logout")
    assert done.returncode == 7
    assert "logged out of profile localhost here: its files are deleted\n" in done.stderr
    assert "the refresh token, deleted here, still works at the issuer until it expires there unused: " in done.stderr
    assert "cannot connect to localhost" in done.stderr
    assert files(busy_home) == {"spending"}


def test_an_issuer_that_is_busy(busy_home: AgentHome) -> None:
    busy_home.log_in()
    busy_home.end()
    busy = Fault("status", method="POST", path_part="/revoke", status=503, headers={"Retry-After": "600"})
    busy_home.sandbox.fault("issuer", busy)
    done = busy_home.run("logout")
    assert done.returncode == 7
    assert "HTTP 503, and asks to try again in 600 s" in done.stderr
    assert files(busy_home) == {"spending"}


def test_a_login_that_cannot_be_opened_any_more(busy_home: AgentHome) -> None:
    busy_home.log_in()
    busy_home.end()
    busy_home.vault().machine.key_file.unlink()
    done = busy_home.run("logout")
    assert done.returncode == 4
    assert "still works at the issuer for as long as the issuer lets it: this machine has no key" in done.stderr
    assert files(busy_home) == {"spending"}


def test_a_machine_that_cannot_open_the_login_leaves_it_to_the_one_that_keeps_it(busy_home: AgentHome) -> None:
    busy_home.log_in()
    assert busy_home.run("stop-agent").returncode == 0  # it gives up its lease
    busy_home.vault().machine.key_file.unlink()
    clock = SystemClock()
    elsewhere = replace(this_process(clock.now(), boot="another"), host="elsewhere.example")
    lease = Lease(busy_home.paths.store / "lease", elsewhere, clock, Terms().lease_s)
    assert lease.take()
    before = files(busy_home)
    done = busy_home.run("logout")
    assert done.returncode == 4
    assert "try: ctaclient logout on elsewhere.example, whose agent keeps it\n" in done.stderr
    assert files(busy_home) == before | {"spending"}


def test_the_link_for_other_programs_goes_too(agent_home: AgentHome, tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    agent_home.environ["XDG_RUNTIME_DIR"] = str(runtime)
    agent_home.log_in()
    assert agent_home.run("agent", "link").returncode == 0
    assert len(list(runtime.glob("bt_u*"))) == 1
    assert agent_home.run("logout").returncode == 0
    assert not any(runtime.glob("bt_u*"))
