"""The user's own command."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from ctaclient.errors import ConfigError
from ctaclient_agent.daemon.notifier import Notifier, run_command
from tests.support.unusual import no_threads
from tests.support.waiting import eventually

WRITE = "import os, sys; open(sys.argv[1], 'a').write(repr((sys.argv[2:], sorted(os.environ), os.getcwd())))"


def notifier(tmp_path: Path, config: str) -> tuple[Notifier, list[str]]:
    file = tmp_path / "config.toml"
    file.write_text(config)
    complaints: list[str] = []
    environ = {"PATH": "/bin", "BEARER_TOKEN": "secret", "NOTIFY_SOCKET": "/x", "XDG_RUNTIME_DIR": "/run/user/1"}
    return Notifier(file, environ, complaints.append), complaints


def test_the_text_is_the_last_argument_and_no_shell_sees_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [sys.executable, "-c", WRITE, str(out), "--title"]
    running, complaints = notifier(tmp_path, f"notify_command = {words!r}")
    running.tell("login; $(touch x) `y` 'z'")
    running.join()
    assert complaints == []
    arguments, environ, directory = eval(out.read_text())
    assert arguments == ["--title", "login; $(touch x) `y` 'z'"]
    assert set(environ) - {"LC_CTYPE"} == {"PATH", "XDG_RUNTIME_DIR"}
    assert directory == "/"


def test_no_command_is_no_command(tmp_path: Path) -> None:
    running, complaints = notifier(tmp_path, "")
    running.tell("x")
    running.join()
    assert complaints == []


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ('notify_command = ["/nonexistent/program"]', "/nonexistent/program cannot be started"),
        ('notify_command = ["false"]', "false ended with code 1"),
        ("notify_command = 'mail me'", "'notify_command' is a list of texts"),
        ('notify_command = [""]', "'notify_command' is a list of texts"),
        ('notify_command = ["a\\u0000b"]', "'notify_command' is a list of texts"),
    ],
)
def test_what_does_not_work_is_complained_about(tmp_path: Path, config: str, why: str) -> None:
    running, complaints = notifier(tmp_path, config)
    running.tell("x")
    running.join()
    assert len(complaints) == 1
    assert why in complaints[0]


def test_at_the_limit_of_processes_that_is_complained_about(tmp_path: Path) -> None:
    running, complaints = notifier(tmp_path, 'notify_command = ["true"]')
    with no_threads():
        running.tell("x")
    running.join()
    assert complaints == ["notify_command cannot be started: can't start new thread"]


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {shlex.quote(str(pid_file))}; wait"
    began = time.monotonic()
    with pytest.raises(ConfigError, match=r"did not end within 0\.5 s"):
        run_command(["sh", "-c", script, "sh"], {"PATH": os.environ["PATH"]}, timeout_s=0.5)
    assert time.monotonic() - began < 10
    pid = int(pid_file.read_text())
    eventually(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
