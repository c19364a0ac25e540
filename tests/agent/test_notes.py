"""What the agent notes, and when it tells the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.errors import ConfigError, ServerError, Timeout
from ctaclient.tokens.error_file import ErrorFile
from ctaclient_agent.daemon.notes import Notes
from ctaclient_agent.logins.seal import NoKey
from ctaclient_agent.refreshing.refresh import Passing, Refused, Renewed
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.tokens.record import Record
    from tests.support.clock import FakeClock

DAY_S = 86_400.0


class World:
    """An agent's notes with a login whose end can be chosen. `restart` begins a new agent on the same file."""

    def __init__(self, state: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.file = ErrorFile(state)
        self.login_ends_at: float | None = None
        self.told: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.notes = Notes(self.file, self._record, self.clock, self.told.append)

    def tick(self, state: str = "fresh", *, refreshed: bool = True) -> None:
        at = self.clock.now() if refreshed else 0.0
        self.notes.tick({"site": {"state": state, "last_refresh_at": at}})

    def kinds(self) -> list[tuple[str, int, bool]]:
        return [(error.kind, error.count, error.open) for error in self.file.read().errors]

    def _record(self, profile: str) -> Record | None:
        return a_record(login_ends_at=self.login_ends_at) if profile == "site" else None


@pytest.fixture
def world(private: Path, clock: FakeClock) -> World:
    return World(private / "state", clock)


def test_retries_are_one_error_and_success_ends_it(world: World) -> None:
    for _ in range(3):
        world.notes.outcome("site", Passing("HTTP 503", error=ServerError("HTTP 503")))
        world.tick("backoff")
    world.notes.outcome("site", Passing("no answer", error=Timeout("no answer")))
    world.notes.outcome("site", Passing("the store cannot be used: No space left on device"))
    assert world.kinds() == [("server", 3, True), ("timeout", 1, True), ("store", 1, True)]
    world.notes.outcome("site", Renewed(a_record()))
    assert [still_open for _, _, still_open in world.kinds()] == [False, False, False]
    assert world.told == []


def test_what_another_machine_does_or_has_is_no_refusal(world: World) -> None:
    world.notes.outcome("site", Passing("pid 5 on node2 refreshes this login", is_trouble=False))
    assert world.kinds() == []
    world.notes.outcome("site", Passing("not sealed for this machine", error=NoKey("not sealed for this machine")))
    assert world.kinds() == [("store", 1, True)]
    assert world.told == []


def test_a_refusal_is_told_once_and_over_with_a_new_login(world: World) -> None:
    for _ in range(2):
        world.notes.outcome("site", Refused("invalid_grant\x1b[2J"))
        world.tick("login_required")
    world.restart()
    world.notes.outcome("site", Refused("invalid_grant"))
    assert world.told == [
        "the login of profile site has ended: invalid_grant\\x1b[2J; type: ctaclient start-agent --profile site"
    ]
    assert world.kinds() == [("login-required", 3, True)]
    world.tick("fresh")  # somebody logged in on a terminal
    assert world.kinds() == [("login-required", 3, False)]
    world.notes.outcome("site", Refused("again"))
    assert len(world.told) == 2


def test_the_end_of_a_login_is_told_7_days_and_1_day_before(world: World) -> None:
    world.login_ends_at = world.clock.now() + 30 * DAY_S
    told_after_days: list[float] = []
    for hour in range(30 * 24):
        world.tick()
        if hour % 24 == 12:
            world.restart()
        if len(world.told) > len(told_after_days):
            told_after_days.append(hour / 24)
        world.clock.sleep(3600)
    assert told_after_days == [23, 29]
    assert "ends on" in world.told[0]
    assert "start-agent --new-login --profile site" in world.told[1]
    assert world.kinds() == [("login-ends-in-7-days", 1, False), ("login-ends-in-1-day", 1, True)]
    world.login_ends_at = world.clock.now() + 30 * DAY_S  # logged in anew
    world.tick()
    assert world.kinds()[1] == ("login-ends-in-1-day", 1, False)
    assert len(world.told) == 2


def test_an_agent_that_was_off_tells_late_rather_than_never(world: World) -> None:
    world.login_ends_at = world.clock.now() + 30 * DAY_S
    for _ in range(3):
        world.tick()
        world.clock.sleep(3000)
    world.clock.sleep(26 * DAY_S)
    world.restart()
    world.tick()
    assert len(world.told) == 1


@pytest.mark.parametrize("life_s", [None, 1800.0, 6 * DAY_S])
def test_an_end_that_is_not_known_or_moves_is_no_news_and_no_write(world: World, life_s: float | None) -> None:
    for _ in range(200):
        world.login_ends_at = None if life_s is None else world.clock.now() + life_s
        world.tick()
        world.clock.sleep(200)
    assert world.told == []
    assert not world.file.path.exists()


def test_trouble_does_not_hide_the_end_of_a_login(world: World) -> None:
    world.login_ends_at = world.clock.now() + 8 * DAY_S
    world.tick()
    world.clock.sleep(2 * DAY_S)
    world.notes.outcome("site", Passing("HTTP 503", error=ServerError("HTTP 503")))
    world.tick("backoff", refreshed=False)
    assert len(world.told) == 1
    world.notes.outcome("site", Renewed(a_record()))
    assert world.kinds() == [("server", 1, False), ("login-ends-in-7-days", 1, True)]


def test_notes_that_cannot_be_written_stop_nothing(private: Path, clock: FakeClock) -> None:
    (private / "state").touch(mode=0o600)  # in the place of the directory
    world = World(private / "state", clock)
    for _ in range(2):
        world.notes.outcome("site", Refused("invalid_grant"))
    assert len(world.told) == 1


def test_a_record_that_cannot_be_read_stops_nothing(private: Path, clock: FakeClock) -> None:
    def broken(_: str) -> Any:
        raise ConfigError("damaged")

    told: list[str] = []
    notes = Notes(ErrorFile(private / "state"), broken, clock, told.append)
    notes.tick({"site": {"state": "fresh", "last_refresh_at": 1.0}})
    assert told == []
