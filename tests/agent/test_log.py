"""No secret reaches the log."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import UnsafePath
from ctaclient_agent.process.log import Secrets, log_to_file

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import logging, sys
from pathlib import Path
from ctaclient_agent.process.log import Secrets, log_to_file
secrets = Secrets()
secrets.learn("opaque-refresh-1")
log_to_file(Path(sys.argv[1]), secrets, debug=True)
log = logging.getLogger("ctaclient_agent.test")
log.debug("plain %s", "opaque-refresh-1")
log.info("form: refresh_token=other-secret-2&x=1, Authorization: Bearer third-secret-3")
try:
    raise ValueError("in a traceback: opaque-refresh-1 eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl")
except ValueError:
    log.exception("it failed")
for name in ("httpx", "httpcore", "authlib"):
    logging.getLogger(name + ".x").info("token chatter")
for number in range(22000):
    log.info("line %d of many, long enough to fill the file: %s", number, "x" * 60)
"""


def test_secrets_are_hidden_and_files_rotate(tmp_path: Path) -> None:
    path = tmp_path / "state" / "agent.log"
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert sorted(os.listdir(path.parent)) == ["agent.log", "agent.log.1", "agent.log.2"]
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.stat().st_size <= 1024 * 1024


def test_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "state" / "agent.log"
    program = PROGRAM.partition("for number")[0]
    subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    text = path.read_text()
    for secret in ("opaque-refresh-1", "other-secret-2", "third-secret-3", "eyJ", "chatter"):
        assert secret not in text
    assert "DEBUG ctaclient_agent.test: plain [hidden]" in text
    assert "Traceback" in text


def test_a_log_that_others_could_read_is_refused(private: Path) -> None:
    path = private / "agent.log"
    path.touch(mode=0o644)
    path.chmod(0o644)
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(UnsafePath):
        log_to_file(path, Secrets(), debug=False)
    assert logging.getLogger().handlers == handlers


def test_old_secrets_fall_out() -> None:
    secrets = Secrets(limit=2)
    for secret in ("first", "second", "second", "third"):
        secrets.learn(secret)
    assert secrets.hide("first second third") == "first [hidden] [hidden]"


def test_a_secret_that_stays_in_use_does_not_fall_out() -> None:
    secrets = Secrets(limit=2)
    for secret in ("client-secret", "refresh-1", "client-secret", "refresh-2"):
        secrets.learn(secret)
    assert secrets.hide("client-secret refresh-1 refresh-2") == "[hidden] refresh-1 [hidden]"
