"""A login where nobody names a client: it registers itself, is used again, and goes when the login does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Fault, Options, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.providers.home import Home
    from tests.support.agent_home import AgentHome


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that registers nobody."""
    with Sandbox.start(tmp_path / "closed", Options(registration=False)) as running:
        yield running


def test_it_registers_logs_in_and_is_deleted_at_logout(home: Home) -> None:
    done = home.first_login(*home.unregistered())
    login = home.login()
    assert login.registered_for == "device"
    assert f"registered a client for this machine: {login.client_id}\n" in done.stderr
    assert login.registration_token is not None
    assert login.registration_token not in done.stderr
    assert home.token().claims["client_id"] == login.client_id
    assert "client_id" not in home.paths.config_file.read_text()  # the next login may have another one
    home.go_on()
    assert home.client_is_known(login.client_id)

    ended = home.run("logout")
    assert ended.returncode == 0, ended.stderr
    assert not home.client_is_known(login.client_id)


def test_the_next_login_uses_it_again(home: Home) -> None:
    home.first_login(*home.unregistered())
    first = home.login()
    again = home.first_login("--profile", "localhost", "--scope", "openid offline_access storage.read:/")
    assert f"using the client: {first.client_id}\n" in again.stderr
    assert home.login().client_id == first.client_id
    assert home.login().registration_token == first.registration_token


def test_a_client_that_the_issuer_forgot_is_registered_anew(home: Home) -> None:
    home.first_login(*home.unregistered())
    login = home.login()
    assert home.delete_client(login) == 204
    again = home.first_login("--profile", "localhost", "--scope", "openid offline_access storage.read:/")
    assert f"using the client: {login.client_id}\n" in again.stderr
    assert home.login().client_id != login.client_id


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<html>"),  # INDIGO IAM for a client that is gone
        (400, '{"error": "invalid_scope"}'),  # it was registered for less
    ],
)
def test_a_client_that_does_not_serve_is_replaced(agent_home: AgentHome, status: int, body: str) -> None:
    sandbox = agent_home.sandbox
    unregistered = ["--issuer", sandbox.issuer_url, "--storage-url", sandbox.storage_url]
    assert agent_home.start(*unregistered).exit_code == 0
    sandbox.fault("issuer", Fault("status", path_part="/device_authorization", status=status, body=body))
    done = agent_home.start(*unregistered, "--scope", "openid offline_access storage.read:/")
    assert done.exit_code == 0, done.stderr
    assert "using the client: " in done.stderr
    assert "registered a client for this machine: " in done.stderr


def test_a_named_client_takes_the_place_of_ones_own(home: Home) -> None:
    home.first_login(*home.unregistered())
    own = home.login().client_id
    home.first_login(*home.arguments())
    assert home.login().client_id == home.issuer.client_id
    assert home.login().registered_for is None
    assert not home.client_is_known(own)


def test_a_login_that_is_denied_leaves_no_client(home: Home) -> None:
    done = home.start_agent(*home.unregistered(), deny=True)
    assert done.exit_code == 4
    (line,) = [line for line in done.stderr.splitlines() if "registered a client" in line]
    assert not home.client_is_known(line.rpartition(" ")[2])
    assert not home.has_login()


def test_a_closed_issuer_needs_a_named_client(closed: Sandbox, make_home: Callable[[Sandbox], AgentHome]) -> None:
    home = make_home(closed)
    done = home.start("--issuer", closed.issuer_url, "--storage-url", closed.storage_url)
    assert done.exit_code == 2
    assert "has no client id, and the issuer" in done.stderr
    assert "did not register one: insufficient_scope: Policy 'Trusted Hosts' rejected request\n" in done.stderr
    assert "try: add --client-id ID" in done.stderr


def test_a_closed_issuer_with_a_known_public_client(closed: Sandbox, make_home: Callable[[Sandbox], AgentHome]) -> None:
    home = make_home(closed)
    home.paths.config.mkdir(mode=0o700, parents=True)
    home.paths.config.parent.chmod(0o700)
    table = f'[issuers."{closed.issuer_url}/"]\nclient_id = "{closed.client_id}"\nregistration = true\n'
    home.paths.config_file.write_text(table)
    done = home.start("--issuer", closed.issuer_url, "--storage-url", closed.storage_url)
    assert done.exit_code == 0, done.stderr
    assert f"using the client: {closed.client_id}\n" in done.stderr
    assert table in home.paths.config_file.read_text()  # saving the profile left it alone


def test_a_secret_without_its_client(home: Home) -> None:
    done = home.start_agent(*home.unregistered(), "--client-secret-file", str(home.issuer.client_secret_file))
    assert done.exit_code == 2
    assert "try: add --client-id ID" in done.stderr
