"""The line of status, and notes of bugs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.config.paths import Paths
from ctaclient.errors import AgentError
from ctaclient.tokens.error_file import ErrorFile
from ctaclient_agent.daemon.supervisor import Supervisor, status_line
from ctaclient_agent.process.moments import local_time

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock


def facts(state: str, next_attempt_at: float | None = None) -> dict[str, Any]:
    return {"state": state, "next_attempt_at": next_attempt_at, "last_refresh_at": None}


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        ({}, "0 of 0 logins alive"),
        ({"a": facts("fresh", 9.0), "b": facts("fresh", 5.0)}, f"2 of 2 logins alive; next refresh {local_time(5.0)}"),
        ({"a": facts("backoff", 9.0)}, "1 of 1 logins alive; trying again: a"),
        (
            {"a": facts("login_required"), "b": facts("fresh", 5.0)},
            f"1 of 2 logins alive; login needed: a; next refresh {local_time(5.0)}",
        ),
    ],
)
def test_status_line(profiles: dict[str, Any], expected: str) -> None:
    assert status_line(profiles) == expected


class Broken:
    def refresh(self, profile: str, *, known: str | None = None) -> Any:
        raise ValueError("refresh_token=opaque-1234567")


def test_bugs_are_noted_without_their_text(private: Path, clock: FakeClock) -> None:
    paths = Paths(private, private, private / "state", private)
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000", "KEPT": "1"}
    supervisor = Supervisor.of(paths, lambda _: None, clock, environ)
    assert environ == {"KEPT": "1"}
    assert (supervisor.slice_s(30), supervisor.slice_s(0.5)) == (1.0, 0.5)
    with supervisor, pytest.raises(ValueError, match="opaque"):
        supervisor.noting(Broken()).refresh("site")  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt), supervisor:
        raise KeyboardInterrupt
    with pytest.raises(AgentError), supervisor:
        raise AgentError("another one listens")
    errors = ErrorFile(paths.state).read().errors
    assert [(error.profile, error.kind, error.message) for error in errors] == [
        ("site", "internal", "the refresh failed: ValueError"),
        (None, "internal", "the agent ended: KeyboardInterrupt; see ctaclient agent logs"),
        (None, "agent", "the agent ended: another one listens"),
    ]


class Full:
    def store_unsaved(self) -> list[str]:
        return ["site"]


def test_what_an_agent_could_not_store_is_noted_when_it_ends(private: Path, clock: FakeClock) -> None:
    paths = Paths(private, private, private / "state", private)
    with Supervisor.of(paths, lambda _: None, clock, {}) as supervisor:
        assert supervisor.noting(Full()).store_unsaved() == ["site"]  # type: ignore[arg-type]
    (error,) = ErrorFile(paths.state).read().errors
    assert (error.profile, error.kind) == ("site", "store")
    assert "before it could store what the issuer answered for profile site" in error.message


def test_without_a_watchdog_the_loop_waits_as_long_as_it_likes(private: Path, clock: FakeClock) -> None:
    paths = Paths(private, private, private / "state", private)
    with Supervisor.of(paths, lambda _: None, clock, {}) as supervisor:
        assert supervisor.slice_s(30) == 30
