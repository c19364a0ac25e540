"""What the agent noted is said once, by client calls, on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ctaclient.config.file import save_profile
from ctaclient.config.profiles import Profile
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.error_list import ENDS_IN_1_DAY, LOGIN_REQUIRED, over, sighted
from ctaclient.tokens.lock import FileLock
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Outcome

    Cli = Callable[..., Outcome]

SAID = "ctaclient: the login of site has ended: revoked\\x1b[2J\n"
NOBODY = "https://127.0.0.1:9"  # where nobody listens: the call fails at once, which is as good as any


@pytest.fixture
def noted(home: Path) -> ErrorFile:
    """A login that has ended, and its last token, which is still good; the agent has noted it."""
    save_profile(home / "config" / "config.toml", Profile("site", storage_url=NOBODY), make_default=True)
    publish(home, expires_in_s=600)
    file = ErrorFile(home / "state")
    note(file, LOGIN_REQUIRED, "the login of site has ended: revoked\x1b[2J")
    return file


def publish(home: Path, *, expires_in_s: float) -> None:
    record = a_record(
        state="login_required", reason="revoked", storage_url=NOBODY, expires_at=time.time() + expires_in_s
    )
    TokenStore(home / "store").publish(record, AccessToken("token-1"))


def note(file: ErrorFile, kind: str, message: str) -> None:
    file.change(lambda known: sighted(known, "site", kind, message, 1.0))


@pytest.mark.parametrize("call", [["ls"], ["stat", "/x"], ["mkdir", "/x"], ["rm", "/x"], ["get", "/x"]], ids=" ".join)
def test_the_next_call_says_it_and_no_other(cli: Cli, noted: ErrorFile, call: list[str]) -> None:
    first = cli(*call)
    assert (first.code, first.out) == (7, "")
    assert first.err.startswith(SAID)
    assert SAID not in cli(*call).err
    note(noted, LOGIN_REQUIRED, "again")  # a retry of the agent is no change
    assert "again" not in cli(*call).err


def test_a_new_change_is_said_again(cli: Cli, noted: ErrorFile) -> None:
    assert SAID in cli("ls").err
    noted.change(lambda known: (over(known, "site"), None))
    note(noted, LOGIN_REQUIRED, "ended once more")
    note(noted, ENDS_IN_1_DAY, "ends tomorrow")
    assert cli("ls").err.startswith("ctaclient: ended once more\nctaclient: ends tomorrow\n")


def test_token_says_nothing_and_leaves_it_to_others(cli: Cli, noted: ErrorFile) -> None:
    assert cli("token") == cli("print-token")
    assert (cli("token").out, cli("token").err) == ("token-1\n", "")
    assert cli("ls", "--quiet").err.count(SAID) == 0
    assert cli("ls").err.count(SAID) == 1


def test_what_was_read_or_is_over_is_not_said(cli: Cli, noted: ErrorFile) -> None:
    cli("agent", "errors", "ack", "--all")
    assert SAID not in cli("ls").err
    note(noted, ENDS_IN_1_DAY, "ends tomorrow")
    noted.change(lambda known: (over(known, "site"), None))
    assert "tomorrow" not in cli("ls").err


def test_an_error_that_says_the_same_is_enough(cli: Cli, noted: ErrorFile, home: Path) -> None:
    publish(home, expires_in_s=-1)
    outcome = cli("ls")
    assert outcome.code == 4
    assert outcome.err == (
        "ctaclient: the login of profile site has ended: revoked\n  try: ctaclient start-agent --profile site\n"
    )


@pytest.mark.parametrize("fault", ["damaged", "open", "busy", "record"])
def test_trouble_with_the_notes_stands_in_nobodys_way(cli: Cli, noted: ErrorFile, home: Path, fault: str) -> None:
    def call() -> Outcome:
        return cli("mkdir", "/x", "--profile", "cta-cscs")

    expected = call().err.replace(SAID, "")
    noted.change(lambda known: (over(known, "site"), None))
    note(noted, LOGIN_REQUIRED, "again")
    match fault:
        case "damaged":
            noted.path.write_bytes(b"?")
        case "open":
            noted.path.chmod(0o644)
        case "record":
            TokenStore(home / "store").record_file("site").write_bytes(b"?")
        case "busy":
            with FileLock(noted.path.with_name("agent-errors.lock")):
                assert call().err == expected
            assert "again" in call().err
            return
    outcome = call()
    assert (outcome.code, outcome.err) == (4, expected)
