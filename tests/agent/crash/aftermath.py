"""What a killed process left behind, and how a new one goes on from there."""

from __future__ import annotations

import copy
import shutil
import time
from dataclasses import dataclass, replace
from random import SystemRandom
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.clock import SystemClock
from ctaclient._util.redact import fingerprint
from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.errors import ConfigError
from ctaclient_agent.daemon.instance import Instance
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.keypair import Protection
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.refreshing.refresh import Refused, Renewed
from ctaclient_agent.refreshing.roster import Roster
from tests.agent.crash import actions
from tests.agent.crash.actions import PROFILE, REQUEST, WORDS, vault_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.refreshing.refresh import Outcome
    from tests.agent.hosts.issuer import RotatingIssuer

_FILES = {"token", "record.json", "login.sealed", "spending", "scoped"}


@dataclass(frozen=True, slots=True)
class Aftermath:
    """`base` as it was left. `sent`: the refresh token had been sent; `stored`: the new sealed login was in place."""

    base: Path
    issuer: RotatingIssuer
    sent: bool
    stored: bool

    def copied(self) -> Path:
        """The same once more, with the same issuer."""
        base = self.base.with_name(f"{self.base.name}-again")
        shutil.copytree(self.base, base, ignore=shutil.ignore_patterns("issuer"))
        (base / "issuer").symlink_to(self.base / "issuer")
        return base


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done, what there was before, and what must hold however far it got."""

    action: str
    prepare: Callable[[Path], None]
    check: Callable[[Aftermath], None]


def _nothing(base: Path) -> None:
    return


def _login(base: Path) -> None:
    actions.log_in(base, "old")


def _login_with_a_scoped_token(base: Path) -> None:
    _login(base)
    vault = vault_in(base)
    login = vault.load(PROFILE)
    assert login is not None
    with vault.lock(PROFILE):
        vault.save_scoped(login, Tokens("narrow-access", 600.0), REQUEST, time.time())


def _login_and_a_killed_writer(base: Path) -> None:
    _login_with_a_scoped_token(base)
    (vault_in(base).store.profile_dir(PROFILE) / ".token.0123456789ab").write_bytes(b"old-access")


def _login_and_another_machine(base: Path) -> None:
    _login(base)
    Machine(base / "other", base / "store").make_key()


def check_renewal(left: Aftermath, go_on: Callable[[Path], Outcome]) -> None:
    """The login survives; where the issuer has no grace period, unless the answer was on its way to the store."""
    login = _readable(left.base)
    assert login.generation == (2 if left.stored else 1)
    families, again = copy.deepcopy(left.issuer.families), left.copied()
    left.issuer.grace = True
    _goes_on(left, left.base, go_on, login)
    left.issuer.grace, left.issuer.families = False, families
    if not left.sent or left.stored:
        _goes_on(left, again, go_on, login)
        return
    outcome = go_on(again)
    assert isinstance(outcome, Refused)
    found = vault_in(again).store.read(PROFILE)
    assert found is not None
    record, token = found
    assert (record.state, record.reason) == ("login_required", outcome.reason)
    assert outcome.reason.startswith("the issuer ended the login: invalid_grant (an earlier answer was lost")
    assert token is not None  # good while it lives
    assert not _is_due(again)  # one message, and nothing is asked any more


def _goes_on(left: Aftermath, base: Path, go_on: Callable[[Path], Outcome], before: Login) -> None:
    record = vault_in(base).store.record(PROFILE)
    assert record is not None
    # Whoever starts now sees that the token in the store is not the one that belongs to the login.
    assert _is_due(base) == (record.generation != before.generation)
    assert isinstance(go_on(base), Renewed)
    if go_on is actions.get_scoped:
        narrow = vault_in(base).store.scoped(PROFILE).read(REQUEST.key())
        assert narrow is not None
        assert narrow[1] is not None
        assert narrow[0].token == fingerprint(narrow[1].value)
        before = _readable(base)
        assert isinstance(actions.refresh(base), Renewed)
    login, found = _readable(base), vault_in(base).store.read(PROFILE)
    assert found is not None
    assert found[1] is not None
    assert (login.generation, found[0].generation) == (before.generation + 1,) * 2
    assert (found[0].state, found[0].token) == ("fresh", fingerprint(found[1].value))
    assert login.refresh_token == left.issuer.families["old"].current
    assert left.issuer.families["old"].refused == 0


def check_first_login(left: Aftermath) -> None:
    """There is none, or it is whole and can be refreshed."""
    vault = vault_in(left.base)
    login = vault.load(PROFILE)
    if not left.stored:
        assert login is None
        assert vault.profiles() == {}
        assert vault.store.profiles() == []
        actions.log_in(left.base, "new")
    else:
        assert login is not None
        assert (login.generation, login.refresh_token) == (1, "new.first")
        assert isinstance(actions.refresh(left.base), Renewed)
    _readable(left.base)


def check_new_login(left: Aftermath) -> None:
    """The old one or the new one, and either can be used."""
    login = _readable(left.base)
    assert (login.generation, login.refresh_token) == ((3, "new.first") if left.stored else (2, "old.first"))
    narrow = vault_in(left.base).store.scoped(PROFILE).read(REQUEST.key())
    assert narrow is None or not left.stored
    outcome = actions.get_scoped(left.base)
    assert isinstance(outcome, Renewed)
    assert isinstance(actions.refresh(left.base), Renewed)
    assert _readable(left.base).refresh_token == left.issuer.families["new" if left.stored else "old"].current


def check_wiped(left: Aftermath) -> None:
    """A login that is there is whole, and wiping it once more leaves nothing, of killed writers neither."""
    vault = vault_in(left.base)
    login = vault.load(PROFILE)
    assert login is None or _readable(left.base) == login
    vault.store.read(PROFILE)
    actions.wipe(left.base)
    assert vault.store.profiles() == list(vault.profiles()) == []
    assert {path.name for path in vault.store.profile_dir(PROFILE).iterdir()} <= {"spending"}
    actions.log_in(left.base, "new")
    _readable(left.base)


def check_tended(left: Aftermath) -> None:
    """The login can be opened by this machine, and after the next agent's tick by the other, too."""
    login = _readable(left.base)
    assert (login.generation, login.refresh_token) == (1, "old.first")
    actions.tend(left.base)
    assert _readable(left.base) == login
    assert Vault(left.base / "store", Machine(left.base / "other", left.base / "store")).load(PROFILE) == login


def check_key(left: Aftermath) -> None:
    """There is no key or a whole one, which stays."""
    machine = vault_in(left.base).machine
    there = machine.key()
    made = machine.make_key()
    assert there is None or there is made
    assert set(vault_in(left.base).machine.recipients()) == {machine.name()}
    _can_be_hidden(left.base, machine.name(), Protection(keyring=_Keyring(), kind="keyring"))


def check_protected(left: Aftermath) -> None:
    """The key can be opened with the passphrase, whether it needs it yet or not."""
    machine = Machine(left.base / "machine", left.base / "store", WORDS)
    _can_be_hidden(left.base, machine.name(), WORDS)


class _Keyring:
    """A keyring as long as this process lives."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def read(self, name: str) -> str | None:
        return self._secrets.get(name)

    def write(self, name: str, secret: str) -> None:
        self._secrets[name] = secret


def _can_be_hidden(base: Path, name: str | None, protection: Protection) -> None:
    """Once it is protected, the key stands nowhere in clear."""
    machine = Machine(base / "machine", base / "store", protection)
    machine.protect()
    assert name is not None
    assert machine.name() == name
    assert not [path for path in (base / "machine").iterdir() if path.is_file() and b'"key"' in path.read_bytes()]
    with pytest.raises(ConfigError):
        vault_in(base).machine.key()


def check_held(left: Aftermath) -> None:
    """A post is whole or not there; the next process here has the lease at once, one far away when it is free."""
    clock = SystemClock()
    far = Lease(
        left.base / "store" / "lease", replace(this_process(1.0), host="far", boot="far"), clock, Terms().lease_s
    )
    held = far.look()
    assert held is None or held.holder is not None
    again = left.copied()
    assert far.take() == (held is None or held.free)
    near = actions.lease_in(again)
    assert near.take()
    assert near.renew()


def check_listening(left: Aftermath) -> None:
    """Nobody takes what is left for an agent, and the next one takes its place."""
    run = left.base / "run"
    assert ask(run / "agent.sock", Request("status")) is None
    instance = Instance(run)
    instance.holder()
    actions.listen(left.base)


def _readable(base: Path) -> Login:
    """The login, after a look at whatever else a reader may see."""
    vault = vault_in(base)
    assert list(vault.profiles()) == vault.store.profiles() == [PROFILE]
    assert {path.name for path in vault.store.profile_dir(PROFILE).glob("[!.]*")} <= _FILES
    found, login = vault.store.read(PROFILE), vault.load(PROFILE)
    assert found is not None
    assert found[1] is not None
    assert login is not None
    return login


def _is_due(base: Path) -> bool:
    """Whether an agent that starts now refreshes at once."""
    roster = Roster(vault_in(base), SystemClock(), SystemRandom(), lambda: None)
    roster.scan()
    return bool(roster.take_due())


SCENARIOS = {
    "refresh": Scenario("refresh", _login, lambda left: check_renewal(left, actions.refresh)),
    "scoped": Scenario("scoped", _login, lambda left: check_renewal(left, actions.get_scoped)),
    "first login": Scenario("login", _nothing, check_first_login),
    "new login": Scenario("login", _login_with_a_scoped_token, check_new_login),
    "wipe": Scenario("wipe", _login_and_a_killed_writer, check_wiped),
    "tend": Scenario("tend", _login_and_another_machine, check_tended),
    "make key": Scenario("make_key", _nothing, check_key),
    "protect": Scenario("protect", _login, check_protected),
    "hold": Scenario("hold", _login, check_held),
    "listen": Scenario("listen", _nothing, check_listening),
}
