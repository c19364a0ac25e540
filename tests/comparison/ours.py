"""Our agent, as the comparison drives it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.comparison.contender import Said, run
from tests.providers.home import Home
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from ctaclient.sandbox import Sandbox
    from tests.providers.issuer import Issuer

_CTACLIENT = [sys.executable, "-P", "-m", "ctaclient"]


class Ours:
    """An agent with everything of it below `home`."""

    name = "ctaclient"

    def __init__(self, home: Path, sandbox: Sandbox, issuer: Issuer, *, debug: bool = False) -> None:
        self._sandbox = sandbox
        self._issuer = issuer
        self._options = ["--debug"] if debug else []
        self.home = Home(home, sandbox, issuer)

    def log_in(self, issuer: Issuer, account: str = "one") -> Said:
        self.home.issuer = issuer
        begun = time.monotonic()
        arguments = ["--profile", account, "--ca-bundle", str(issuer.ca_file), *self._options]
        done = self.home.start_agent(*self.home.confidential(), *arguments)
        return Said(done.exit_code, done.stdout, done.stderr, time.monotonic() - begun)

    def token(self, account: str = "one") -> Said:
        return run([*_CTACLIENT, "token", "--profile", account], self.home.environ)

    def end_s(self, account: str = "one") -> float:
        said = run([*_CTACLIENT, "token", "--profile", account, "--format", "json"], self.home.environ)
        return float(json.loads(said.stdout)["expires_at"])

    def kill(self) -> None:
        os.kill(self.home.pid(), signal.SIGKILL)
        eventually(lambda: not self.home.runs())

    def restart(self, account: str = "one") -> Said:
        return run([*_CTACLIENT, "start-agent", "--profile", account], self.home.environ)

    def copy(self, home: Path) -> Ours:
        shutil.copytree(self.home.home, home, ignore=_sockets)
        other = Ours(home, self._sandbox, self._issuer)
        other.restart()
        return other

    def secret_files(self) -> list[Path]:
        return sorted(self.home.paths.store.rglob("*.sealed"))

    def token_file(self) -> Path | None:
        return self.home.store.token_file("one")

    def pids(self) -> list[int]:
        return [self.home.pid()]

    def end(self) -> None:
        self.home.end()

    def log(self) -> str:
        """What it logged."""
        return self.home.log()


def _sockets(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(directory) / name).is_socket()]
