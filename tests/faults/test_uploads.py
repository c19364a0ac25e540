"""Uploads that go wrong on the way: what was there stays, and our temporary goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Changed, CtaError, Disconnected, Exists, Forbidden, IntegrityError, ServerError
from ctaclient.sandbox import Fault
from ctaclient.transfer.progress import NoProgress
from tests.faults.conftest import large, unchanged
from tests.faults.small_dav import SmallDav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient import Client
    from tests.faults.bytes_server import Head, Serve, Talk
    from tests.faults.conftest import Spot
    from tests.faults.program import Program

# Where a PUT can break: server, fault, how many of its kind pass before it, exit code.
BREAKS = {
    "first look": ("door", Fault("status", "PROPFIND", status=500), 0, 7),
    "second look": ("door", Fault("status", "PROPFIND", status=500), 1, 7),
    "look before MOVE": ("door", Fault("status", "PROPFIND", status=500), 2, 7),
    "door down": ("door", Fault("status", "PUT", status=503), 0, 7),
    "door drops": ("door", Fault("drop_before", "PUT"), 0, 7),
    "door drops after the redirect": ("door", Fault("drop_after", "PUT"), 0, 7),
    "to plain http": ("door", Fault("location", "PUT", location="http://localhost:1/f"), 0, 7),
    "to nobody": ("door", Fault("location", "PUT", location="https://localhost:1/f"), 0, 7),
    "to no URL": ("door", Fault("location", "PUT", location="https://[::1"), 0, 7),
    "redirect without a place": ("door", Fault("status", "PUT", status=307, read_body=False), 0, 7),
    "success that is none": ("door", Fault("status", "PUT", status=202), 0, 7),
    "pool refuses": ("pool", Fault("status", "PUT", status=500), 0, 7),
    "pool is full": ("pool", Fault("status", "PUT", status=507, read_body=False), 0, 10),
    "cut at the start": ("pool", Fault("cut_request", "PUT", after_bytes=0), 0, 7),
    "cut in the middle": ("pool", Fault("cut_request", "PUT", after_bytes=1_000_000), 0, 7),
    "answer lost": ("pool", Fault("drop_after", "PUT"), 0, 7),
    "flipped byte": ("pool", Fault("corrupt", "PUT"), 0, 8),
    "tail lost": ("pool", Fault("short_store", "PUT", after_bytes=3), 0, 8),
    "wrong digest": ("pool", Fault("wrong_digest", "PUT"), 0, 8),
    "MOVE fails": ("door", Fault("status", "MOVE", status=500), 0, 7),
    "MOVE is dropped": ("door", Fault("drop_before", "MOVE"), 0, 7),
    "MOVE finds no room": ("door", Fault("status", "MOVE", status=507), 0, 10),
}


def script(spot: Spot, server: str, fault: Fault, passing: int) -> None:
    """Let the fault happen here, to the request after the next `passing` ones."""
    if passing:
        spot.sandbox.fault(server, Fault("delay", fault.method, spot.name, times=passing))
    here = fault.to_json().replace(b'"path_part": null', f'"path_part": "{spot.name}"'.encode())
    spot.sandbox.fault(server, Fault.from_json(here))


class Watcher(NoProgress):
    """Does something once, when the first bytes have been sent."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act: Callable[[], object] | None = act

    def advance(self, size_bytes: int) -> None:
        if self._act is not None:
            act, self._act = self._act, None
            act()


class TestBreaks:
    @pytest.mark.parametrize("kind", BREAKS)
    def test_leave_the_old_file(self, program: Program, spot: Spot, here: Path, kind: str) -> None:
        server, fault, passing, code = BREAKS[kind]
        (spot.directory / "f").write_bytes(b"old")
        source = large(here)
        script(spot, server, fault, passing)
        with unchanged(spot.directory, here):
            program("put", "--overwrite", source, "/f").check_failed(code)
        assert spot.sandbox.faults_waiting(server) == []
        program("put", "--overwrite", source, "/f")
        assert (spot.directory / "f").read_bytes() == source.read_bytes()

    @pytest.mark.parametrize("kind", [kind for kind in BREAKS if kind != "look before MOVE"])
    def test_leave_nothing_where_nothing_was(self, client: Client, spot: Spot, here: Path, kind: str) -> None:
        server, fault, passing, code = BREAKS[kind]
        source = large(here)
        script(spot, server, fault, passing)
        with unchanged(spot.directory, here), pytest.raises(CtaError) as caught:
            client.put(source, "/f")
        assert caught.value.exit_code == code

    def test_of_one_file_leave_the_others_of_a_tree(self, program: Program, spot: Spot, here: Path) -> None:
        for name in ("a", "b", "c"):
            (here / name).write_bytes(name.encode())
        script(spot, "pool", Fault("corrupt", "PUT"), 1)
        outcome = program("put", "-r", f"{here}/.", "/")
        assert outcome.code == 3
        assert {path.name: path.read_bytes() for path in spot.directory.iterdir()} == {"a": b"a", "c": b"c"}
        assert "1 of 4 items failed" in outcome.err


class TestCleaningUp:
    def test_what_cannot_be_deleted_is_named(self, client: Client, spot: Spot, here: Path) -> None:
        """A token that may only create has no right to delete (storage.md 1.7)."""
        (here / "f").write_bytes(b"x")
        script(spot, "pool", Fault("corrupt", "PUT"), 0)
        script(spot, "door", Fault("status", "DELETE", status=403), 0)
        with pytest.raises(CtaError, match=r"/\.ctaclient-\w+\.tmp was left behind") as caught:
            client.put(here / "f", "/f")
        assert caught.value.exit_code == 8
        (left,) = spot.directory.iterdir()
        assert left.name in str(caught.value)

    def test_only_our_own_is_deleted(self, client: Client, spot: Spot, here: Path) -> None:
        (here / "f").write_bytes(b"x")
        script(spot, "pool", Fault("corrupt", "PUT"), 0)
        with pytest.raises(CtaError):
            client.put(here / "f", "/f")
        (deleted,) = spot.records("door", "DELETE")
        assert "/.ctaclient-" in deleted.path


class TestPublishing:
    @pytest.mark.parametrize("status", [403, 405, 501])
    @pytest.mark.parametrize("existing", [False, True])
    def test_without_move_it_is_put_in_place_and_said(
        self, program: Program, spot: Spot, here: Path, status: int, existing: bool
    ) -> None:
        (here / "f").write_bytes(b"new")
        if existing:
            (spot.directory / "f").write_bytes(b"old")
        script(spot, "door", Fault("status", "MOVE", status=status), 0)
        outcome = program("put", "-v", "--overwrite", here / "f", "/f")
        assert (outcome.code, outcome.out) == (0, "")
        assert "put in place: others could see a part" in outcome.err
        assert {path.name: path.read_bytes() for path in spot.directory.iterdir()} == {"f": b"new"}

    def test_a_move_whose_answer_was_lost_is_done(self, client: Client, spot: Spot, here: Path) -> None:
        (here / "f").write_bytes(b"new")
        (spot.directory / "f").write_bytes(b"old")
        script(spot, "door", Fault("drop_after", "MOVE"), 0)
        (result,) = client.put(here / "f", "/f", overwrite=True)
        assert (result.state, result.published) == ("done", "move")
        assert {path.name: path.read_bytes() for path in spot.directory.iterdir()} == {"f": b"new"}
        assert len(spot.records("door", "MOVE")) == 1

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_race_that_was_lost(self, client: Client, spot: Spot, here: Path, overwrite: bool) -> None:
        """The other's file is left alone, whatever the user said about files that were there before."""
        source = large(here)
        appear = Watcher(lambda: (spot.directory / "f").write_bytes(b"of somebody else"))
        with pytest.raises(Exists, match="/f appeared during the upload") as caught:
            client.put(source, "/f", overwrite=overwrite, progress=appear)
        assert (caught.value.exit_code, caught.value.status) == (6, 412)
        assert {path.name: path.read_bytes() for path in spot.directory.iterdir()} == {"f": b"of somebody else"}

    def test_progress_is_that_of_the_file_not_of_our_temporary(self, client: Client, spot: Spot, here: Path) -> None:
        class Named(NoProgress):
            def start(self, name: str, size_bytes: int | None) -> None:
                started.append((name, size_bytes))

        started: list[tuple[str, int | None]] = []
        (here / "local").write_bytes(b"new")
        client.put(here / "local", "/f", progress=Named())
        spot.sandbox.fault("door", Fault("status", "MOVE", spot.name, status=405))
        client.put(here / "local", "/g", progress=Named())
        assert started == [("f", 3), ("g", 3), ("g", 3)]

    def test_a_race_that_was_lost_in_place(self, serve: Serve, client_at: Callable[..., Client], here: Path) -> None:
        (here / "f").write_bytes(b"mine")

        def no_move(talk: Talk, head: Head) -> bool:
            if head.method == "MOVE":
                store.files["/f"] = b"of somebody else"
                talk.answer(405)
            return head.method == "MOVE"

        store = SmallDav(no_move)
        with pytest.raises(Exists, match="/f appeared during the upload") as caught:
            client_at(serve(store).url).put(here / "f", "/f")
        assert caught.value.exit_code == 6
        assert store.files == {"/f": b"of somebody else"}

    def test_another_version_than_was_to_be_replaced(self, client: Client, spot: Spot, here: Path) -> None:
        """What somebody else put there during the upload is not lost in silence."""
        source = large(here)
        (spot.directory / "f").write_bytes(b"old")
        change = Watcher(lambda: (spot.directory / "f").write_bytes(b"of somebody else"))
        with pytest.raises(Changed, match="/f was changed by somebody else during the upload") as caught:
            client.put(source, "/f", overwrite=True, progress=change)
        assert (caught.value.exit_code, caught.value.retryable) == (6, False)
        assert {path.name: path.read_bytes() for path in spot.directory.iterdir()} == {"f": b"of somebody else"}
        assert spot.records("door", "MOVE") == []

    def test_what_fails_in_place_says_that_a_part_may_be_there(self, client: Client, spot: Spot, here: Path) -> None:
        (here / "f").write_bytes(b"new")
        script(spot, "door", Fault("status", "MOVE", status=405), 0)
        script(spot, "pool", Fault("corrupt", "PUT"), 1)
        with pytest.raises(IntegrityError, match="; /f may hold a part of it: put it again with --overwrite"):
            client.put(here / "f", "/f")
        assert [path.name for path in spot.directory.iterdir()] == ["f"]

    @pytest.mark.parametrize("status", [403, 405, 501])
    def test_a_refused_move_is_not_tried_again(self, client: Client, spot: Spot, here: Path, status: int) -> None:
        spot.sandbox.fault("door", Fault("status", "MOVE", spot.name, status=status, times=5))
        for name in ("f", "g"):
            (here / name).write_bytes(b"new")
            (result,) = client.put(here / name, f"/{name}")
            assert result.published == "put"
        assert len(spot.records("door", "MOVE")) == 1
        assert [record.path.rpartition("/")[2] for record in spot.records("door", "PUT")][1:] == ["f", "g"]
        assert sorted(path.name for path in spot.directory.iterdir()) == ["f", "g"]

    def test_a_directory_that_takes_the_place_is_not_replaced(self, client: Client, spot: Spot, here: Path) -> None:
        """Apache's MOVE would replace a whole collection."""
        source = large(here)
        (spot.directory / "f").write_bytes(b"old")

        def swap() -> None:
            (spot.directory / "f").unlink()
            (spot.directory / "f").mkdir()
            (spot.directory / "f" / "precious").write_bytes(b"p")

        with pytest.raises(Exists, match="is a directory"):
            client.put(source, "/f", overwrite=True, progress=Watcher(swap))
        assert (spot.directory / "f" / "precious").read_bytes() == b"p"
        assert [path.name for path in spot.directory.iterdir()] == ["f"]


class TestMissingParents:
    """nginx answers 500 to a PUT without a parent, as to everything else that it cannot do."""

    def test_500_without_a_parent(self, client: Client, spot: Spot, here: Path) -> None:
        (here / "f").write_bytes(b"new")
        script(spot, "door", Fault("status", "PUT", status=500), 0)
        client.put(here / "f", "/d/e/f")
        assert [record.status for record in spot.records("door", "PUT")] == [500, 307]
        assert (spot.directory / "d" / "e" / "f").read_bytes() == b"new"
        assert [path.name for path in (spot.directory / "d" / "e").iterdir()] == ["f"]
        assert spot.records("door", "MKCOL")

    def test_500_with_a_parent(self, client: Client, spot: Spot, here: Path) -> None:
        (here / "f").write_bytes(b"new")
        (spot.directory / "d").mkdir()
        for name in ("/d/f", "/f"):
            before = len(spot.records("door", "PUT"))
            spot.sandbox.fault("door", Fault("status", "PUT", spot.name, status=500))
            with unchanged(spot.directory), pytest.raises(ServerError) as caught:
                client.put(here / "f", name)
            assert (caught.value.status, len(spot.records("door", "PUT")) - before) == (500, 1)
        assert spot.records("door", "MKCOL") == []


class TestSourceChanges:
    """What is sent is what was looked at, or nothing."""

    @pytest.mark.parametrize("change", ["grow", "shrink", "rewrite", "replace", "remove"])
    @pytest.mark.parametrize("existing", [False, True])
    def test_while_it_is_sent(self, client: Client, spot: Spot, here: Path, change: str, existing: bool) -> None:
        source = large(here)
        if existing:
            (spot.directory / "f").write_bytes(b"old")

        def act() -> None:
            if change == "grow":
                with source.open("ab") as file:
                    file.write(b"more")
            elif change == "shrink":
                with source.open("r+b") as file:
                    file.truncate(600_000)
            elif change == "rewrite":
                with source.open("r+b") as file:
                    file.write(b"other")
            elif change == "replace":
                large(here, "other").replace(source)
            else:
                source.unlink()

        with unchanged(spot.directory), pytest.raises(Changed, match=r"changed while it was being sent|not as long"):
            client.put(source, "/f", overwrite=existing, progress=Watcher(act))


class TestEarlyAnswers:
    """A status in the middle of a big body is what is reported, not the broken pipe that follows."""

    @pytest.mark.parametrize(("status", "code"), [(403, 4), (413, 10), (500, 7), (507, 10)])
    def test_of_the_pool(self, program: Program, spot: Spot, here: Path, status: int, code: int) -> None:
        source = large(here, size_bytes=20_000_000)
        script(spot, "pool", Fault("status", "PUT", status=status, reason="Too much", read_body=False), 0)
        with unchanged(spot.directory, here):
            outcome = program("put", source, "/f")
        outcome.check_failed(code)
        assert "Too much" in outcome.err

    @pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (503, ServerError)])
    @pytest.mark.parametrize("received", [0, 300_000])
    def test_in_the_middle(
        self,
        serve: Serve,
        client_at: Callable[..., Client],
        here: Path,
        status: int,
        error: type[CtaError],
        received: int,
    ) -> None:
        source = large(here, size_bytes=20_000_000)

        def twist(talk: Talk, head: Head) -> bool:
            if head.method != "PUT":
                return False
            talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
            talk.read(received)
            talk.answer(status, {"Connection": "close"})
            talk.linger()
            return True

        store = SmallDav(twist)
        store.files["/f"] = b"old"
        with pytest.raises(error) as caught:
            client_at(serve(store).url).put(source, "/f", overwrite=True)
        assert caught.value.status == status
        assert store.files == {"/f": b"old"}

    def test_a_connection_that_just_breaks(self, serve: Serve, client_at: Callable[..., Client], here: Path) -> None:
        def twist(talk: Talk, head: Head) -> bool:
            if head.method == "PUT":
                talk.read(100_000)
                talk.linger()
            return head.method == "PUT"

        store = SmallDav(twist)
        with pytest.raises(Disconnected):
            client_at(serve(store).url).put(large(here), "/f")
        assert store.names() == []
