"""The issuers that every conformance test of the agent runs against, and an agent's empty home on each."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Options, Sandbox
from ctaclient.sandbox.person import approve
from ctaclient.sandbox.signing import SUBJECT
from tests.providers.home import Home
from tests.providers.issuer import Issuer
from tests.providers.layered import Layered, running_layered
from tests.providers.oidc_provider import INSTALL, SHORT_S, OidcProvider, is_installed, running_provider
from tests.providers.person import allow_in_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.providers.fault_layer import FaultLayer

_MISSING = f"oidc-provider is missing: {INSTALL}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs oidc-provider where there is none, unless none may be skipped (`.ci/run`).

    Here and not in the fixture, so that all of them share one line of the summary.
    """
    callspec = getattr(item, "callspec", None)
    wanted = callspec is not None and callspec.params.get("name") == "oidc-provider"
    wanted = wanted or "layered" in getattr(item, "fixturenames", ())
    if wanted and not is_installed() and os.environ.get("CTACLIENT_TEST_SERVERS") != "required":
        pytest.skip(_MISSING)


@pytest.fixture(scope="session", params=["sandbox", "oidc-provider"])
def name(request: pytest.FixtureRequest) -> str:
    """Each issuer in turn."""
    found: str = request.param
    return found


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """One oidc-provider for each test process. Fails without it, where the tests were not skipped before."""
    if not is_installed():
        pytest.fail(_MISSING)
    with running_provider(tmp_path_factory.mktemp("oidc-provider")) as running:
        yield running


@pytest.fixture(scope="session")
def running_layer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layered]:
    """One oidc-provider with the fault layer in front for each test process."""
    if not is_installed():
        pytest.fail(_MISSING)
    with running_layered(tmp_path_factory.mktemp("layered")) as running:
        yield running


@pytest.fixture
def layered(running_layer: Layered) -> Iterator[Layered]:
    """The same for one test, without any fault yet."""
    running_layer.reset()
    yield running_layer
    running_layer.reset()


@pytest.fixture
def layer(layered: Layered) -> FaultLayer:
    """Its layer."""
    return layered.layer


@pytest.fixture
def layered_home(home_on: Callable[[Issuer], Home], layered: Layered) -> Home:
    """An empty home behind the layer; access tokens live for 300 s."""
    return home_on(layered.issuer("quick"))


@pytest.fixture
def brisk_layered_home(home_on: Callable[[Issuer], Home], layered: Layered) -> Home:
    """An empty home behind the layer; access tokens live for `SHORT_S`."""
    return home_on(layered.issuer("brisk"))


@pytest.fixture
def fleeting_layered_home(home_on: Callable[[Issuer], Home], layered: Layered) -> Home:
    """An empty home behind the layer; access tokens are renewed after about 1.3 s."""
    return home_on(layered.issuer("fleeting"))


@pytest.fixture(scope="session")
def brisk_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose access tokens live for `SHORT_S`."""
    with Sandbox.start(tmp_path_factory.mktemp("sandbox"), Options(access_token_lifetime_s=SHORT_S)) as running:
        yield running


@pytest.fixture
def issuer(name: str, request: pytest.FixtureRequest) -> Issuer:
    """Access tokens live for 300 s; a poll comes every second."""
    return _issuer(name, request, "sandbox", "quick")


@pytest.fixture
def brisk_issuer(name: str, request: pytest.FixtureRequest) -> Issuer:
    """Access tokens live for `SHORT_S`, so the agent renews them after about 2.5 s."""
    return _issuer(name, request, "brisk_sandbox", "brisk")


@pytest.fixture
def shipped_issuer(name: str, request: pytest.FixtureRequest) -> Issuer:
    """With nothing in its device answers that it would not say by itself."""
    return _issuer(name, request, "sandbox", "as-shipped")


@pytest.fixture
def home_on(sandbox: Sandbox, tmp_path: Path) -> Iterator[Callable[[Issuer], Home]]:
    """Makes an empty home, pointed at an issuer and at the sandbox's storage; its agent is ended afterwards."""
    with contextlib.ExitStack() as stack:

        def make(issuer: Issuer) -> Home:
            home = Home(tmp_path / "agent-home", sandbox, issuer)
            stack.callback(home.end)
            return home

        yield make


@pytest.fixture
def home(home_on: Callable[[Issuer], Home], issuer: Issuer) -> Home:
    """An empty home on `issuer`."""
    return home_on(issuer)


@pytest.fixture
def brisk_home(home_on: Callable[[Issuer], Home], brisk_issuer: Issuer) -> Home:
    """An empty home on `brisk_issuer`."""
    return home_on(brisk_issuer)


def _issuer(name: str, request: pytest.FixtureRequest, sandbox_fixture: str, client_id: str) -> Issuer:
    if name == "oidc-provider":
        provider = request.getfixturevalue("provider")
        assert isinstance(provider, OidcProvider)
        return provider.issuer(client_id)
    sandbox = request.getfixturevalue(sandbox_fixture)
    assert isinstance(sandbox, Sandbox)
    return sandbox_issuer(sandbox)


def sandbox_issuer(sandbox: Sandbox) -> Issuer:
    """The sandbox's."""
    return Issuer(
        name="sandbox",
        url=sandbox.issuer_url,
        ca_file=sandbox.ca_file,
        client_id=sandbox.client_id,
        confidential_client_id=sandbox.confidential_client_id,
        client_secret_file=sandbox.client_secret_file,
        refused_scope="no.such.scope",
        subject=SUBJECT,
        approve=approve,
        allow=allow_in_sandbox,
    )
