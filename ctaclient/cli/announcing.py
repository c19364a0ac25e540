"""Telling the user on stderr, once for each change, what the agent noted: a login that ends, or has ended."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.errors import CtaError
from ctaclient.tokens.error_list import to_tell, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.tokens.error_file import ErrorFile
    from ctaclient.tokens.error_list import ErrorList
    from ctaclient.tokens.store import TokenStore


def announce(file: ErrorFile, store: TokenStore, now: float, say: Callable[[str], None]) -> None:
    """Say what was not said yet. Never raises, never waits: it must not stand in the way of what the user wants."""
    with contextlib.suppress(CtaError, OSError):
        found = to_tell(file.read(), ())
        if not found:
            return
        silent = {error.profile for error in found if _says_it_itself(store, error.profile, now)}

        def claim(known: ErrorList) -> tuple[ErrorList, list[str]]:
            new = to_tell(known, silent)
            return told(known, [error.id for error in new]), [error.message for error in new]

        # Marked before it is said, so that of two programs at once only one says it.
        for message in file.try_to_change(claim) or ():
            say(f"ctaclient: {printable(message)}")


def _says_it_itself(store: TokenStore, profile: str | None, now: float) -> bool:
    """Whether a call would fail with the same words: the login has ended, and so has its last token."""
    record = store.record(profile) if profile else None
    return record is not None and record.state == "login_required" and (record.expires_at or 0) <= now
