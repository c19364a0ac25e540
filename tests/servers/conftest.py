"""The servers that every conformance test runs against, and a client in a fresh directory on them."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from ctaclient import Client
from tests.servers.apache import BINARY, INSTALL, running_apache
from tests.servers.storage_server import Seen, StorageServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctaclient.sandbox import Sandbox

_numbers = itertools.count()
_MISSING = f"{BINARY} is missing: {INSTALL}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs Apache where there is none, unless none may be skipped (`.ci/run`).

    Here and not in the fixture, so that all of them share one line of the summary.
    """
    callspec = getattr(item, "callspec", None)
    wanted = callspec is not None and callspec.params.get("server") == "apache"
    if wanted and not BINARY.exists() and os.environ.get("CTACLIENT_TEST_SERVERS") != "required":
        pytest.skip(_MISSING)


@pytest.fixture(scope="session", params=["sandbox", "apache"])
def server(request: pytest.FixtureRequest) -> StorageServer:
    """Each server in turn."""
    found = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(found, StorageServer)
    return found


@pytest.fixture(scope="session")
def sandbox_server(sandbox: Sandbox) -> StorageServer:
    """The sandbox's door, with its pool behind it."""
    return StorageServer(
        name="sandbox",
        url=sandbox.storage_url,
        ca_file=sandbox.ca_file,
        token=sandbox.mint(),
        root=sandbox.storage_root,
        notes=lambda: [_seen_by(sandbox, "door"), _seen_by(sandbox, "pool")],
    )


@pytest.fixture(scope="session")
def apache_server() -> Iterator[StorageServer]:
    """Apache httpd. Fails without its binary, where the tests were not skipped before."""
    if not BINARY.exists():
        pytest.fail(_MISSING)
    with running_apache() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Place:
    """A directory of the test's own on a server: its URL, and where its files are on disk."""

    url: str
    directory: Path

    def plant(self, name: str, content: bytes | None = None) -> Path:
        """Put a file, or a directory for None, straight onto the server's disk, as the server would own it."""
        owner = self.directory.stat()
        path = self.directory
        for part in name.split("/"):
            path /= part
            if path.is_dir():
                continue
            if content is None or path != self.directory / name:
                path.mkdir()
            else:
                path.write_bytes(content)
            os.chown(path, owner.st_uid, owner.st_gid)
        return path

    def names(self) -> list[str]:
        """What is in it, sorted."""
        return sorted(os.listdir(self.directory))

    def picture(self) -> dict[str, bytes | None]:
        """All that is below it: relative names and contents, None for directories."""
        below = self.directory.rglob("*")
        return {str(path.relative_to(self.directory)): None if path.is_dir() else path.read_bytes() for path in below}


@pytest.fixture
def place(server: StorageServer, tmp_path: Path) -> Place:
    """A fresh directory; its name has to be escaped, as the path of a storage URL may."""
    name = f"test {next(_numbers)}"
    with client_of(server, server.url, tmp_path) as client:
        client.mkdir(name)
    return Place(f"{server.url}/{quote(name)}", server.root / name)


@pytest.fixture
def client(server: StorageServer, place: Place, tmp_path: Path) -> Iterator[Client]:
    """A client below that directory: its `/` is the test's own."""
    with client_of(server, place.url, tmp_path) as made:
        yield made


@pytest.fixture
def sandbox_client(sandbox_server: StorageServer, tmp_path: Path) -> Iterator[Client]:
    """The same on the sandbox alone."""
    name = f"test {next(_numbers)}"
    with client_of(sandbox_server, sandbox_server.url, tmp_path) as client:
        client.mkdir(name)
    with client_of(sandbox_server, f"{sandbox_server.url}/{quote(name)}", tmp_path) as made:
        yield made


def client_of(server: StorageServer, url: str, home: Path) -> Client:
    """A client with the server's token, in an empty home."""
    environ = {"CTACLIENT_HOME": str(home / "ctaclient-home")}
    return Client(storage_url=url, token=server.token, ca_bundle=str(server.ca_file), environ=environ)


def _seen_by(sandbox: Sandbox, role: str) -> list[Seen]:
    return [
        Seen(
            method=record.method,
            status=record.status,
            accept_encoding=record.header("Accept-Encoding"),
            cookie="(hidden)" if record.has("Cookie") else None,
            depth=record.header("Depth"),
            overwrite=record.header("Overwrite"),
        )
        for record in sandbox.records(role)
    ]
