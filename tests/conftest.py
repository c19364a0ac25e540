"""What all tests share: an empty environment, loopback only, one sandbox, and a way to wait for a condition."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Options, Sandbox
from tests.support.agent_home import AgentHome
from tests.support.waiting import eventually

__all__ = ["eventually"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "CTACLIENT_TEST_SERVERS")


def _loopback_only(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not isinstance(address := arguments[1], tuple):
        return
    host = str(address[0])
    if host != "localhost" and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise RuntimeError(f"a test tried to leave the loopback: {host}")


sys.addaudithook(_loopback_only)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests reaches them; HOME is empty."""
    for name in set(os.environ) - set(_KEPT):
        if not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for each test process. Tests keep apart by using directories and names of their own."""
    with Sandbox.start(tmp_path_factory.mktemp("sandbox"), Options()) as running:
        yield running


@pytest.fixture
def short_lived(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own, with tokens that are refreshed after about 2.5 s, and PKCE."""
    with Sandbox.start(tmp_path / "sandbox", Options(access_token_lifetime_s=4, require_pkce=True)) as running:
        yield running


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[[Sandbox], AgentHome]]:
    """Makes an empty home, pointed at a sandbox; its agent is ended afterwards."""
    with contextlib.ExitStack() as stack:

        def make(sandbox: Sandbox) -> AgentHome:
            home = AgentHome(tmp_path / "agent-home", sandbox)
            stack.callback(home.end)
            return home

        yield make


@pytest.fixture
def agent_home(make_home: Callable[[Sandbox], AgentHome], sandbox: Sandbox) -> AgentHome:
    """An empty home, pointed at the shared sandbox."""
    return make_home(sandbox)


@pytest.fixture
def busy_home(make_home: Callable[[Sandbox], AgentHome], short_lived: Sandbox) -> AgentHome:
    """An empty home, pointed at the short-lived sandbox."""
    return make_home(short_lived)


@pytest.fixture
def logged_in(agent_home: AgentHome) -> AgentHome:
    """A home with a login and an agent that keeps it."""
    agent_home.log_in()
    return agent_home
