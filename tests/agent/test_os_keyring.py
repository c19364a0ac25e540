"""The system's keyring, which may be silent. In processes of their own: the library is an extra, and here our own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LIBRARY = """
import threading
asked, go = [], threading.Event()
def get_password(service, name):
    asked.append(name)
    go.wait(30)
    return "secret"
"""

ASK = """
import threading, keyring
from ctaclient.errors import ConfigError
from ctaclient_agent.machines.os_keyring import OsKeyring
from tests.support.unusual import no_threads

def ask(system, name):
    try:
        print(system.read(name))
    except ConfigError as error:
        print(error)
"""

SILENT = """
system = OsKeyring(limit_s=0.05)
for name in "abc":
    ask(system, name)
print(keyring.asked, threading.active_count())
keyring.go.set()
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
ask(OsKeyring(), "d")
ask(system, "e")
"""

FULL = """
keyring.go.set()
system = OsKeyring()
with no_threads():
    ask(system, "a")
ask(system, "b")
"""


def said(tmp_path: Path, program: str) -> list[str]:
    (tmp_path / "keyring.py").write_text(LIBRARY)
    environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2]), *sys.path])}
    command = [sys.executable, "-c", ASK + program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_silent_one_costs_one_thread(tmp_path: Path) -> None:
    waiting = "the system's keyring cannot be used: it has not answered the question before"
    assert said(tmp_path, SILENT) == [
        "the system's keyring cannot be used: it did not answer within 0 s",
        waiting,
        waiting,
        "['a'] 2",
        "secret",
        "secret",
    ]


def test_at_the_limit_of_processes(tmp_path: Path) -> None:
    assert said(tmp_path, FULL) == ["the system's keyring cannot be used: can't start new thread", "secret"]
