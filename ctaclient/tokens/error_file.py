"""The file of noted errors: agents and clients write it, one after the other; readers need no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ctaclient._util.clock import SystemClock
from ctaclient._util.private import ensure_private_dir, read_private, write_private
from ctaclient.errors import ConfigError, Timeout
from ctaclient.tokens.error_list import ErrorList, parse_errors, to_json
from ctaclient.tokens.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Result = TypeVar("_Result")
_WAIT_S, _POLL_S = 5.0, 0.01


class ErrorFile:
    """`agent-errors.json` in the state directory."""

    def __init__(self, state: Path, *, wait_s: float = _WAIT_S) -> None:
        self.path = state / "agent-errors.json"
        self._lock_file = state / "agent-errors.lock"
        self._wait_s = wait_s

    def read(self) -> ErrorList:
        """What was noted; nothing where there is no file. Raises ConfigError or UnsafePath when it cannot be used."""
        try:
            return parse_errors(read_private(self.path), str(self.path))
        except FileNotFoundError:
            return ErrorList()

    def change(self, change: Callable[[ErrorList], tuple[ErrorList, _Result]], *, anew: bool = False) -> _Result:
        """Replace the list by what `change` makes of it, and return what else it says.

        With `anew` a damaged file is begun anew instead of raising ConfigError. Raises UnsafePath, OSError, and Timeout
        when somebody else (a stopped process) does not let go of it: nobody's refresh may hang for a note.
        """
        ensure_private_dir(self.path.parent)
        lock, clock = FileLock(self._lock_file), SystemClock()
        deadline = clock.monotonic() + self._wait_s
        while not lock.acquire(wait=False):
            if clock.monotonic() > deadline:
                raise Timeout(f"{self.path} is being written by another program", hint="try again")
            clock.sleep(_POLL_S)
        try:
            return self._change(change, anew=anew)
        finally:
            lock.release()

    def try_to_change(self, change: Callable[[ErrorList], tuple[ErrorList, _Result]]) -> _Result | None:
        """The same without waiting: None when somebody else is writing."""
        lock = FileLock(self._lock_file)
        if not lock.acquire(wait=False):
            return None
        try:
            return self._change(change, anew=False)
        finally:
            lock.release()

    def _change(self, change: Callable[[ErrorList], tuple[ErrorList, _Result]], *, anew: bool) -> _Result:
        try:
            before = self.read()
        except ConfigError:
            if not anew:
                raise
            before = ErrorList()
        after, result = change(before)
        if after != before:
            write_private(self.path, to_json(after))
        return result
