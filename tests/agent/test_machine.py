"""A machine's key: made once, kept where it is, opened only with what protects it."""

from __future__ import annotations

import errno
import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient.errors import ConfigError, UnsafePath, UsageError
from ctaclient_agent.machines.keypair import Protection, fingerprint_of
from ctaclient_agent.machines.machine import Machine, host_of
from ctaclient_agent.machines.passphrase import passphrase_source

if TYPE_CHECKING:
    from pathlib import Path


class FakeKeyring:
    """A keyring that can be locked."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.locked = False

    def read(self, name: str) -> str | None:
        if self.locked:
            raise ConfigError("the system's keyring cannot be used: locked")
        return self.secrets.get(name)

    def write(self, name: str, secret: str) -> None:
        self.secrets[name] = secret


def machine_in(private: Path, protection: Protection | None = None, name: str = "machine") -> Machine:
    return Machine(private / name, private / "store", protection)


def test_of_many_starters_one_makes_the_key(private: Path) -> None:
    seen: list[bytes] = []

    def make() -> None:
        seen.append(machine_in(private).make_key().private_bytes_raw())

    threads = [threading.Thread(target=make) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 12
    assert len(set(seen)) == 1
    machine = machine_in(private)
    assert os.stat(machine.key_file).st_mode & 0o777 == 0o600
    assert os.listdir(machine.key_file.parent) == ["machine.key"]
    assert os.listdir(private / "store" / "machines") == [f"{machine.name()}.json"]


def test_machines_that_share_a_store_know_each_other(private: Path) -> None:
    machines = [machine_in(private, name=name) for name in ("a", "b")]
    keys = [machine.make_key().public_key() for machine in machines]
    names = {fingerprint_of(key) for key in keys}
    assert names == {machine.name() for machine in machines}
    for machine in machines:
        assert set(machine.recipients()) == names
    for damage in (b"{}", b"\xff", b'{"version": 1, "host": "h", "public_key": "AAAA"}'):
        other = private / "store" / "machines" / f"{machines[1].name()}.json"
        other.write_bytes(damage)
        assert set(machines[0].recipients()) == {machines[0].name()}
    name = machines[0].name()
    assert name is not None
    assert host_of(private / "store", name) == os.uname().nodename
    assert host_of(private / "store", "0" * 16) is None


def test_a_file_under_anothers_name_is_no_recipient(private: Path) -> None:
    machine = machine_in(private)
    machine.make_key()
    known = private / "store" / "machines"
    (known / f"{machine.name()}.json").rename(known / f"{'0' * 16}.json")
    assert set(machine.recipients()) == {machine.name()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary() | st.sampled_from([b"{}", b'{"format": "ctaclient-machine-key", "version": 2}', b"[1]"]))
def test_a_damaged_key_is_neither_used_nor_replaced(private: Path, content: bytes) -> None:
    path = private / "machine.key"
    path.write_bytes(content)
    path.chmod(0o600)
    for use in (Machine.key, Machine.make_key):
        with pytest.raises(ConfigError) as caught:
            use(Machine(private, private / "store"))
        assert f"mv {path}" in (caught.value.hint or "")
    assert path.read_bytes() == content


def test_a_key_that_others_can_read_is_refused(private: Path) -> None:
    machine = machine_in(private)
    machine.make_key()
    machine.key_file.chmod(0o640)
    with pytest.raises(UnsafePath, match="0640"):
        machine_in(private).key()


def test_a_key_that_was_cleared_away_comes_back_from_a_running_agent(private: Path) -> None:
    machine = machine_in(private)
    key = machine.make_key()
    os.utime(machine.key_file, (0, 0))
    machine.keep()
    assert machine.key_file.stat().st_mtime > 1e9
    machine.key_file.unlink()
    machine.keep()
    again = machine_in(private).key()
    assert again is not None
    assert again.private_bytes_raw() == key.private_bytes_raw()


def test_of_a_whole_cluster_those_seen_last_count(private: Path) -> None:
    machine = machine_in(private)
    machine.make_key()
    known = private / "store" / "machines"
    for number in range(250):
        machine_in(private, name=f"m{number}").make_key()
    first, last = (machine_in(private, name=f"m{number}").name() for number in (0, 249))
    os.utime(known / f"{first}.json", (1e9, 1e9))  # long ago
    names = set(machine.recipients())
    assert first not in names
    assert {last, machine.name()} <= names
    assert len(names) <= 201
    machine_in(private, name="m0").make_key()  # an agent starts there again
    assert first in machine.recipients()


def test_a_passphrase(private: Path) -> None:
    asked: list[int] = []

    def passphrase() -> bytes:
        asked.append(1)
        return b"four words for it"

    protected = Protection(passphrase, kind="passphrase")
    key = machine_in(private, protected).make_key()
    text = (private / "machine" / "machine.key").read_text()
    assert json.loads(text)["kind"] == "passphrase"
    assert json.loads(text)["argon2id"]["memory_kib"] >= 19_456
    machine = machine_in(private, protected)
    opened = machine.key()
    assert opened is not None
    assert opened.private_bytes_raw() == key.private_bytes_raw() == machine.secret()
    with pytest.raises(ConfigError, match="needs a passphrase"):
        machine_in(private).key()
    with pytest.raises(ConfigError, match="does not open"):
        machine_in(private, Protection(lambda: b"wrong", kind="passphrase")).key()
    with pytest.raises(ConfigError, match="is empty"):
        machine_in(private, Protection(lambda: b"", kind="passphrase")).key()
    assert machine_in(private).name() is None


@pytest.mark.parametrize("change", [{"memory_kib": 2**40}, {"iterations": 0}, {"lanes": "x"}, {}])
def test_parameters_that_nobody_makes_are_refused(private: Path, change: dict[str, object]) -> None:
    protected = Protection(lambda: b"words", kind="passphrase")
    machine = machine_in(private, protected)
    machine.make_key()
    body = json.loads(machine.key_file.read_bytes())
    body["argon2id"] = {**body["argon2id"], **change} if change else None
    machine.key_file.write_text(json.dumps(body))
    with pytest.raises(ConfigError, match="damaged"):
        machine_in(private, protected).key()


def test_a_keyring(private: Path) -> None:
    keyring = FakeKeyring()
    machine = machine_in(private, Protection(keyring=keyring, kind="keyring"))
    key = machine.make_key()
    assert list(keyring.secrets) == [machine.name()]
    assert b'"key"' not in machine.key_file.read_bytes()
    opened = machine_in(private, Protection(keyring=keyring)).key()
    assert opened is not None
    assert opened.private_bytes_raw() == key.private_bytes_raw()
    keyring.locked = True
    with pytest.raises(ConfigError, match="locked"):
        machine_in(private, Protection(keyring=keyring)).key()
    assert machine.key() is key  # a running agent does without
    with pytest.raises(ConfigError, match="keyring"):
        machine_in(private).key()


def test_a_keyring_that_keeps_nothing_is_found_out_before_anything_is_lost(private: Path) -> None:
    class Forgetful(FakeKeyring):
        def write(self, name: str, secret: str) -> None:
            return None

    with pytest.raises(ConfigError, match="does not give back"):
        machine_in(private, Protection(keyring=Forgetful(), kind="keyring")).make_key()
    assert not (private / "machine" / "machine.key").exists()


def test_who_gives_no_passphrase_is_not_asked_again_at_once(private: Path) -> None:
    keyring = FakeKeyring()
    machine_in(private, Protection(keyring=keyring, kind="keyring")).make_key()
    asked: list[float] = []
    now = [0.0]

    class Locked(FakeKeyring):
        def read(self, name: str) -> str | None:
            asked.append(now[0])
            return super().read(name)

    locked = Locked()
    locked.secrets, locked.locked = keyring.secrets, True
    machine = Machine(private / "machine", private / "store", Protection(keyring=locked), monotonic=lambda: now[0])
    for now[0] in (0.0, 1.0, 59.0, 60.0, 61.0):
        with pytest.raises(ConfigError, match="locked") as caught:
            machine.key()
        assert caught.value.__traceback__ is not None
    assert asked == [0.0, 60.0]
    locked.locked = False
    now[0] = 120.0
    assert machine.key() is not None


def test_a_key_file_put_right_counts_at_once(private: Path) -> None:
    machine_in(private).make_key()
    machine = machine_in(private)
    good = machine.key_file.read_bytes()
    machine.key_file.write_bytes(b"{}")
    with pytest.raises(ConfigError, match="damaged"):
        machine.key()
    machine.key_file.write_bytes(good)
    assert machine.key() is not None


def test_where_links_are_unknown_one_makes_the_key_all_the_same(private: Path) -> None:
    def link(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    def make() -> bytes:
        return Machine(private / "machine", private / "store", link=link).make_key().private_bytes_raw()

    key = make()
    assert make() == key
    kept = Machine(private / "machine", private / "store", link=link)
    kept.key()
    kept.key_file.unlink()
    kept.keep()
    again = machine_in(private).key()
    assert again is not None
    assert again.private_bytes_raw() == key
    assert os.stat(kept.key_file).st_mode & 0o777 == 0o600
    assert os.listdir(kept.key_file.parent) == ["machine.key"]


def test_another_reason_why_a_name_cannot_be_made_is_said(private: Path) -> None:
    def link(_source: Path, _target: Path) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    machine = Machine(private / "machine", private / "store", link=link)
    with pytest.raises(OSError, match="quota"):
        machine.make_key()
    assert os.listdir(private / "machine") == []


def test_another_protection_keeps_the_key(private: Path) -> None:
    key = machine_in(private).make_key()
    locked = machine_in(private, Protection(lambda: b"words", kind="passphrase"))
    locked.protect()
    assert json.loads(locked.key_file.read_bytes())["kind"] == "passphrase"
    again = machine_in(private, Protection(lambda: b"words", kind="passphrase")).key()
    assert again is not None
    assert again.private_bytes_raw() == key.private_bytes_raw()


def test_a_key_handed_over_needs_no_file(private: Path) -> None:
    key = X25519PrivateKey.generate()
    machine = Machine(private / "machine", private / "store", key=key)
    assert machine.key() is key
    machine.keep()
    assert not machine.key_file.exists()


def test_a_descriptor_that_is_not_open_is_no_damage(private: Path) -> None:
    machine_in(private, Protection(lambda: b"words", kind="passphrase")).make_key()
    nowhere = Protection(passphrase_source(999, None), kind="passphrase")
    with pytest.raises(UsageError, match="descriptor 999") as caught:
        machine_in(private, nowhere).key()
    assert "machine.key" not in (caught.value.hint or "")
