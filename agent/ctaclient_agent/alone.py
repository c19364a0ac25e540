"""Changing a login by hand, while no machine spends its refresh token."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctaclient_agent.kept import spending_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient._util.clock import Clock
    from ctaclient_agent.vault import Vault

# A token request at its limit of time.
_SPENDING_ENDS_S = 35.0


@contextlib.contextmanager
def alone(vault: Vault, profile: str, clock: Clock) -> Iterator[None]:
    """Let no machine spend the refresh token of `profile` meanwhile. Needs the lock.

    One that does so now ends soon; should it not, what a person has just decided counts for more.
    """
    spending = spending_of(vault, clock)(profile)
    deadline = clock.monotonic() + _SPENDING_ENDS_S
    while not spending.take({}) and clock.monotonic() < deadline:
        clock.sleep(0.5)
    try:
        yield
    finally:
        spending.release()
