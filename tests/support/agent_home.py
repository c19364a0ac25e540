"""An agent in an empty home, on a sandbox: how tests log in as a person does."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ctaclient.config.paths import Paths
from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.sandbox.person import approve
from ctaclient.tokens.lock import FileLock
from ctaclient.tokens.store import TokenStore
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.machines.place import machine_directory
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.sandbox.sandbox import Sandbox

_TIMEOUT_S = 60.0
Program = Literal["agent", "client"]
_PROGRAMS = {"agent": ("-m", "ctaclient_agent", "start"), "client": ("-m", "ctaclient", "start-agent")}


@dataclass(frozen=True)
class Finished:
    """A `start` that has ended. `approved_at` is wall clock."""

    exit_code: int
    stdout: str
    stderr: str
    approved_at: float


class Terminal:
    """A terminal at which somebody types `secret` when asked for it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._here, self._there = pty.openpty()

    def around(self, command: list[str]) -> list[str]:
        """`command` with this as its controlling terminal: the first that the leader of a session opens."""
        program = "import os, sys; os.close(os.open(sys.argv[1], os.O_RDWR)); os.execv(sys.argv[2], sys.argv[2:])"
        return [sys.executable, "-c", program, os.ttyname(self._there), *command]

    def answer(self) -> None:
        """Wait for the question (getpass throws away what was typed before), then type."""
        seen = b""
        while b"Secret of" not in seen:
            seen += os.read(self._here, 1024)
        os.write(self._here, self._secret.encode() + b"\n")

    def close(self) -> None:
        os.close(self._here)
        os.close(self._there)


class AgentHome:
    """An agent's world below one directory, and the processes in it."""

    # In the environment of whoever starts an agent, and none of its business.
    strangers: ClassVar[dict[str, str]] = {"BEARER_TOKEN": "of-somebody-else", "LEAKED": "of-no-interest"}

    def __init__(self, home: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "CTACLIENT_HOME": str(home),
            "CTACLIENT_CA_BUNDLE": str(sandbox.ca_file),
        }
        self.home = home
        self.profile = "localhost"
        self.use(self.environ, Paths.of(self.environ))

    def use(self, environ: dict[str, str], paths: Paths) -> None:
        """Live at `paths`, as `environ` says."""
        self.environ, self.paths = environ, paths
        self.store = TokenStore(paths.store)
        self.lock_file = paths.runtime / "agent.lock"

    def arguments(self, client_id: str | None = None) -> list[str]:
        sandbox = self.sandbox
        return [
            *("--issuer", sandbox.issuer_url, "--storage-url", sandbox.storage_url),
            *("--client-id", client_id or sandbox.client_id),
        ]

    def start(
        self, *arguments: str, deny: bool = False, terminal: Terminal | None = None, program: Program = "agent"
    ) -> Finished:
        """Run `start` until the end of its output, doing what it asks a person to do."""
        command = [sys.executable, "-P", *_PROGRAMS[program], *arguments]
        process = subprocess.Popen(
            command if terminal is None else terminal.around(command),
            env={**self.environ, **self.strangers},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # no terminal to ask for a secret, but the given one
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            said, approved_at = "", time.time()
            for line in process.stderr:
                said += line
                if "refused the login" in line and terminal is not None:
                    terminal.answer()
                if code := re.search(r"enter the code (\S+)", line):
                    uri = re.search(r"https://\S+", said)
                    assert uri is not None
                    approve(uri[0], code[1], self.sandbox.ca_file, deny=deny)
                    approved_at = time.time()
            # No descriptor of ours may live on in the daemon, or this would never end.
            stdout = process.stdout.read()
        return Finished(process.wait(), stdout, said, approved_at)

    def log_in(self) -> Finished:
        """A first login that works."""
        done = self.start(*self.arguments())
        assert done.exit_code == 0, done.stderr
        return done

    def vault(self) -> Vault:
        """The store as the agent in this home sees it."""
        return Vault(self.paths.store, Machine(machine_directory(self.paths, self.environ), self.paths.store))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any other command of `ctaclient`."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "ctaclient", *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def ask(self, request: Request) -> dict[str, Any]:
        answer = ask(self.paths.agent_socket, request)
        assert answer is not None, "no agent runs"
        return answer

    def status(self) -> dict[str, Any]:
        return self.ask(Request("status"))

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.status()["profiles"][self.profile]
        return facts

    def has_login(self) -> bool:
        """Whether there is anything but a store without logins."""
        return self.paths.config.exists() or any(self.paths.store.glob("*/*.sealed"))

    def pid(self) -> int:
        return int(json.loads(self.lock_file.read_bytes())["pid"])

    def runs(self) -> bool:
        """Whether an agent holds the store."""
        if not self.lock_file.exists():
            return False
        lock = FileLock(self.lock_file)
        free = lock.acquire(wait=False)
        lock.release()
        return not free

    def generation(self) -> int:
        record = self.store.record(self.profile)
        return record.generation if record else 0

    def token_requests(self) -> int:
        return sum(1 for record in self.sandbox.records("issuer") if record.path == "/token")

    def log(self) -> str:
        return self.paths.agent_log.read_text() if self.paths.agent_log.exists() else ""

    def end(self) -> None:
        """Kill the agent, if one runs."""
        if self.runs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(), signal.SIGKILL)
            eventually(lambda: not self.runs())
