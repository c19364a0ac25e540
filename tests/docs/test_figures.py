"""The figures and lists in the pages are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from ctaclient.control import address, client, messages
from ctaclient.identity import _SCOPED_TIMEOUT_S
from ctaclient.tokens import store
from ctaclient_agent.daemon import listener, service
from ctaclient_agent.issuer import answers, http
from ctaclient_agent.logins import spending
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.machines import fence, keypair, machine, os_keyring, passphrase, place
from ctaclient_agent.machines.lease import Terms
from ctaclient_agent.process import log
from ctaclient_agent.refreshing import refresh, schedule

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = DOCS.parent / "agent" / "ctaclient_agent"
TERMS = Terms()
MIB = 1024 * 1024
WORDS = {1: "one", 3: "three", 4: "four", 5: "five"}


def page(name: str) -> str:
    """A page with its lines joined."""
    return " ".join((DOCS / name).read_text(encoding="utf-8").split())


def whole(value: float) -> str:
    assert value == int(value)
    return f"{value:.0f}"


PHRASES = {
    "agent-protocol.md": [
        f"Version {messages.VERSION}.",
        f"longer than {address._MAX_PATH_BYTES} bytes",
        f"more than {messages.MAX_BYTES // 1024} KiB",
        f"to arrive within {whole(listener._SILENCE_S)} s",
        f"not taken for {whole(listener._SILENCE_S)} s",
        f"serves {listener._MAX_CONNECTIONS} connections",
        f"to below {messages._MAX_TTL_S:.0e}".replace("e+09", "e9"),
        f"at most every {whole(schedule._ASKED_EVERY_S)} s",
        f"waited for, {whole(service._ASK_TIMEOUT_S)} s at most",
        f"from the store for {whole(refresh._SCOPED_EVERY_S)} s",
        f"allow {whole(_SCOPED_TIMEOUT_S)} s",
        f"looks every {whole(TERMS.tick_s)} s",
        f"at most {whole(client.TIMEOUT_S)} s for the answer",
    ],
    "store.md": [
        f"{WORDS[log._FILES]} files of {log._MAX_BYTES // MIB} MiB",
        f"waits up to {whole(spending._SPENDING_ENDS_S)} s for another machine",
        f"{WORDS[store._ATTEMPTS]} times at most",
        f"its file every {whole(TERMS.tick_s)} s",
        f"Above {whole(TERMS.lease_s)} s,",
        f"goes on within {whole(TERMS.lease_s + TERMS.tick_s)} s (with a login that was being refreshed just then, "
        f"after {whole(TERMS.spending_s)} s)",
        f"next look, within {whole(TERMS.tick_s)} s.",
        f"last {WORDS[fence._KEPT]} numbers",
        f"`PROFILE/spending/`, of {whole(TERMS.spending_s)} s",
        f"within half of the {whole(TERMS.spending_s)} s",
        f"given up after {whole(http.TOTAL_TIMEOUT_S)} s more",
        f"leaves {whole(TERMS.spending_s / 2 - http.TOTAL_TIMEOUT_S)} s between",
        f"not seen for {whole(machine._FORGOTTEN_S / machine._DAY_S)} days",
        f"of more than {machine._MAX_MACHINES} those",
        f"at {schedule._EARLIEST * 100:.0f} to {schedule._LATEST * 100:.0f} % of the token's life",
        f"{whole(schedule._RESERVE_S)} s before its end at the latest, or {schedule._RESERVE_PART * 100:.0f} %",
        f"no answer in {whole(http.TOTAL_TIMEOUT_S)} s",
        f"up to {whole(schedule._BACKOFF_S)} s, then 4, 8, 16, {whole(schedule._BACKOFF_MAX_S)}, ",
        f"at least {schedule._BACKOFF_MIN_S} s; after an hour up to {whole(schedule._LONG_BACKOFF_MAX_S)} s",
        f"{whole(schedule._ASKED_EVERY_S)} s after the last attempt",
        f"by more than {whole(schedule._CLOCK_STEP_S)} s",
    ],
    "settings.md": [
        f"{keypair._ARGON2['memory_kib'] // 1024} MiB, {WORDS[keypair._ARGON2['iterations']]} passes and "
        f"{WORDS[keypair._ARGON2['lanes']]} lane",
        f"At most {passphrase._MAX_BYTES} bytes",
        f"has {whole(passphrase._COMMAND_LIMIT_S)} s",
        f"within {whole(os_keyring._LIMIT_S)} s is an error",
        f"`{place._LOCAL}/ctaclient-UID`",
    ],
    "threat-model.md": [
        f"{keypair._ARGON2['memory_kib'] // 1024} MiB and {WORDS[keypair._ARGON2['iterations']]} passes",
        f"Answers above {http.MAX_BODY_BYTES // MIB} MiB",
        f"looks, within {whole(TERMS.tick_s)} s,",
        f"renewed, at most every {whole(schedule._ASKED_EVERY_S)} s",
        f"at all for more than {whole(TERMS.spending_s)} s",
        f"noticed after {whole(TERMS.lease_s)} s only",
    ],
}


@pytest.mark.parametrize(("name", "phrase"), [(name, phrase) for name in PHRASES for phrase in PHRASES[name]])
def test_figures(name: str, phrase: str) -> None:
    assert phrase in page(name)


def test_what_an_hour_is() -> None:
    assert schedule._LONG_OUTAGE_S == answers._MAX_RETRY_AFTER_S == 3600
    assert schedule._DAY_S == machine._DAY_S == 86_400


def test_what_ends_a_login() -> None:
    text = page("store.md")
    assert (
        set(re.findall(r"`(\w+)`", text[text.index("*A refusal*") : text.index("and nothing else")])) == answers._FINAL
    )
    assert "four error codes" in page("design.md")
    assert len(answers._FINAL) == 4


def test_each_secret_of_a_login_is_in_the_threat_model() -> None:
    secrets = {field.name for field in fields(Login) if not field.repr}
    assert secrets
    for name in secrets:
        assert name.replace("_", " ") in page("threat-model.md")


def test_the_rooms_and_files_of_the_design_are_those_that_there_are() -> None:
    text = (DOCS / "design.md").read_text()
    (table,) = re.findall(r"^\| room \| what it knows \|\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    named = dict(re.findall(r"^\| `(\w+)/` \| (.*) \|$", table, re.MULTILINE))
    assert set(named) == {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    for room, words in named.items():
        files = {path.stem for path in (SOURCE / room).glob("*.py")}
        assert set(re.findall(r"`(\w+)`", words)) <= files, room


SHARED = {
    "NFS": "nfs4",
    "CIFS": "cifs",
    "SMB": "smb3",
    "AFS": "afs",
    "Lustre": "lustre",
    "GPFS": "gpfs",
    "BeeGFS": "beegfs",
    "Ceph": "ceph",
    "9p": "9p",
    "virtiofs": "virtiofs",
    "GlusterFS": "glusterfs",
    "Panasas": "panfs",
    "PVFS": "pvfs2",
    "OrangeFS": "orangefs",
    "FUSE": "fuse",
    "sshfs": "fuse.sshfs",
    "EOS": "fuse.eosxd",
}


def test_the_kinds_of_shared_disks_are_those_of_the_code() -> None:
    text = page("settings.md")
    sentence = text[text.index("Whether a disk is shared") : text.index("Any other file system")]
    assert set(re.findall(r"[A-Z0-9]\w*[A-Z]+\w*|9p|virtiofs|sshfs|Lustre|Ceph|Panasas", sentence)) == set(SHARED)
    assert all(place._SHARED.fullmatch(kind) for kind in SHARED.values())
    assert not place._SHARED.fullmatch("ext4")
