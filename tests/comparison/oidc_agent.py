"""Debian's oidc-agent (`apt install oidc-agent-cli`), driven without a terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from tests.comparison.contender import Said, run
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.providers.issuer import Issuer

_LOGIN_LIMIT_S = 60.0


def version() -> str:
    """As it calls itself. Raises FileNotFoundError where it is not installed."""
    return subprocess.run(["oidc-agent", "--version"], capture_output=True, text=True, check=True).stdout.strip()


class OidcAgent:
    """An agent with its home below `home`.

    It is told to keep the password (`--pw-store`): otherwise it cannot write rotated refresh tokens back to its file.
    """

    def __init__(self, home: Path, *, debug: bool = False) -> None:
        self.name = version()
        self._home = home
        # Not always: with it each call takes 100 ms more.
        self._options = ["--pw-store", *(["--debug"] if debug else [])]
        self._directory = home / ".config" / "oidc-agent"
        self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._password = home / "password"
        self._password.touch(mode=0o600)
        self._password.write_text("of no interest\n")
        self._environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "TMPDIR": str(home)}
        self._log = home / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    @property
    def socket(self) -> Path:
        """What it puts into `OIDC_SOCK`."""
        return self._home / "socket"

    def log_in(self, issuer: Issuer, account: str = "one") -> Said:
        # Form-encoded here, as RFC 6749 2.3.1 wants it and oidc-agent does not do it.
        secret = quote_plus(issuer.client_secret_file.read_text().strip())
        command = [
            *("oidc-gen", "--manual", "--flow=device", "--issuer", issuer.url, "--cp", str(issuer.ca_file)),
            *("--client-id", issuer.confidential_client_id, "--client-secret", secret),
            *("--scope", "openid offline_access", "--prompt=none", "--confirm-default", "--no-url-call"),
            *("--pw-file", str(self._password), account),
        ]
        begun = time.monotonic()
        with subprocess.Popen(
            command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += "" if "\x1b[48" in line else line  # its QR code
                if code := re.search(r"enter the code: (\S+)", line):
                    uri = re.search(r"https?://\S+", said)
                    assert uri is not None
                    issuer.approve(uri[0], code[1], issuer.ca_file)
            exit_code = process.wait(_LOGIN_LIMIT_S)
        return Said(exit_code, "", said, time.monotonic() - begun)

    def token(self, account: str = "one") -> Said:
        return run(["oidc-token", account], self._environ)

    def end_s(self, account: str = "one") -> float:
        return float(run(["oidc-token", "-e", account], self._environ).stdout)

    def kill(self) -> None:
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None
        eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids))

    def restart(self, account: str = "one") -> Said:
        self._start()
        return run(["oidc-add", "--pw-file", str(self._password), account], self._environ)

    def copy(self, home: Path) -> OidcAgent:
        shutil.copytree(self._directory, home / ".config" / "oidc-agent")
        other = OidcAgent(home)
        run(["oidc-add", "--pw-file", str(other._password), "one"], other._environ)
        return other

    def secret_files(self) -> list[Path]:
        return [self._directory / "one"]

    def token_file(self) -> Path | None:
        return None

    def pids(self) -> list[int]:
        if self._process is None:
            return []
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def end(self) -> None:
        self.kill()

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text(errors="replace")

    def _start(self) -> None:
        socket = self.socket
        socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # In the foreground: it closes stderr when it becomes a daemon, and so its log.
                ["oidc-agent", "--console", "--socket-path", str(socket), "--log-stderr", *self._options],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self._environ["OIDC_SOCK"] = str(socket)
        eventually(lambda: run(["oidc-add", "--loaded"], self._environ).exit_code == 0)  # it listens
