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
