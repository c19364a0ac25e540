"""The agent's log: a private rotating file in which no secret appears, whatever the level."""

from __future__ import annotations

import logging
import logging.handlers
import os
import threading
from collections import deque
from pathlib import Path
from typing import IO

from ctaclient._util.private import check_private, ensure_private_dir, explain_refusal
from ctaclient._util.redact import printable, redact

_MAX_BYTES = 1024 * 1024
_FILES = 3
_MAX_LINE = 10_000
# httpx logs URLs with their queries at INFO, httpcore headers at DEBUG, Authlib tokens at DEBUG.
_NOISY = ("httpx", "httpcore", "authlib")


class Secrets:
    """The secrets in play, newest last; those that nobody learned again fall out, for they are spent."""

    def __init__(self, limit: int = 256) -> None:
        self._known: deque[str] = deque(maxlen=limit)
        self._guard = threading.Lock()

    def learn(self, secret: str) -> None:
        """Hide `secret` from now on."""
        with self._guard:
            if secret in self._known:
                self._known.remove(secret)
            self._known.append(secret)

    def hide(self, text: str) -> str:
        """`text` without them, and without anything else that looks like a credential."""
        with self._guard:
            known = tuple(self._known)
        return redact(text, *known)


def log_to_file(path: Path, secrets: Secrets, *, debug: bool) -> None:
    """Log to `path` (0600, three files of 1 MiB). For a process of our own only."""
    ensure_private_dir(path.parent)
    handler = _PrivateHandler(path, maxBytes=_MAX_BYTES, backupCount=_FILES - 1, encoding="utf-8")
    _configure(handler, secrets, debug=debug)


def log_to_terminal(secrets: Secrets, *, debug: bool) -> None:
    """Log to stderr with `debug`, else nowhere: what a person needs to know is said, not logged."""
    _configure(logging.StreamHandler() if debug else logging.NullHandler(), secrets, debug=debug)


def log_to_stderr(secrets: Secrets, *, debug: bool) -> None:
    """Log to stderr, besides the file: for a terminal, a container's or a service's log."""
    _configure(logging.StreamHandler(), secrets, debug=debug)


class _PrivateHandler(logging.handlers.RotatingFileHandler):
    """Opens its files as our other private files: 0600, ours, no symbolic link."""

    def _open(self) -> IO[str]:  # type: ignore[override]
        path = Path(self.baseFilename)
        # O_NONBLOCK: a planted FIFO must not hang us.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            explain_refusal(path, error)
            raise
        try:
            check_private(path, os.fstat(fd), directory=False)
            return os.fdopen(fd, "a", encoding="utf-8", errors="backslashreplace")
        except BaseException:
            os.close(fd)
            raise


class _HidingFormatter(logging.Formatter):
    """Hides secrets in the whole record, its traceback included."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        text = self._secrets.hide(super().format(record))
        # Foreign text is made harmless where it comes in; what slips through does not reach a terminal.
        return "\n".join(printable(line, limit=_MAX_LINE) for line in text.split("\n"))


def _configure(handler: logging.Handler, secrets: Secrets, *, debug: bool) -> None:
    handler.setFormatter(_HidingFormatter(secrets))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
