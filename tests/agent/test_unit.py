"""The text of the systemd unit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ctaclient.errors import ConfigError
from ctaclient_agent.commands.unit import carried, holds_password, is_ours, serves, unit_text

STORE = Path("/home/me/store")
ENVIRON = {
    "CTACLIENT_HOME": '/home/a b/100%/"x"\\$Y',
    "HTTPS_PROXY": "http://proxy:3128",
    "http_proxy": "http://me:secret@proxy:3128",
    "XDG_STATE_HOME": "/state",
    "XDG_RUNTIME_DIR": "/run/user/1",
    "XDG_SESSION_ID": "3",
    "PATH": "/bin",
    "HOME": "/home/me",
    "LC_ALL": "C",
    "BEARER_TOKEN": "secret",
    "LD_PRELOAD": "/evil.so",
}


def test_what_it_says() -> None:
    lines = unit_text("/opt/venv/bin/python", STORE, ENVIRON).splitlines()
    for line in (
        "Type=notify",
        "NotifyAccess=main",
        'ExecStart="/opt/venv/bin/python" -P -m ctaclient_agent run',
        'Environment="CTACLIENT_HOME=/home/a b/100%%/\\"x\\"\\\\$Y"',
        'Environment="HTTPS_PROXY=http://proxy:3128"',
        'Environment="XDG_STATE_HOME=/state"',
        "Restart=on-failure",
        "RestartPreventExitStatus=4 6",
        "TimeoutStopSec=90",
        "UMask=0077",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "WantedBy=default.target",
    ):
        assert line in lines
    assert sum(line.startswith("Environment=") for line in lines) == 3
    assert not any("secret" in line or "evil" in line for line in lines)
    (watchdog_s,) = (int(line.partition("=")[2]) for line in lines if line.startswith("WatchdogSec="))
    assert watchdog_s >= 4 * 30


def test_a_passphrase_command_goes_along() -> None:
    text = unit_text("/python", STORE, {}, 'pass show "cta client/$key"')
    assert 'run --passphrase-command "pass show \\"cta client/$$key\\""' in text


def test_it_logs_more_on_demand() -> None:
    assert 'ExecStart="/python" -P -m ctaclient_agent run --debug\n' in unit_text("/python", STORE, {}, debug=True)


def test_whose_it_is() -> None:
    text = unit_text("/python", STORE, {})
    assert is_ours(text)
    assert serves(text, STORE)
    assert not serves(text, Path("/home/me/stor"))
    assert not serves("# Store: /home/me/store\n", STORE)
    assert not is_ours("[Unit]\n" + text)
    assert not is_ours("")


def test_a_line_break_is_no_way_into_the_unit() -> None:
    for name, store in ((f"/x{os.linesep}ExecStart=/evil", STORE), ("/x", Path("/a\nExecStart=/evil"))):
        with pytest.raises(ConfigError, match="control characters"):
            unit_text(name, store, {})
    with pytest.raises(ConfigError, match="control characters"):
        unit_text("/x", STORE, {"CTACLIENT_HOME": "/a\nExecStart=/evil"})


def test_passwords_stay_where_they_are() -> None:
    assert holds_password("all_proxy", "socks://u:p@h")
    assert not holds_password("NO_PROXY", "localhost")
    assert sorted(carried(ENVIRON)) == ["CTACLIENT_HOME", "HTTPS_PROXY", "XDG_STATE_HOME"]


def test_systemd_understands_it(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is missing: apt install systemd")
    file = tmp_path / "ctaclient-agent.service"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}

    def verify(text: str) -> str:
        file.write_text(text)
        command = [analyze, "verify", "--user", "--man=no", str(file)]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stderr

    text = unit_text(sys.executable, STORE, ENVIRON)
    assert "ctaclient-agent.service" not in verify(text)
    assert "WatchdogSecs" in verify(text.replace("WatchdogSec=", "WatchdogSecs="))  # it does look
