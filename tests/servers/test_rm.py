"""Rm: only what was named, and never the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, NotFound, UsageError
from tests.servers.differences import has

if TYPE_CHECKING:
    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer


@pytest.fixture
def full(place: Place) -> Place:
    """A file, and a directory with something in it."""
    place.plant("d/below/g", b"g")
    place.plant("f", b"f")
    return place


class TestRm:
    def test_a_file(self, client: Client, full: Place) -> None:
        client.rm("/f")
        assert full.names() == ["d"]

    def test_a_directory_needs_recursive(self, client: Client, full: Place) -> None:
        before = full.picture()
        for name in ("/d", "/d/", "/d/below"):
            with pytest.raises(UsageError, match="is a directory") as caught:
                client.rm(name)
            assert caught.value.hint == f"ctaclient rm -r {name.rstrip('/')}"
        assert full.picture() == before

    @pytest.mark.parametrize("name", ["/d", "d/"])
    def test_a_tree(self, client: Client, full: Place, name: str) -> None:
        client.rm(name, recursive=True)
        assert full.picture() == {"f": b"f"}

    def test_nothing_there(self, client: Client, full: Place) -> None:
        before = full.picture()
        for name in ("/nothing", "/d/nothing"):
            for recursive in (False, True):
                with pytest.raises(NotFound):
                    client.rm(name, recursive=recursive)
        assert full.picture() == before

    def test_below_a_file(self, client: Client, full: Place, server: StorageServer) -> None:
        before = full.picture()
        with pytest.raises(CtaError) as caught:
            client.rm("/f/nothing", recursive=True)
        assert caught.value.status == (400 if has(server, "400 below a file") else 404)
        assert full.picture() == before

    @pytest.mark.parametrize("name", ["/", "", "..", "/..", "/d/..", "/d/.", "d//below", "./f"])
    def test_names_that_would_lead_elsewhere(self, client: Client, full: Place, name: str) -> None:
        before = full.picture()
        with pytest.raises(UsageError):
            client.rm(name, recursive=True)
        assert full.picture() == before
