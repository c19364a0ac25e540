"""Spending a refresh token, and changing a login by hand while nobody spends it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctaclient._util.clock import Clock
    from ctaclient_agent.logins.vault import Vault
    from ctaclient_agent.machines.holder import Holder

# A token request at its limit of time.
_SPENDING_ENDS_S = 35.0


def spending_of(
    vault: Vault, clock: Clock, me: Holder | None = None, terms: Terms | None = None
) -> Callable[[str], Lease]:
    """The leases under which `me`, this process if nobody else is named, spends refresh tokens."""
    holder, life_s = me or this_process(clock.now()), (terms or Terms()).spending_s
    return lambda profile: Lease(vault.spending_dir(profile), holder, clock, life_s)


@contextlib.contextmanager
def alone(vault: Vault, profile: str, clock: Clock) -> Iterator[Lease | None]:
    """Let no machine spend the refresh token of `profile` meanwhile. Needs the lock. Gives the lease.

    One that spends now ends soon. Should it not, the lease is None, and what goes on may be undone by what that stores.
    """
    spending = spending_of(vault, clock)(profile)
    deadline = clock.monotonic() + _SPENDING_ENDS_S
    while not (taken := spending.take({})) and clock.monotonic() < deadline:
        clock.sleep(0.5)
    try:
        yield spending if taken else None
    finally:
        spending.release()
