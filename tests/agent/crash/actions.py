"""What is killed: a refresh, a login, a machine enrolled ... by the agent's own parts, in a directory of the test's.

`BASE/store` is the store, `BASE/machine` this machine's key, and the issuer listens at `BASE/issuer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient._util.clock import SystemClock
from ctaclient.tokens.scoped import TokenRequest
from ctaclient_agent.daemon.instance import Instance
from ctaclient_agent.daemon.listener import Listener
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.issuer.discovery import Discovery
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.logins.spending import spending_of
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.keypair import Protection
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.refreshing.refresh import Refresher
from ctaclient_agent.refreshing.tenure import Tenure
from tests.agent.hosts.host import ISSUER, SocketHttp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient_agent.refreshing.refresh import Outcome

PROFILE = "cta"
REQUEST = TokenRequest.of("storage.read:/data", None)
WORDS = Protection(lambda: b"words", kind="passphrase")
LIFE_S = 600.0
_CLOCK = SystemClock()


def vault_in(base: Path) -> Vault:
    """The store as a process that has just started sees it."""
    return Vault(base / "store", Machine(base / "machine", base / "store"))


def refresher_in(base: Path) -> Refresher:
    """What refreshes in a process that has just started."""
    vault = vault_in(base)
    return Refresher(vault, Discovery(), lambda _: SocketHttp(base), spending_of(vault, _CLOCK), _CLOCK)


def lease_in(base: Path) -> Lease:
    """The store's lease as this process sees it."""
    return Lease(base / "store" / "lease", this_process(_CLOCK.now()), _CLOCK, Terms().lease_s)


def refresh(base: Path) -> Outcome:
    """One refresh."""
    return refresher_in(base).refresh(PROFILE)


def get_scoped(base: Path) -> Outcome:
    """A token for a narrower purpose."""
    return refresher_in(base).get_scoped(PROFILE, REQUEST, 60.0)


def log_in(base: Path, name: str) -> None:
    """Store a login that has just been approved, as `start` does; `name` is the issuer's for it."""
    vault = vault_in(base)
    vault.prepare()
    login = Login(PROFILE, ISSUER, 0, "c", "https://s", "openid", "openid", None, None, f"{name}.first")
    with vault.lock(PROFILE):
        spending = spending_of(vault, _CLOCK)(PROFILE)
        assert spending.take({})
        vault.save(login, Tokens(f"{name}-access", LIFE_S), _CLOCK.now())
        spending.release()


def wipe(base: Path) -> None:
    """What `logout` does here."""
    vault = vault_in(base)
    with vault.lock(PROFILE):
        vault.wipe(PROFILE)


def tend(base: Path) -> None:
    """A tick of the agent that refreshes: take the lease, seal for machines that have made themselves known."""
    vault = vault_in(base)
    me = this_process(_CLOCK.now())
    assert Tenure(lease_in(base), vault, spending_of(vault, _CLOCK), me, _CLOCK, every_s=30).tick()


def hold(base: Path) -> None:
    """Take the lease, keep it, give it up."""
    lease = lease_in(base)
    assert lease.take()
    assert lease.renew()
    lease.release()


def make_key(base: Path) -> None:
    """Make this machine's key."""
    vault_in(base).machine.make_key()


def protect(base: Path) -> None:
    """Put the key under a passphrase."""
    Machine(base / "machine", base / "store", WORDS).protect()


def listen(base: Path) -> None:
    """Become this machine's agent, and listen."""
    instance = Instance(base / "run")
    assert instance.take(this_process(_CLOCK.now()))
    Listener(base / "run" / "agent.sock", lambda _: b"", _CLOCK).close()
    instance.release()


ACTIONS: dict[str, Callable[[Path], object]] = {
    "refresh": refresh,
    "scoped": get_scoped,
    "login": lambda base: log_in(base, "new"),
    "wipe": wipe,
    "tend": tend,
    "hold": hold,
    "make_key": make_key,
    "protect": protect,
    "listen": listen,
}
