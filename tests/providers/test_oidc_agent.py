"""A profile whose tokens come from a real oidc-agent, which has an account at a real provider."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient import Client
from ctaclient._util.clock import SystemClock
from ctaclient.config.file import save_profile
from ctaclient.config.profiles import Profile
from ctaclient.config.settings import Arguments
from ctaclient.errors import LoginRequired
from ctaclient.identity import Identity
from ctaclient.tokens.token import claims
from tests.comparison.oidc_agent import OidcAgent
from tests.providers import oidc_provider
from tests.support.user_home import UserHome
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.providers.issuer import Issuer

ACCOUNT = "cta"


@pytest.fixture
def brisk(request: pytest.FixtureRequest) -> Issuer:
    """oidc-provider with tokens of a few seconds. Both programs must be there, or the test is skipped."""
    agent = shutil.which("oidc-agent") is not None
    for name, installed, install in (
        ("oidc-agent", agent, "apt-get install --no-install-recommends oidc-agent-cli"),
        ("oidc-provider", oidc_provider.is_installed(), oidc_provider.INSTALL),
    ):
        if not installed:
            why = f"{name} is missing: {install}"
            if os.environ.get("CTACLIENT_TEST_SERVERS") == "required":
                pytest.fail(why)
            pytest.skip(why)
    provider = request.getfixturevalue("provider")
    assert isinstance(provider, oidc_provider.OidcProvider)
    return provider.issuer("brisk")


@pytest.fixture
def home(tmp_path: Path, brisk: Issuer) -> Iterator[UserHome]:
    """A home with a profile that names the account, and nothing in its store."""
    place = tmp_path / "oidc-agent"
    place.mkdir(mode=0o700)
    home = UserHome(tmp_path / "user")
    profile = Profile("site", storage_url="https://site.example", issuer=brisk.url, oidc_agent_account=ACCOUNT)
    save_profile(home.paths.config_file, profile, make_default=True)
    agent = OidcAgent(place)
    try:
        said = agent.log_in(brisk, ACCOUNT)
        assert said.exit_code == 0, said.stderr
        home.environ["OIDC_SOCK"] = str(agent.socket)
        yield home
    finally:
        agent.end()


def test_tokens_of_an_account(home: UserHome, brisk: Issuer) -> None:
    client = Client(environ=home.environ)
    first = client.token()
    assert claims(first.value)["iss"] == brisk.url
    assert first.expires_at == pytest.approx(claims(first.value)["exp"], abs=1)
    assert client.token() == first  # kept in memory: oidc-agent itself would make a new one each time

    eventually(lambda: client.token() != first)  # before its end, and not long after
    assert client.token().ttl_s(SystemClock().now()) > 0

    identity = Identity(Arguments(), home.environ, SystemClock())
    source = identity.token_source(identity.settings)
    refused = source.get()
    another = source.replace(refused)
    assert another is not None
    assert another.value != refused.value

    done = subprocess.run(
        [sys.executable, "-P", "-m", "ctaclient", "token"],
        env=home.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert claims(done.stdout.strip())["iss"] == brisk.url
    assert not home.paths.store.exists()


def test_an_account_that_is_not_there(home: UserHome) -> None:
    text = home.paths.config_file.read_text()
    home.paths.config_file.write_text(text.replace(f'"{ACCOUNT}"', '"nobody"'))
    with pytest.raises(LoginRequired, match="No account configured with that short name") as caught:
        Client(environ=home.environ).token()
    assert caught.value.hint == "oidc-add nobody"


def test_an_account_of_another_issuer(home: UserHome) -> None:
    text = home.paths.config_file.read_text()
    home.paths.config_file.write_text(text.replace('issuer = "https://localhost', 'issuer = "https://other.example'))
    with pytest.raises(LoginRequired, match="is of another issuer than the profile"):
        Client(environ=home.environ).token()
