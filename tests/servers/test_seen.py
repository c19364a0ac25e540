"""What the servers saw: rules that hold for every request of every command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Exists
from tests.conftest import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient import Client
    from ctaclient.sandbox import Record, Sandbox
    from tests.servers.storage_server import Seen, StorageServer

METHODS = {"PROPFIND", "PUT", "GET", "MKCOL", "MOVE", "DELETE"}


def use_everything(client: Client, tmp_path: Path) -> None:
    """Each command once, with files small and large, and an overwrite."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "large").write_bytes(os.urandom(300_000))
    (tree / "sub" / "empty").touch()
    client.mkdir("/d")
    client.put(tree, "/d", recursive=True)
    with pytest.raises(Exists):
        client.put(tree / "sub" / "empty", "/d/tree/large")
    client.put(tree / "large", "/d/tree/sub/empty", overwrite=True)
    client.ls("/", recursive=True)
    client.stat("/d/tree/large")
    client.get("/d", tmp_path / "back", recursive=True)
    client.rm("/d/tree/large")
    client.rm("/d", recursive=True)


class TestSeen:
    @pytest.fixture
    def seen(self, client: Client, server: StorageServer, tmp_path: Path) -> list[Seen]:
        """What `server` has noted of a client that uses everything."""
        before = server.notes()
        use_everything(client, tmp_path)
        # Apache writes its log after the answer, and each of its threads for itself.
        eventually(lambda: {each.method for each in server.since(before)} >= METHODS)
        return server.since(before)

    def test_every_propfind_has_a_depth(self, seen: list[Seen]) -> None:
        assert {each.depth for each in seen if each.method == "PROPFIND"} == {"0", "1"}

    def test_nothing_is_to_be_compressed(self, seen: list[Seen]) -> None:
        assert {each.accept_encoding for each in seen} == {"identity"}

    def test_cookies_are_not_brought_back(self, seen: list[Seen]) -> None:
        assert {each.cookie for each in seen} == {None}

    def test_every_move_says_whether_it_may_overwrite(self, seen: list[Seen]) -> None:
        said = [each.overwrite for each in seen if each.method == "MOVE"]
        assert sorted(filter(None, said)) == sorted(["F", "F", "T"])

    def test_nothing_was_refused_on_the_way(self, seen: list[Seen]) -> None:
        """401, 403 and 5xx cost a client its budget (storage.md 1.12)."""
        assert {each.status // 100 for each in seen} <= {2, 3, 4}
        assert not {each.status for each in seen} & {400, 401, 403, 405, 411, 415, 429}


class TestSeenByDoorAndPool:
    """What only the sandbox can tell."""

    @pytest.fixture
    def records(self, sandbox: Sandbox, sandbox_client: Client, tmp_path: Path) -> dict[str, list[Record]]:
        """The records of a client that uses everything, by server."""
        before = {role: len(sandbox.records(role)) for role in ("door", "pool")}
        use_everything(sandbox_client, tmp_path)
        return {role: sandbox.records(role)[count:] for role, count in before.items()}

    def test_the_pool_never_sees_a_token(self, records: dict[str, list[Record]]) -> None:
        assert {record.method for record in records["pool"]} == {"GET", "PUT"}
        assert not [record for record in records["pool"] if record.has("Authorization")]
        assert {record.status for record in records["pool"]} == {200, 201}

    def test_the_door_always_does(self, records: dict[str, list[Record]]) -> None:
        assert all(record.has("Authorization") for record in records["door"])

    def test_no_payload_goes_through_the_door(self, records: dict[str, list[Record]]) -> None:
        """An empty file needs no redirect, and asks for none (storage.md 1.5)."""
        data = [record for record in records["door"] if record.method in ("GET", "PUT")]
        assert {record.status for record in data} == {201, 302, 307}
        assert [record.header("Expect") for record in data if record.status == 201] == [None]
        assert {record.header("Expect") for record in data if record.status == 307} == {"100-continue"}
        assert sum(record.body_bytes + record.sent_bytes for record in data) == 0
        moved = [record.body_bytes if record.method == "PUT" else record.sent_bytes for record in records["pool"]]
        assert sorted(moved)[-4:] == [300_000] * 4

    def test_the_pool_sees_no_content_header_that_it_refuses(self, records: dict[str, list[Record]]) -> None:
        """dCache answers 501 to any other (storage.md 1.6)."""
        names = {name.lower() for record in records["pool"] for name in record.header_names}
        assert {name for name in names if name.startswith("content-")} == {"content-length"}
        assert "expect" not in names
