"""The systemd user unit as a text: what it says, whose it is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient.errors import ConfigError, ConflictError, LoginRequired
from ctaclient_agent.process.environment import daemon_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "ctaclient-agent.service"
_MARKER = "# Written by `ctaclient agent install`, removed by `ctaclient agent uninstall`."
_STORE = "# Store: "
# Ten times what the loop needs to come round: a file server that is away for some minutes is no reason to kill an agent
# that may hold an answer which could not be stored yet.
WATCHDOG_S = 300
# A restart cannot help: no login is there, or another agent keeps the logins.
FINAL = (LoginRequired.exit_code, ConflictError.exit_code)
# The user manager sets these itself, for the session that it makes.
_OF_THE_SESSION = ("XDG_RUNTIME_DIR", "XDG_SESSION", "XDG_SEAT", "XDG_VTNR", "XDG_CURRENT_DESKTOP", "XDG_MENU_PREFIX")
_OF_THE_MANAGER = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "XDG_DATA_DIRS", "XDG_CONFIG_DIRS"})


def unit_text(
    interpreter: str,
    store: Path,
    environ: Mapping[str, str],
    passphrase_command: str | None = None,
    *,
    debug: bool = False,
) -> str:
    """The unit that runs the agent of `store` as it would run from here.

    Raises ConfigError for what no unit can say.
    """
    words = [_quoted(interpreter), "-P", "-m", "ctaclient_agent", "run"]
    words += ["--passphrase-command", _quoted(passphrase_command)] if passphrase_command else []
    words += ["--debug"] if debug else []
    command = " ".join(words).replace("$", "$$")
    variables = [f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(carried(environ).items())]
    return "\n".join(
        [
            _MARKER,
            f"{_STORE}{_one_line(str(store))}",
            "[Unit]",
            "Description=ctaclient token agent",
            "",
            "[Service]",
            "Type=notify",
            "NotifyAccess=main",
            f"ExecStart={command}",
            *variables,
            "Restart=on-failure",
            "RestartSec=10",
            f"RestartPreventExitStatus={' '.join(map(str, FINAL))}",
            f"WatchdogSec={WATCHDOG_S}",
            "TimeoutStopSec=90",  # a refresh under way is finished first
            "UMask=0077",
            "LimitCORE=0",
            "NoNewPrivileges=yes",
            "WorkingDirectory=/",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def is_ours(text: str) -> bool:
    """Whether `install` wrote it."""
    return text.startswith(_MARKER + "\n")


def serves(text: str, store: Path) -> bool:
    """Whether it is ours and runs the agent of `store`."""
    return is_ours(text) and f"{_STORE}{store}" in text.splitlines()


def carried(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the unit sets: what the daemon would inherit from here and the user manager does not have."""
    return {
        name: value
        for name, value in daemon_environment(environ).items()
        if name not in _OF_THE_MANAGER
        and not name.startswith(("LC_", *_OF_THE_SESSION))
        and not holds_password(name, value)
    }


def holds_password(name: str, value: str) -> bool:
    """Whether it is a proxy with user and password: that is for no file of ours."""
    return name.lower().endswith("_proxy") and "@" in value


def _quoted(text: str) -> str:
    """As systemd.syntax(7) reads it: quoted, with C escapes and doubled percent signs."""
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ConfigError("a path or variable with control characters cannot stand in a systemd unit")
    return text
