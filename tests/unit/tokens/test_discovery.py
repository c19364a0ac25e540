"""WLCG bearer token discovery: an empty step falls through, an invalid one is an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import LoginRequired, UnsafePath
from ctaclient.tokens.discovery import discover
from ctaclient.tokens.source import FixedToken, TokenSource
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from tests.support.clock import FakeClock
from tests.unit.conftest import NOW, as_user, jwt

if TYPE_CHECKING:
    from pathlib import Path

CLOCK = FakeClock()


class World:
    """The places a token may be in, each with a token that says where it was."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "file"
        self.runtime = directory / "run"
        self.runtime.mkdir(mode=0o700)
        self.well_known = self.runtime / f"bt_u{os.geteuid()}"
        self.environ = {"XDG_RUNTIME_DIR": str(self.runtime)}
        self.store = TokenStore(directory / "store")
        self.argument: str | None = None
        self.has_login = False

    def put(self, place: str, text: str | None = None) -> None:
        text = f"of-{place}" if text is None else text
        if place == "argument":
            self.argument = text
        elif place == "variable":
            self.environ["BEARER_TOKEN"] = text
        elif place == "file":
            self.environ["BEARER_TOKEN_FILE"] = str(self.file)
            self.file.write_text(text)
        elif place == "login":
            self.has_login = bool(text)
        else:
            self.well_known.touch(mode=0o600)
            self.well_known.write_text(text)

    def discover(self, *, storage_overridden: bool = False) -> TokenSource | None:
        def stored() -> TokenSource | None:
            return FixedToken(AccessToken("of-login"), "login", CLOCK) if self.has_login else None

        return discover(
            self.environ,
            argument=self.argument,
            stored=stored,
            store=self.store,
            storage_overridden=storage_overridden,
            clock=CLOCK,
        )


ORDER = ["argument", "variable", "file", "login", "well-known"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("first", ORDER)
def test_the_first_that_is_there_wins(world: World, first: str) -> None:
    for place in ORDER[ORDER.index(first) :]:
        world.put(place)
    source = world.discover()
    assert source is not None
    assert source.get().value == f"of-{first}"


@pytest.mark.parametrize("first", ORDER)
@pytest.mark.parametrize("blank", ["", " \t\r\n"])
def test_an_empty_step_falls_through(world: World, first: str, blank: str) -> None:
    for place in ORDER[: ORDER.index(first)]:
        world.put(place, "" if place == "login" else blank)
    world.put(first)
    source = world.discover()
    assert source is not None
    assert source.get().value == f"of-{first}"


@pytest.mark.parametrize("place", ["argument", "variable", "file", "well-known"])
def test_an_invalid_step_is_an_error_and_never_the_next(world: World, place: str) -> None:
    world.put(place, "not a token")
    for later in ORDER[ORDER.index(place) + 1 :]:
        world.put(later)
    with pytest.raises(LoginRequired, match="does not hold an access token") as caught:
        (world.discover() or pytest.fail("fell through")).get()
    assert "not a token" not in str(caught.value)


def test_nothing_anywhere(world: World) -> None:
    world.environ.clear()
    assert world.discover(storage_overridden=True) is None


@pytest.mark.parametrize("place", ORDER)
def test_with_a_foreign_storage_only_what_was_handed_over_counts(world: World, place: str) -> None:
    world.put(place)
    source = world.discover(storage_overridden=True)
    assert (source is not None) is (place in ("argument", "variable", "file"))


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_a_token_file_that_cannot_be_read_is_an_error(world: World, kind: str) -> None:
    world.environ["BEARER_TOKEN_FILE"] = str(world.runtime / "none" if kind == "missing" else world.runtime)
    world.put("login")
    source = world.discover()
    assert source is not None
    with pytest.raises(LoginRequired, match=r"the token file .* cannot be read"):
        source.get()


@as_user
def test_a_token_file_without_the_right_to_read_is_an_error(world: World) -> None:
    world.put("file")
    world.file.chmod(0)
    source = world.discover()
    assert source is not None
    with pytest.raises(LoginRequired, match="cannot be read"):
        source.get()


@pytest.mark.parametrize("mode", [0o644, 0o620])
def test_a_well_known_file_that_others_can_touch_is_refused(world: World, mode: int) -> None:
    world.put("well-known")
    world.well_known.chmod(mode)
    with pytest.raises(UnsafePath, match="is open to others"):
        world.discover()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_well_known_file_of_somebody_else_is_passed_over(world: World) -> None:
    world.put("well-known")
    os.chown(world.well_known, 65534, -1)
    source = world.discover()
    assert source is None or source.description != str(world.well_known)


def test_a_well_known_link_is_refused(world: World) -> None:
    world.put("file")
    world.well_known.symlink_to(world.file)
    del world.environ["BEARER_TOKEN_FILE"]
    with pytest.raises(UnsafePath, match="is a symbolic link"):
        world.discover()


@pytest.mark.parametrize("there", [True, False])
def test_our_own_link_is_for_others(world: World, there: bool) -> None:
    """It leads to the token of one profile; whoever asks for another must not get that one."""
    file = world.store.token_file("other")
    file.parent.mkdir(parents=True, mode=0o700)
    if there:
        file.touch(mode=0o600)
        file.write_text("of-other")
    world.well_known.symlink_to(file)
    source = world.discover()
    assert source is None or source.description == f"/tmp/{world.well_known.name}"
    world.put("login")
    assert (world.discover() or pytest.fail("no login")).get().value == "of-login"


def test_a_token_file_that_is_renewed_is_read_again(world: World) -> None:
    world.put("file", "one")
    source = world.discover()
    assert source is not None
    one = source.get()
    assert source.replace(one) is None
    world.put("file", "two\n")
    assert source.get().value == "two"
    assert source.replace(one) == source.get()


@pytest.mark.parametrize(("text", "found"), [("of-a-pipe\n", "of-a-pipe"), ("\n", "of-login")])
def test_a_pipe_is_read_once(world: World, text: str, found: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    world.environ["BEARER_TOKEN_FILE"] = f"/dev/fd/{reading}"
    world.put("login")
    try:
        source = world.discover()
        assert source is not None
        assert [source.get().value for _ in range(3)] == [found] * 3
    finally:
        os.close(reading)


def test_a_token_file_that_was_emptied_meanwhile(world: World) -> None:
    world.put("file")
    source = world.discover()
    assert source is not None
    world.put("file", "")
    with pytest.raises(LoginRequired, match="is empty"):
        source.get()


@pytest.mark.parametrize("place", ["argument", "variable", "file"])
def test_an_expired_token_says_where_it_came_from(world: World, place: str) -> None:
    world.put(place, jwt(exp=NOW - 1))
    source = world.discover()
    assert source is not None
    with pytest.raises(LoginRequired, match=f"the token from {source.description} has expired"):
        source.get()


def test_a_token_that_will_not_live_long_enough(world: World) -> None:
    world.put("variable", jwt(exp=NOW + 60))
    source = world.discover()
    assert source is not None
    assert source.get(min_ttl_s=60).expires_at == NOW + 60
    with pytest.raises(LoginRequired, match="lives 60 s more, 61 s are wanted"):
        source.get(min_ttl_s=61)
