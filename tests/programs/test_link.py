"""`ctaclient agent link`, and what tells of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.user_home import UserHome


def run(home: UserHome, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "ctaclient", *words],
        env={**home.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_link_from_first_to_last(home: UserHome) -> None:
    file = home.log_in("token-of-here")
    done = run(home, "agent", "link")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{home.well_known} leads to the token of profile here\n"
    assert home.well_known.read_text() == file.read_text() == "token-of-here"
    again = run(home, "agent", "link", "-q")
    assert (again.returncode, again.stderr) == (0, "")

    home.log_in("renewed", generation=2)
    assert home.well_known.read_text() == "renewed"

    assert f"link      {home.well_known} leads to profile here\n" in run(home, "agent", "status").stdout
    assert json.loads(run(home, "agent", "status", "--json").stdout)["linked_profile"] == "here"
    assert f"{home.well_known}  (to profile here)\n" in run(home, "config", "show").stdout

    assert run(home, "agent", "link", "--remove").stderr == f"{home.well_known} is removed\n"
    assert not os.path.lexists(home.well_known)
    assert run(home, "agent", "link", "--remove").stderr == "there is no link\n"
    assert "link" not in run(home, "agent", "status").stdout
    assert json.loads(run(home, "agent", "status", "--json").stdout)["linked_profile"] is None
    assert str(home.well_known) not in run(home, "config", "show").stdout


def test_another_profile_does_not_take_the_token_behind_the_link(home: UserHome) -> None:
    home.log_in("token-of-here")
    assert run(home, "agent", "link").returncode == 0
    done = run(home, "token", "--profile", "cta-cscs")
    assert (done.returncode, done.stdout) == (4, "")
    assert "you are not logged in to profile cta-cscs" in done.stderr
    assert run(home, "token", BEARER_TOKEN_FILE=str(home.well_known)).stdout == "token-of-here\n"


def test_a_token_of_another_program_stays(home: UserHome) -> None:
    home.log_in("token-of-here")
    home.well_known.touch(mode=0o600)
    home.well_known.write_text("of-htgettoken")
    for option in ((), ("--remove",)):
        done = run(home, "agent", "link", *option)
        assert (done.returncode, done.stdout) == (6, "")
        assert done.stderr.startswith(
            f"ctaclient: {home.well_known} is of another program and stays as it is\n  try: ls"
        )
    assert home.well_known.read_text() == "of-htgettoken"


def test_without_a_login(home: UserHome) -> None:
    done = run(home, "agent", "link", BEARER_TOKEN="handed-over")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.endswith("  try: ctaclient start-agent --profile cta-cscs\n")
    assert not os.path.lexists(home.well_known)


def test_a_token_too_large_for_xrdcp(home: UserHome) -> None:
    home.log_in("x" * 4097)
    done = run(home, "agent", "link")
    assert done.returncode == 0
    assert "xrdcp reads no token file above 4096" in done.stderr
