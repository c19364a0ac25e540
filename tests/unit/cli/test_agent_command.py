"""`ctaclient agent status` and `stop-agent` where nothing runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Outcome

    Cli = Callable[..., Outcome]


def test_nothing_runs(cli: Cli) -> None:
    outcome = cli("agent", "status")
    assert (outcome.code, outcome.out) == (3, "agent: not running\n")
    assert json.loads(cli("agent", "status", "--json").out) == {"running": False, "profiles": {}}


def test_the_logins_are_shown_all_the_same(cli: Cli, home: Path) -> None:
    store = TokenStore(home / "store")
    store.publish(a_record(state="login_required", reason="revoked\x1b[2J"), AccessToken("token-1"))
    outcome = cli("agent", "status")
    assert outcome.code == 3
    assert outcome.out.splitlines()[1].startswith("profile site: login required, token expired 2023-11-1")
    assert outcome.out.endswith("last error: revoked\\x1b[2J\n")
    assert "token-1" not in outcome.out


def test_times_that_no_calendar_has(cli: Cli, home: Path) -> None:
    TokenStore(home / "store").publish(a_record(expires_at=1e30), AccessToken("token-1"))
    assert cli("agent", "status").code == 3


def test_stop_where_nothing_runs(cli: Cli) -> None:
    outcome = cli("stop-agent")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "no agent is running\n")
