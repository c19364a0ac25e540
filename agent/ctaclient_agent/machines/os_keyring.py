"""The operating system's keyring (Secret Service, macOS Keychain) by the `keyring` library: an optional extra.

It may wait for a person to unlock it, or for a D-Bus that is not there: each call has a limit (agent.md 2 B).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from ctaclient.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_SERVICE = "ctaclient"
_LIMIT_S = 10.0
_T = TypeVar("_T")


class OsKeyring:
    """`Keyring` of the machine."""

    def __init__(self, *, limit_s: float = _LIMIT_S) -> None:
        self._limit_s = limit_s
        self._asking: threading.Thread | None = None

    def read(self, name: str) -> str | None:
        """The secret under `name`, or None; also where there is no keyring."""
        try:
            import keyring
        except ImportError:
            return None
        found: str | None = self._within_limit(lambda: keyring.get_password(_SERVICE, name))
        return found

    def write(self, name: str, secret: str) -> None:
        """Keep `secret` under `name`."""
        try:
            import keyring
        except ImportError:
            raise ConfigError("there is no keyring here", hint="pip install 'ctaclient[keyring]'") from None
        self._within_limit(lambda: keyring.set_password(_SERVICE, name, secret))

    def _within_limit(self, call: Callable[[], _T]) -> _T:
        if self._asking is not None and self._asking.is_alive():  # one silent keyring costs one thread, not one a call
            raise _unusable("it has not answered the question before")
        done: list[_T] = []
        failed: list[str] = []

        def run() -> None:
            try:
                done.append(call())
            except Exception as error:  # noqa: BLE001 - backends raise what they like
                failed.append(type(error).__name__)

        thread = threading.Thread(target=run, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the user's limit of processes
            failed.append(str(error))
        else:
            self._asking = thread
            thread.join(self._limit_s)
        if done:
            return done[0]
        why = failed[0] if failed else f"it did not answer within {self._limit_s:.0f} s"
        raise _unusable(why)


def _unusable(why: str) -> ConfigError:
    return ConfigError(f"the system's keyring cannot be used: {why}", hint="leave out --keyring")
