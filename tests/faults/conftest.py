"""A place on the sandbox, a client and a program that point at it, and the means to see that nothing was harmed."""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient import Client
from ctaclient._util.clock import SystemClock
from ctaclient._util.origin import Origin
from ctaclient.sandbox.certificate import Authority
from ctaclient.tls import client_context
from ctaclient.transport.access import Access
from ctaclient.transport.factory import new_session
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.proxy import Proxies
from ctaclient.transport.requests import Requests
from tests.faults.bytes_server import BytesServer, Serve
from tests.faults.certificates import good_context
from tests.faults.program import Program

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ctaclient.sandbox import Record, Sandbox
    from ctaclient.tokens.source import TokenSource

_numbers = itertools.count()


def picture(directory: Path) -> dict[str, bytes | None]:
    """All that is below a directory: relative names and contents, None for directories."""
    below = directory.rglob("*")
    return {str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes() for path in below}


@contextlib.contextmanager
def unchanged(*directories: Path) -> Iterator[None]:
    """Everything below the directories is afterwards as it was, and nothing was added."""
    before = [picture(directory) for directory in directories]
    yield
    assert [picture(directory) for directory in directories] == before


class Spot:
    """A directory of the test's own on the sandbox, where things go wrong on demand."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.name = f"fault-{next(_numbers)}"
        self.url = f"{sandbox.storage_url}/{self.name}"
        self.directory = sandbox.storage_root / self.name
        self.directory.mkdir()
        self._before = {role: len(sandbox.records(role)) for role in ("door", "pool")}

    def records(self, role: str, method: str | None = None) -> list[Record]:
        """What `door` or `pool` has seen here."""
        seen = self.sandbox.records(role)[self._before[role] :]
        return [each for each in seen if self.name in each.path and method in (None, each.method)]


@pytest.fixture
def spot(sandbox: Sandbox) -> Iterator[Spot]:
    """A fresh one; faults that did not happen are forgotten."""
    yield Spot(sandbox)
    sandbox.clear_faults()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty local directory."""
    made = tmp_path / "here"
    made.mkdir()
    return made


@pytest.fixture
def client(spot: Spot, tmp_path: Path) -> Iterator[Client]:
    """A client whose `/` is the spot."""
    environ = {"CTACLIENT_HOME": str(tmp_path / "ctaclient-home")}
    token, bundle = spot.sandbox.mint(), str(spot.sandbox.ca_file)
    with Client(storage_url=spot.url, token=token, ca_bundle=bundle, environ=environ) as made:
        yield made


@pytest.fixture
def program(spot: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program, with an environment that points at the spot."""
    for name, value in {
        "CTACLIENT_HOME": str(tmp_path / "ctaclient-home"),
        "CTACLIENT_CA_BUNDLE": str(spot.sandbox.ca_file),
        "CTACLIENT_STORAGE_URL": spot.url,
        "BEARER_TOKEN": spot.sandbox.mint(),
    }.items():
        monkeypatch.setenv(name, value)
    return Program(capsys)


@dataclass(frozen=True, slots=True)
class Trust:
    """A throw-away CA, and a server's context with a certificate from it."""

    ca_file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    directory = tmp_path_factory.mktemp("trust")
    authority = Authority()
    (directory / "ca.pem").write_bytes(authority.pem)
    return Trust(directory / "ca.pem", good_context(directory, authority))


@pytest.fixture
def serve(trust: Trust) -> Iterator[Serve]:
    """Starts a server that does what it is told, until the end of the test, which fails if the server did."""
    with contextlib.ExitStack() as stack:
        yield lambda handle: stack.enter_context(BytesServer(handle, trust.context))


@pytest.fixture
def client_at(trust: Trust, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients for other servers: `client_at(url)`."""
    with contextlib.ExitStack() as stack:

        def make(url: str, **more: Any) -> Client:
            environ = {"CTACLIENT_HOME": str(tmp_path / "ctaclient-home")}
            usual = {"token": "opaque-token", "ca_bundle": str(trust.ca_file), "environ": environ}
            return stack.enter_context(Client(storage_url=url, **{**usual, **more}))

        yield make


@pytest.fixture
def requests_to(trust: Trust) -> Iterator[Callable[..., Requests]]:
    """Makes `Requests` by hand, with limits that a test can wait for: `requests_to(url, source, first_byte_s=0.2)`."""
    with contextlib.ExitStack() as stack:

        def make(url: str, source: TokenSource | None = None, **limits: float) -> Requests:
            clock = SystemClock()
            access = Access({Origin.of(url): source} if source else {}, clock)
            timeouts = Timeouts(**{"connect_s": 10, "first_byte_s": 10, "stall_s": 10, **limits})
            session = new_session(client_context(str(trust.ca_file)), Proxies({}), access, clock, timeouts)
            stack.callback(session.close)
            return Requests(session)

        yield make


def large(directory: Path, name: str = "large", size_bytes: int = 4_000_000) -> Path:
    """A local file that does not fit into the buffers between client and server."""
    path = directory / name
    path.write_bytes(os.urandom(1000) * (size_bytes // 1000))
    return path
