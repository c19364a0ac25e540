"""The README's code blocks, run as a user would: logged in to a sandbox, an agent in the background."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctaclient.config.file import parse
from ctaclient.config.issuers import Habits

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(logged_in: AgentHome, tmp_path: Path) -> Path:
    """The files that the README speaks of."""
    place = tmp_path / "work"
    (place / "run42").mkdir(parents=True)
    (place / "run42" / "events.txt").write_text("42 events\n")
    (place / "events.txt").write_text("events\n")
    return place


def test_shell_blocks(logged_in: AgentHome, workplace: Path) -> None:
    environ = {**logged_in.environ, "PATH": f"{Path(sys.executable).parent}:{logged_in.environ['PATH']}"}
    assert blocks("shell")
    for block in blocks("shell"):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], env=environ, cwd=workplace, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr

    assert (workplace / "copy.txt").read_text() == "42 events\n"
    assert (workplace / "back" / "run42" / "events.txt").read_text() == "42 events\n"


def test_python_blocks(logged_in: AgentHome, workplace: Path) -> None:
    assert blocks("python")
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", block], env=logged_in.environ, cwd=workplace, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        assert "/data/night1/events.txt adler32:" in done.stdout

    assert (workplace / "here" / "events.txt").read_text() == "events\n"


def test_the_two_commands_are_targets_of_make() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^    make (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)

    assert commands == ["demo", "test"]
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)


def test_links_lead_somewhere() -> None:
    for page in (README, *README.parent.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_links_into_a_page_lead_to_a_heading() -> None:
    for page in (README, *README.parent.glob("docs/*.md")):
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name} -> {target}#{anchor}"


def test_the_configuration_in_the_docs_is_one() -> None:
    page = (README.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    config = parse(tomllib.loads(block), "the docs")
    assert config.default == "sandbox"
    assert config.notify_command == ("notify-send", "ctaclient")
    assert config.profiles["sandbox"].storage_url == "https://localhost:40002"
    assert config.profiles["other"].oidc_agent_account == "other"
    assert config.issuers["https://iam.example.org/"].client_id == "a-public-client"


def test_every_word_of_the_table_of_issuers_is_in_the_docs() -> None:
    page = (README.parent / "docs" / "login.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    tables = tomllib.loads(block)["issuers"]
    assert parse({"issuers": tables}, "the docs").issuers.keys() == {"https://iam.example.org/"}
    assert set(tables["https://iam.example.org/"]) == {f.name for f in dataclasses.fields(Habits)}
