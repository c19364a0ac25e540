"""`docs/agent.md`: its commands and its settings are tried."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.config.file import parse
from ctaclient_agent.commands.unit import FINAL, WATCHDOG_S

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

PAGE = (Path(__file__).parents[2] / "docs" / "agent.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_commands(logged_in: AgentHome) -> None:
    environ = {**logged_in.environ, "PATH": f"{Path(sys.executable).parent}:{logged_in.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", block("shell")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "  state   fresh\n" in done.stdout
    assert "started" in done.stdout
    assert done.stdout.endswith("\n0\n")


def test_the_settings() -> None:
    for text in (block("toml"), block("toml").replace("notify_command", "#", 1).replace("# notify", "notify")):
        words = parse(tomllib.loads(text), "the docs").notify_command
        assert words[0] in ("notify-send", "sh")


def test_the_figures() -> None:
    assert f"after {WATCHDOG_S} s of silence" in PAGE
    assert f"RestartPreventExitStatus={' '.join(map(str, FINAL))}" in PAGE
