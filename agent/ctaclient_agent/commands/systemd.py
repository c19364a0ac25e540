"""The systemd user manager, asked by `systemctl` and `loginctl`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient._util.private import write_private
from ctaclient._util.redact import printable
from ctaclient.errors import AgentError, ConflictError, CtaError
from ctaclient_agent.commands import unit

if TYPE_CHECKING:
    from collections.abc import Mapping

# A start waits for READY=1, a stop for a refresh under way.
_TIMEOUT_S = 100.0
# What is known without doing anything.
_QUESTION_TIMEOUT_S = 10.0
_JOURNAL = f"journalctl --user -u {unit.NAME}; ctaclient agent logs"


class UserManager:
    """The manager of this user, and our unit in it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        config = environ.get("XDG_CONFIG_HOME", "")
        base = Path(config) if os.path.isabs(config) else Path(environ.get("HOME") or "~").expanduser() / ".config"
        self.directory = base / "systemd" / "user"
        self.file = self.directory / unit.NAME

    def is_there(self) -> bool:
        """Whether it can be talked to: not in most containers, and not on hosts with another init."""
        return self._is("show-environment")

    def unit(self) -> str | None:
        """Our unit's text, or None when none is installed. Raises ConflictError when it is somebody else's."""
        try:
            text = None if self.file.is_symlink() else self.file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        if text is None or not unit.is_ours(text):
            raise ConflictError(f"{self.file} was not written by ctaclient", hint=f"ls -l {self.file}")
        return text

    def serves(self, store: Path) -> bool:
        """Whether our unit is installed for `store`, enabled, and can be started."""
        try:
            text = self.unit()
        except (OSError, ConflictError):
            return False
        return text is not None and unit.serves(text, store) and self._is("is-enabled", unit.NAME) and self.is_there()

    def write(self, text: str) -> None:
        """Install or replace the unit."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_private(self.file, text.encode())
        self._must("daemon-reload")

    def remove(self) -> None:
        """Remove the unit, with a manager or without."""
        if self.is_there():
            self._must("disable", "--now", unit.NAME)
        for path in (self.directory / "default.target.wants" / unit.NAME, self.file):
            path.unlink(missing_ok=True)
        if self.is_there():
            self._must("daemon-reload")

    def is_active(self) -> bool:
        """Whether the unit's agent runs."""
        return self._is("is-active", unit.NAME)

    def enable(self) -> None:
        """Have it started at each login."""
        self._must("enable", unit.NAME)

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._must("start", unit.NAME)

    def restart(self) -> None:
        """Start the agent of a changed unit."""
        self._must("restart", unit.NAME)

    def lingers(self) -> bool | None:
        """Whether it lives on after the last logout; None when nobody knows."""
        question = ("show-user", str(os.geteuid()), "--property=Linger", "--value")
        try:
            done = self._run("loginctl", *question, timeout_s=_QUESTION_TIMEOUT_S)
        except CtaError:
            return None
        return {"yes": True, "no": False}.get(done.stdout.strip()) if done and done.returncode == 0 else None

    def _is(self, *question: str) -> bool:
        done = self._run("systemctl", "--user", "--quiet", *question, timeout_s=_QUESTION_TIMEOUT_S)
        return done is not None and done.returncode == 0

    def _must(self, *words: str) -> None:
        done = self._run("systemctl", "--user", *words)
        if done is None or done.returncode != 0:
            said = done.stderr.strip().splitlines() if done else []
            why = f": {printable(said[0])}" if said else ""
            raise AgentError(f"systemctl --user {' '.join(words)} failed{why}", hint=_JOURNAL)

    def _run(
        self, program: str, *arguments: str, timeout_s: float = _TIMEOUT_S
    ) -> subprocess.CompletedProcess[str] | None:
        """What came of it, or None when there is no such program."""
        path = shutil.which(program, path=self._environ.get("PATH"))
        if path is None:
            return None
        try:
            return subprocess.run(
                [path, *arguments],
                env={**self._environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise AgentError(f"{program} did not answer within {timeout_s:.0f} s", hint=_JOURNAL) from None
        except OSError as error:
            raise CtaError(f"{program} cannot be started: {printable(error.strerror or '')}") from None
