"""`ctaclient token`: for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ctaclient.cli.commands.token import duration
from tests.unit.conftest import jwt

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Outcome

    Cli = Callable[..., Outcome]

FAR = 4_000_000_000


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    value = jwt(exp=FAR)
    monkeypatch.setenv("BEARER_TOKEN", f" {value}\n")
    return value


@pytest.mark.parametrize("name", ["token", "print-token"])
def test_raw(cli: Cli, token: str, name: str) -> None:
    outcome = cli(name)
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{token}\n", "")


def test_header(cli: Cli, token: str) -> None:
    assert cli("token", "--format", "header").out == f"Authorization: Bearer {token}\n"


def test_json(cli: Cli, token: str) -> None:
    document = json.loads(cli("token", "--format", "json").out)
    assert document == {"profile": "cta-cscs", "token": token, "expires_at": FAR}


def test_of_a_file(
    cli: Cli, home: object, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path_factory.mktemp("token") / "file"
    file.write_text("from-a-file\n")
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(file))
    assert cli("token").out == "from-a-file\n"
    assert cli("token", "--format", "file").out == f"{file}\n"


def test_the_file_of_a_token_that_lies_in_none(cli: Cli, token: str) -> None:
    outcome = cli("token", "--format", "file")
    assert (outcome.code, outcome.out) == (2, "")
    assert "the token from BEARER_TOKEN lies in no file" in outcome.err


def test_not_logged_in(cli: Cli) -> None:
    outcome = cli("token")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err == (
        "ctaclient: you are not logged in to profile cta-cscs\n  try: ctaclient start-agent --profile cta-cscs\n"
    )


@pytest.mark.parametrize("value", ["two words", "a\nb", jwt(exp=1)])
def test_a_token_that_is_none_is_not_repeated(cli: Cli, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BEARER_TOKEN", value)
    outcome = cli("token")
    assert (outcome.code, outcome.out) == (4, "")
    assert "BEARER_TOKEN" in outcome.err
    assert value not in outcome.err


def test_too_short_a_life(cli: Cli, token: str) -> None:
    assert cli("token", "--min-ttl", "1h").code == 0
    outcome = cli("token", "--min-ttl", "999999999h")
    assert (outcome.code, outcome.out) == (4, "")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("0.5", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1d", "h", "1 h", "1e3", "inf"])
def test_no_durations(cli: Cli, text: str) -> None:
    assert cli("token", "--min-ttl", text).code == 2
