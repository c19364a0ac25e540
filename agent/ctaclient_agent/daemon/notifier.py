"""Telling the user by a command of his own, `notify_command` in config.toml."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from ctaclient.config.file import load
from ctaclient.errors import ConfigError, CtaError
from ctaclient_agent.process.environment import daemon_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

TIMEOUT_S = 10.0


class Notifier:
    """Runs the command in a thread of its own; `complain` is told why it failed."""

    def __init__(self, config_file: Path, environ: Mapping[str, str], complain: Callable[[str], None]) -> None:
        self._config_file = config_file
        self._environ = daemon_environment(environ)
        self._complain = complain
        self._threads: list[threading.Thread] = []

    def tell(self, text: str) -> None:
        """Start the command, if there is one, with `text` as its last argument."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._run, args=(text,), name="notify_command")
        try:
            thread.start()
        except RuntimeError as error:  # the user's limit of processes
            self._complain(f"notify_command cannot be started: {error}")
            return
        self._threads.append(thread)

    def join(self) -> None:
        """Wait for those under way, which have their limit."""
        for thread in self._threads:
            thread.join()

    def _run(self, text: str) -> None:
        try:
            # Read anew each time: what the user corrects counts at once.
            words = load(self._config_file).notify_command
            if words:
                run_command([*words, text], self._environ)
        except CtaError as error:
            self._complain(error.message)


def run_command(words: Sequence[str], environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> None:
    """Run `words` without a shell, silent and in a session of its own. Raises ConfigError when that fails."""
    name = words[0]
    hint = "correct notify_command in config.toml"
    try:
        process = subprocess.Popen(
            words,
            env=environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigError(f"notify_command: {name} cannot be started: {error.strerror}", hint=hint) from None
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise ConfigError(f"notify_command: {name} did not end within {timeout_s:g} s", hint=hint) from None
    if code != 0:
        raise ConfigError(f"notify_command: {name} ended with code {code}", hint=hint)
