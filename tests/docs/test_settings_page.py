"""`docs/settings.md`: what it says of the places of things and of a key's passphrase, tried."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.cli.commands import start_agent
from ctaclient.config.paths import Paths
from ctaclient_agent.machines.place import machine_directory

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

TEXT = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
PASSPHRASE = "four words for it"


def test_a_key_gets_a_passphrase(logged_in: AgentHome, tmp_path: Path) -> None:
    (block,) = re.findall(r"^```shell\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    by_command, by_descriptor = block.splitlines()
    (tmp_path / "passphrase.txt").write_text(f"{PASSPHRASE}\n")
    keeper = tmp_path / "pass"
    keeper.write_text(f'#!/bin/sh\n[ "$*" = "show ctaclient" ] && echo "{PASSPHRASE}"\n')
    keeper.chmod(0o700)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), logged_in.environ["PATH"]])

    def run(line: str) -> subprocess.CompletedProcess[str]:
        environ = {**logged_in.environ, "PATH": path}
        command = ["bash", "-c", line]
        return subprocess.run(
            command, env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    vault = logged_in.vault()
    before = vault.machine.key()
    assert before is not None
    key_file = vault.machine.key_file
    assert run(by_command).returncode == 0
    assert json.loads(key_file.read_bytes())["kind"] == "passphrase"
    without = run("ctaclient start-agent")
    assert without.returncode == 2
    assert "needs a passphrase" in without.stderr

    logged_in.end()
    generation = logged_in.generation()
    done = run(by_descriptor)
    assert done.returncode == 0, done.stderr
    assert "code" not in done.stderr  # no new login
    assert logged_in.generation() > generation
    assert logged_in.status()["lease"]["machine"] == json.loads(key_file.read_bytes())["machine"]
    wrong = run("ctaclient start-agent --passphrase-command 'echo wrong'")
    assert wrong.returncode == 2
    assert "does not open" in wrong.stderr
    logout = run(by_descriptor.replace("start-agent", "logout"))
    assert logout.returncode == 0, logout.stderr
    assert logged_in.vault().stamp(logged_in.profile) is None


def test_the_options_are_those_of_the_program() -> None:
    table = "".join(re.findall(r"^\| `--.*\n", TEXT, re.MULTILINE))
    named = set(re.findall(r"`(--[\w-]+)", table))
    known = {option for parameter in start_agent.command.params for option in parameter.opts}
    assert named == {"--passphrase-fd", "--passphrase-command", "--keyring"}
    assert named <= known


def test_the_places_are_those_of_the_program(tmp_path: Path) -> None:
    rows = [row.strip("|").split(" | ") for row in TEXT.splitlines() if re.match(r"\| .* \| `~/", row)]
    home = {"CTACLIENT_HOME": str(tmp_path)}
    usual, own = (Paths.of(environ) for environ in ({}, home))
    assert [Path(row[3].strip(" `")) for row in rows] == [
        path.relative_to(tmp_path) for path in (own.config, own.store, own.state)
    ]
    if sys.platform.startswith("linux"):
        linux = [Path(row[1].strip(" `")).expanduser() for row in rows]
        assert linux == [usual.config, usual.store, usual.state]
    assert machine_directory(Paths.of(home), home) == tmp_path / "state" / "machine"
    assert "`state/machine` below it" in TEXT
