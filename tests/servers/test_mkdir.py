"""Mkdir: as the command of that name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, Exists, NotFound

if TYPE_CHECKING:
    from ctaclient import Client
    from tests.servers.conftest import Place


class TestMkdir:
    @pytest.mark.parametrize("name", ["d", "/d", "/d/"])
    def test_a_new_directory(self, client: Client, place: Place, name: str) -> None:
        client.mkdir(name)
        assert place.picture() == {"d": None}

    def test_a_missing_parent(self, client: Client, place: Place) -> None:
        with pytest.raises(NotFound, match="/a/b does not exist") as caught:
            client.mkdir("/a/b/c")
        assert caught.value.hint == "ctaclient mkdir -p /a/b/c"
        assert place.names() == []

    def test_parents(self, client: Client, place: Place) -> None:
        client.mkdir("/a/b/c", parents=True)
        client.mkdir("/a/b/c", parents=True)
        assert place.picture() == {"a": None, "a/b": None, "a/b/c": None}

    def test_something_is_there(self, client: Client, place: Place) -> None:
        place.plant("f", b"x")
        place.plant("d")
        for name, kind in (("/f", "file"), ("/d", "directory")):
            with pytest.raises(Exists, match=f"{name} exists and is a {kind}"):
                client.mkdir(name)
        with pytest.raises(Exists, match="/f exists and is a file"):
            client.mkdir("/f", parents=True)
        assert place.picture() == {"f": b"x", "d": None}

    def test_a_file_is_no_parent(self, client: Client, place: Place) -> None:
        place.plant("f", b"x")
        for parents in (False, True):
            with pytest.raises(CtaError):
                client.mkdir("/f/d", parents=parents)
        assert place.picture() == {"f": b"x"}

    def test_the_root_is_there(self, client: Client) -> None:
        client.mkdir("/", parents=True)
        with pytest.raises(Exists):
            client.mkdir("/")

    def test_many_at_once_make_the_same_parents(self, client: Client, place: Place) -> None:
        names = [f"/shared/parents/{number}" for number in range(12)]
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda name: client.mkdir(name, parents=True), names))
        assert sorted(place.picture()) == sorted(["shared", "shared/parents", *(name[1:] for name in names)])
