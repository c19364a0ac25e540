"""Help, and what it says to mistyped commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ctaclient import __version__
from ctaclient.cli.app import ALIASES, COMMANDS, app
from ctaclient.cli.run import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Outcome

    Cli = Callable[..., Outcome]


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_its_line(cli: Cli, flag: str) -> None:
    outcome = cli(flag)
    assert (outcome.code, outcome.err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[A-Z].*\S", outcome.out, re.MULTILINE), name


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_every_command_and_alias_explains_itself_and_its_options(cli: Cli, name: str) -> None:
    outcome = cli(name, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: ctaclient {name}")
    for option in re.findall(r"^  (-.*)$", outcome.out, re.MULTILINE):
        assert re.search(r"\S {2,}\S", option) or len(option) > 20, f"{name}: {option} is not explained"


def test_the_same_options_everywhere() -> None:
    for name in ("get", "ls", "mkdir", "put", "rm", "stat", "token"):
        command = app.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        names = {option for parameter in command.params for option in parameter.opts}
        assert {"--profile", "--storage-url", "--ca-bundle", "--verbose", "--quiet", "--debug"} <= names, name


def test_version(cli: Cli) -> None:
    outcome = cli("--version")
    assert (outcome.code, outcome.out) == (0, f"ctaclient, version {__version__}\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sl", "ls"),
        ("lst", "ls"),
        ("status", "agent status"),
        ("logs", "agent logs"),
        ("login", "start-agent"),
        ("start-agnt", "start-agent"),
        ("tokn", "token"),
        ("remove", "rm"),
        ("mv", None),
        ("PUT", None),
    ],
)
def test_a_typing_mistake(cli: Cli, typed: str, meant: str | None) -> None:
    outcome = cli(typed)
    assert outcome.code == 2
    assert f"there is no command '{typed}'" in outcome.err
    if meant:
        assert f"did you mean '{meant}'?" in outcome.err


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--nonsense"],
        ["ls", "--nonsense"],
        ["ls", "/a", "/b"],
        ["get"],
        ["put", "a"],
        ["mkdir"],
        ["rm"],
        ["stat"],
        ["agent"],
        ["agent", "dance"],
        ["config"],
        ["token", "--format", "xml"],
        ["token", "--min-ttl", "soon"],
        ["ls", "--profile"],
    ],
    ids=" ".join,
)
def test_usage_errors_exit_2(cli: Cli, args: list[str]) -> None:
    outcome = cli(*args)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: ctaclient" in outcome.err or outcome.err.startswith("Error: ")
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["ls", "/a/../b"], "'..' cannot be a name in a path"),
        (["ls", "http://door/a"], "http:// is not understood"),
        (["ls", "cta://Site/a"], "'Site' is no profile name"),
        (["ls", "--profile", "../x"], "'../x' is no profile name"),
        (["ls", "--profile", "nobody"], "there is no profile 'nobody' (from argument)"),
        (["--", "ls", "//a/"], "'' cannot be a name"),
        (["ls", "--storage-url", "https://a b"], "not a usable URL"),
        (["ls", "--storage-url", "http://door"], "is not https"),
        (["rm", "-r", "/a"], "there is no terminal"),
        (["rm", "-r", "/"], "there is no terminal"),
        (["rm", ""], "the remote name is empty"),
        (["rm", "-r", "--yes", ""], "the remote name is empty"),
        (["ls", ""], "the remote name is empty"),
        (["stat", ""], "the remote name is empty"),
        (["mkdir", ""], "the remote name is empty"),
        (["get", ""], "the remote name is empty"),
        (["put", "", "/a"], "the name of the local file is empty"),
        (["get", "/a", "-"], "standard output is no target yet"),
        (["put", "x/f", "y/f", "/d"], "x/f and y/f would both become f"),
        (["put", "f", "d", "./f", "/d/"], "f and ./f would both become f"),
        (["get", "-r", "/a", "--ca-bundle", "/nonexistent"], "the CA bundle /nonexistent cannot be used"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_exits_2_and_says_what_to_type(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, args: list[str], why: str
) -> None:
    monkeypatch.setenv("BEARER_TOKEN", "x" * 20)
    outcome = cli(*args)
    assert outcome.code == 2, outcome.err
    first, *rest = outcome.err.splitlines()
    assert first.startswith("ctaclient: ")
    assert why in first
    assert len(rest) == 1
    assert rest[0].startswith("  try: ")


def test_the_first_line_of_an_error_is_one_line(cli: Cli) -> None:
    outcome = cli("ls", "--profile", "a\nb\x1b[2J")
    assert len(outcome.err.splitlines()) == 2
    assert "\x1b" not in outcome.err


def test_run_returns_and_never_exits() -> None:
    assert run(["--version"]) == 0
