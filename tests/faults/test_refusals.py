"""What the server or the local side says no to, through the program: exit code, one or two lines, nothing harmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Fault
from tests.faults.conftest import unchanged

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Spot
    from tests.faults.program import Program

# What a status of the server comes to (design: exit codes).
STATUSES = (
    (400, 1),
    (403, 4),
    (404, 5),
    (409, 6),
    (413, 10),
    (423, 7),
    (429, 7),
    (500, 7),
    (502, 7),
    (503, 7),
    (504, 7),
    (507, 10),
)


@pytest.fixture
def full(spot: Spot, here: Path) -> Spot:
    """`/f` and `/d/g` on the server; `f` (other content) and `d/g` here."""
    for top, content in ((spot.directory, b"remote"), (here, b"local one")):
        (top / "f").write_bytes(content)
        (top / "d").mkdir()
        (top / "d" / "g").write_bytes(content)
    return spot


class TestStatuses:
    """The answer to the first request of a command."""

    @pytest.mark.parametrize(("status", "code"), STATUSES)
    @pytest.mark.parametrize("command", [("ls", "/"), ("get", "/f", "HERE/new"), ("rm", "/f")])
    def test_of_propfind(
        self, program: Program, full: Spot, here: Path, command: tuple[str, ...], status: int, code: int
    ) -> None:
        full.sandbox.fault("door", Fault("status", "PROPFIND", full.name, status=status, body="Of some use"))
        with unchanged(full.directory, here):
            outcome = program(*(word.replace("HERE", str(here)) for word in command))
        outcome.check_failed(code)
        assert f"{status} " in outcome.err
        assert "Of some use" in outcome.err

    @pytest.mark.parametrize(("status", "code"), STATUSES)
    @pytest.mark.parametrize(("server", "method"), [("door", "GET"), ("pool", "GET")])
    def test_of_get(
        self, program: Program, full: Spot, here: Path, server: str, method: str, status: int, code: int
    ) -> None:
        """A pool says it in the reason phrase alone (storage.md 1.4)."""
        full.sandbox.fault(server, Fault("status", method, full.name, status=status, reason="Mover says no"))
        with unchanged(full.directory, here):
            outcome = program("get", "--overwrite", "/f", here)
        outcome.check_failed(code)
        assert "Mover says no" in outcome.err

    @pytest.mark.parametrize(("status", "code"), [each for each in STATUSES if each[0] not in (404, 409)])
    @pytest.mark.parametrize("server", ["door", "pool"])
    def test_of_put(self, program: Program, full: Spot, here: Path, server: str, status: int, code: int) -> None:
        """404 and 409 ask for the parents, and are for the tests of `put`."""
        full.sandbox.fault(server, Fault("status", "PUT", full.name, status=status, reason="No room"))
        with unchanged(full.directory, here):
            outcome = program("put", "--overwrite", here / "f", "/f")
        outcome.check_failed(code)
        assert "No room" in outcome.err

    @pytest.mark.parametrize(("status", "code"), [(403, 4), (404, 5), (423, 7), (500, 7)])
    def test_of_delete(self, program: Program, full: Spot, status: int, code: int) -> None:
        full.sandbox.fault("door", Fault("status", "DELETE", full.name, status=status))
        with unchanged(full.directory):
            program("rm", "/f").check_failed(code)

    @pytest.mark.parametrize(("status", "code"), [(403, 4), (405, 6), (500, 7), (507, 10)])
    def test_of_mkcol(self, program: Program, full: Spot, status: int, code: int) -> None:
        full.sandbox.fault("door", Fault("status", "MKCOL", full.name, status=status))
        with unchanged(full.directory):
            program("mkdir", "/new").check_failed(code)

    def test_a_right_that_is_missing(
        self, program: Program, full: Spot, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BEARER_TOKEN", full.sandbox.mint(scope=f"storage.read:/{full.name}"))
        with unchanged(full.directory, here):
            for command in (("put", here / "f", "/new"), ("rm", "/f"), ("mkdir", "/new")):
                outcome = program(*command)
                outcome.check_failed(4)
                assert "403" in outcome.err


class TestNothingToDo:
    """Told before anything is changed, mostly before anything is sent."""

    @pytest.mark.parametrize(
        ("command", "code", "said"),
        [
            (("get", "/nothing", "HERE"), 5, "/nothing"),
            (("stat", "/nothing"), 5, "/nothing"),
            (("ls", "/nothing"), 5, "/nothing"),
            (("rm", "/nothing"), 5, "/nothing"),
            (("put", "HERE/nothing", "/"), 5, "nothing does not exist"),
            (("put", "HERE/f", "/f"), 6, "--overwrite"),
            (("get", "/f", "HERE"), 6, "--overwrite"),
            (("put", "HERE/f", "/f/below"), 6, "/f exists and is a file"),
            (("mkdir", "/d"), 6, "/d exists and is a directory"),
            (("mkdir", "/f"), 6, "/f exists and is a file"),
            (("mkdir", "/a/b"), 5, "mkdir -p /a/b"),
            (("put", "HERE/d", "/new"), 2, "put -r"),
            (("get", "/d", "HERE"), 2, "get -r /d"),
            (("rm", "/d"), 2, "rm -r /d"),
            (("rm", "-r", "/d"), 2, "rm -r --yes"),
            (("rm", "-r", "--yes", "/"), 2, "the root is not deleted"),
            (("rm", "-r", "--yes", "/d/.."), 2, "cannot be a name"),
            (("get", "/f", "HERE/f/below"), 6, "something else is there"),
            (("put", "HERE/f", "http://localhost:1/f"), 2, "http:// is not understood"),
            (("ls", "cta://No-Such/x"), 2, "no profile name"),
            (("ls", "cta://no-such/x"), 2, "there is no profile"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
    )
    def test_commands(
        self, program: Program, full: Spot, here: Path, command: tuple[str, ...], code: int, said: str
    ) -> None:
        with unchanged(full.directory, here):
            outcome = program(*(word.replace("HERE", str(here)) for word in command))
        outcome.check_failed(code)
        assert said in outcome.err

    def test_names_are_shown_on_one_line(self, program: Program, full: Spot) -> None:
        outcome = program("stat", "/no\nsuch\x1b[31m\u202ething")
        outcome.check_failed(5)
        assert "\x1b" not in outcome.err
        assert "\u202e" not in outcome.err


class TestEmptyName:
    """A variable that is not set must not become `here` or `the top`."""

    @pytest.mark.parametrize("arguments", [("get", "/f", ""), ("get", "", "x"), ("put", "", "/d/"), ("rm", "")])
    def test_is_refused(self, program: Program, spot: Spot, arguments: tuple[str, ...]) -> None:
        (spot.directory / "f").write_bytes(b"x")
        with unchanged(spot.directory):
            program(*arguments).check_failed(2)


class TestSeveralNames:
    """One that fails does not stop the others."""

    def test_put(self, program: Program, spot: Spot, here: Path) -> None:
        for name in ("a", "c"):
            (here / name).write_bytes(name.encode())
        outcome = program("put", here / "a", here / "b", here / "c", "/d/")
        assert (outcome.code, outcome.out) == (3, "")
        assert outcome.err.splitlines()[0] == f"ctaclient: {here}/b does not exist"
        assert outcome.err.splitlines()[-1] == "ctaclient: 1 of 3 failed, the others are done"
        assert {path.name: path.read_bytes() for path in (spot.directory / "d").iterdir()} == {"a": b"a", "c": b"c"}

    def test_put_of_trees_counts_the_names(self, program: Program, spot: Spot, here: Path) -> None:
        for name in ("one", "two"):
            (here / name).mkdir()
            (here / name / "f").write_bytes(b"x")
        (spot.directory / "one").mkdir()
        (spot.directory / "one" / "f").write_bytes(b"in the way")
        outcome = program("put", "-r", here / "one", here / "two", "/")
        assert outcome.code == 3
        assert outcome.err.count("/one/f exists and differs") == 1
        lines = [line for line in outcome.err.splitlines() if line.startswith("ctaclient: ")]
        assert (len(lines), lines[-1]) == (2, "ctaclient: 1 of 2 failed, the others are done")
        assert (spot.directory / "two" / "f").read_bytes() == b"x"

    def test_put_of_one_name_twice_sends_nothing(self, program: Program, spot: Spot, here: Path) -> None:
        for name in ("x", "y"):
            (here / name).mkdir()
            (here / name / "f").write_bytes(name.encode())
        with unchanged(spot.directory):
            program("put", here / "x" / "f", here / "y" / "f", "/").check_failed(2)
        assert spot.records("door") == []

    def test_rm(self, program: Program, spot: Spot) -> None:
        for name in ("a", "c"):
            (spot.directory / name).write_bytes(b"x")
        outcome = program("rm", "/a", "/b", "/c")
        assert (outcome.code, outcome.out) == (3, "")
        assert "/b" in outcome.err.splitlines()[0]
        assert list(spot.directory.iterdir()) == []

    def test_mkdir(self, program: Program, spot: Spot) -> None:
        (spot.directory / "b").write_bytes(b"x")
        outcome = program("mkdir", "/a", "/b", "/c")
        assert (outcome.code, outcome.out) == (3, "")
        assert outcome.err.splitlines()[0] == "ctaclient: /b exists and is a file"
        assert sorted(path.name for path in spot.directory.iterdir()) == ["a", "b", "c"]

    def test_one_alone_keeps_its_code(self, program: Program, spot: Spot, here: Path) -> None:
        (spot.directory / "there").write_bytes(b"x")
        with unchanged(spot.directory):
            program("put", here / "none", "/d/").check_failed(5)
            program("rm", "/none").check_failed(5)
            program("mkdir", "/there").check_failed(6)

    def test_a_refused_login_stops_them(self, program: Program, spot: Spot) -> None:
        for name in ("a", "b"):
            (spot.directory / name).write_bytes(b"x")
        spot.sandbox.fault("door", Fault("status", "PROPFIND", spot.name, status=401, times=9))
        with unchanged(spot.directory):
            program("rm", "/a", "/b").check_failed(4)
        assert len(spot.records("door")) == 1

    @pytest.mark.parametrize("words", [("put", "HERE/f", ""), ("put", "", "/"), ("get", ""), ("rm", "")])
    def test_an_empty_one_is_refused(self, program: Program, full: Spot, here: Path, words: tuple[str, ...]) -> None:
        with unchanged(full.directory, here):
            program(*(word.replace("HERE", str(here)) for word in words)).check_failed(2)
        assert full.records("door", "GET") + full.records("door", "PUT") == []
