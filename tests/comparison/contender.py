"""A token agent as its user sees it, whichever it is: what the comparison drives."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ctaclient.tokens.token import claims

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.providers.issuer import Issuer

CALL_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said; `exit_code` is None for one that did not end within `CALL_LIMIT_S`."""

    exit_code: int | None
    stdout: str = field(repr=False)
    stderr: str
    took_s: float

    def is_good(self, now: float) -> bool:
        """Whether it printed a token that lived by the clock `now` when it was asked for, give or take a second."""
        return self.exit_code == 0 and claims(self.stdout.strip()).get("exp", 0) > now - self.took_s - 1

    def words(self) -> str:
        """Its complaint on one line."""
        if self.exit_code is None:
            return f"no answer within {CALL_LIMIT_S:.0f} s"
        lines = [line.strip() for line in (self.stderr + self.stdout).splitlines() if line.strip()]
        # Where nothing went wrong stdout holds a token.
        shown = " / ".join(lines) if self.exit_code else "ok"
        return f"«{shown[:240]}», exit code {self.exit_code}"


class Contender(Protocol):
    """An agent in a home of its own."""

    name: str

    def log_in(self, issuer: Issuer, account: str = "one") -> Said:
        """A first login by device code, approved by a person."""
        ...

    def token(self, account: str = "one") -> Said:
        """The command that prints an access token."""
        ...

    def end_s(self, account: str = "one") -> float:
        """When the token ends, as it tells its user; seconds since the epoch."""
        ...

    def kill(self) -> None:
        """SIGKILL to its daemon."""
        ...

    def restart(self) -> Said:
        """What has to be typed after that, without a person who approves anything."""
        ...

    def copy(self, home: Path) -> Contender:
        """The same logins on another host: a copy of the home, with an agent of its own."""
        ...

    def secret_files(self) -> list[Path]:
        """Where the refresh token lies."""
        ...

    def token_file(self) -> Path | None:
        """The access token as a file that any program may read, if there is one."""
        ...

    def pids(self) -> list[int]:
        """Its processes."""
        ...

    def log(self) -> str:
        """What it logged, with everything turned on that it has."""
        ...

    def end(self) -> None:
        """No process is left."""
        ...


def run(command: list[str], environ: Mapping[str, str]) -> Said:
    """Run a command as a batch job would: no terminal, no input."""
    begun = time.monotonic()
    with subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=CALL_LIMIT_S)
            exit_code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            exit_code = None
    return Said(exit_code, stdout, stderr, time.monotonic() - begun)
