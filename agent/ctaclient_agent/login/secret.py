"""A confidential client's secret: from a file, the sealed login or a hidden prompt, never from the command line."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ctaclient.errors import ConfigError, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient_agent.login.target import Target
    from ctaclient_agent.logins.credentials import Login

_MAX_BYTES = 4096
OPTION_HINT = "--client-secret-file FILE"


def find_secret(
    target: Target, file: Path | None, sealed: Login | None, ask: Callable[[str], str | None]
) -> str | None:
    """The secret for `target`, or None for a public client.

    `sealed` is an earlier login of the same issuer and client. Raises ConfigError where a secret is needed and there is
    neither a file nor a terminal.
    """
    if file is not None:
        return read_secret_file(file)
    if sealed is not None and sealed.client_secret is not None:
        return sealed.client_secret
    if not target.confidential:
        return None
    if (secret := prompt_secret(target, ask)) is None:
        raise ConfigError(f"the client {target.client_id} needs its secret, and there is no terminal", hint=OPTION_HINT)
    return secret


def prompt_secret(target: Target, ask: Callable[[str], str | None]) -> str | None:
    """The secret as the user types it, or None without a terminal. Raises ConfigError when nothing was typed."""
    secret = ask(f"Secret of the client {target.client_id} (those who run the storage have it): ")
    return None if secret is None else _checked(secret, "nothing usable was typed")


def read_secret_file(path: Path) -> str:
    """The one line in `path`. Raises UnsafePath when others can read it, ConfigError when it is no secret."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"the client secret file {path} cannot be read: {error.strerror}", hint=OPTION_HINT) from None
    try:
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            raise ConfigError(f"the client secret file {path} is a directory", hint=OPTION_HINT)
        if info.st_mode & 0o077:
            seen = stat.S_IMODE(info.st_mode)
            raise UnsafePath(f"{path} is open to others (mode {seen:04o})", hint=f"chmod 600 {path}")
        with os.fdopen(os.dup(fd), "rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    finally:
        os.close(fd)
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"the client secret file {path} is larger than {_MAX_BYTES} bytes", hint=OPTION_HINT)
    return _checked(data.decode("utf-8", "replace"), f"the client secret file {path} does not hold one line of text")


def _checked(text: str, complaint: str) -> str:
    secret = text.strip()
    if not secret or not secret.isprintable():
        raise ConfigError(complaint, hint=OPTION_HINT)
    return secret
