"""The passphrase of a machine key: from a file descriptor or a command, never from an argument or the environment."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_BYTES = 4096
_COMMAND_LIMIT_S = 60.0  # a person may be asked


def passphrase_source(fd: int | None, command: str | None) -> Callable[[], bytes] | None:
    """What reads the passphrase when it is first needed, and remembers it; None when neither is given."""
    if fd is not None and command is not None:
        raise UsageError("--passphrase-fd and --passphrase-command exclude each other", hint="give one of them")
    if fd is not None:
        return functools.cache(lambda: _first_line(_read(fd), f"descriptor {fd}"))
    if command is not None:
        return functools.cache(lambda: _first_line(_run(command), "the passphrase command"))
    return None


def _read(fd: int) -> bytes:
    data = b""
    try:
        while len(data) <= _MAX_BYTES and (part := os.read(fd, _MAX_BYTES)):
            data += part
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such number"
        raise UsageError(f"descriptor {fd} cannot be read: {why}", hint="--passphrase-fd 0") from None
    return data


def _run(command: str) -> bytes:
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_COMMAND_LIMIT_S, check=True
        )
    except (ValueError, IndexError, OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"the passphrase command {_failing(error)}", hint=printable(command)) from None
    return done.stdout


def _failing(error: Exception) -> str:
    match error:
        case subprocess.CalledProcessError():
            return f"ended with code {error.returncode}"
        case subprocess.TimeoutExpired():
            return f"did not end within {_COMMAND_LIMIT_S:.0f} s"
        case OSError():
            return f"cannot be run: {(error.strerror or '').lower()}"
    return "cannot be understood"


def _first_line(data: bytes, where: str) -> bytes:
    line = data.split(b"\n", 1)[0].rstrip(b"\r")
    if not line or len(data) > _MAX_BYTES:
        raise ConfigError(f"{where} gives no passphrase", hint="one line of text is wanted")
    return line
