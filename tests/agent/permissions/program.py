"""Uses one of the agent's private files or directories, as a user who is not root. Run as a program.

`python -m tests.agent.permissions.program UID GID` becomes that user, if root started it, and reads lines of JSON,
[USE, DIRECTORY]; the answer is what the use raised, or null.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctaclient._util.clock import SystemClock
from ctaclient.config.file import load, save_profile
from ctaclient.config.profiles import Profile
from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient_agent.daemon.instance import Instance
from ctaclient_agent.daemon.listener import Listener
from ctaclient_agent.logins.spending import spending_of
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.process.log import Secrets, log_to_file
from tests.agent.crash.actions import PROFILE, lease_in, log_in, vault_in

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOCK = SystemClock()


def prepare(base: Path) -> None:
    """All of it, as it should be."""
    log_in(base, "old")
    lease = lease_in(base)
    assert lease.take()
    lease.release()
    for name in ("run", "state", "fresh-machine"):
        (base / name).mkdir(mode=0o700)
    for name in ("run/agent.lock", "state/agent.log"):
        (base / name).touch(mode=0o600)
    save_profile(base / "config" / "config.toml", Profile("cta", issuer="https://issuer.example"), make_default=True)


def _spend(base: Path) -> None:
    spending = spending_of(vault_in(base), _CLOCK)(PROFILE)
    spending.look()
    assert spending.take({})
    spending.release()


def _hold(base: Path) -> None:
    lease = lease_in(base)
    assert lease.take()
    lease.release()


def _lock(base: Path) -> None:
    with vault_in(base).lock(PROFILE):
        return


def _become_agent(base: Path) -> None:
    instance = Instance(base / "run")
    assert instance.take(this_process(_CLOCK.now()))
    instance.release()


def _listen(base: Path) -> None:
    Listener(base / "run" / "agent.sock", lambda _: b"", _CLOCK).close()


def _log(base: Path) -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        log_to_file(base / "state" / "agent.log", Secrets(), debug=False)
        root.warning("a line")
    finally:
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)
            handler.close()


USES: dict[str, Callable[[Path], object]] = {
    "prepare": prepare,
    "store": lambda base: vault_in(base).prepare(),
    "lock": _lock,
    "token": lambda base: vault_in(base).store.read(PROFILE),
    "record": lambda base: vault_in(base).store.record(PROFILE),
    "login": lambda base: vault_in(base).load(PROFILE),
    "key": lambda base: vault_in(base).machine.key(),
    "make key": lambda base: Machine(base / "fresh-machine", base / "store").make_key(),
    "spend": _spend,
    "hold": _hold,
    "become agent": _become_agent,
    "listen": _listen,
    "ask": lambda base: ask(base / "run" / "agent.sock", Request("status"), timeout_s=2),
    "log": _log,
    "configure": lambda base: load(base / "config" / "config.toml"),
    "save profile": lambda base: save_profile(
        base / "config" / "config.toml", Profile("b", issuer="https://b.example"), make_default=False
    ),
}


def _outcome(use: str, base: Path) -> dict[str, Any] | None:
    try:
        USES[use](base)
    except Exception as error:  # noqa: BLE001 - it is what the test asks for
        return {"kind": type(error).__name__, "message": str(error), "hint": getattr(error, "hint", None)}
    return None


def main(uid: int, gid: int) -> None:
    """Serve until the end of standard input."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        home.mkdir(mode=0o700)
        (home / "store").mkdir(mode=0o700)
        for use in USES:  # what is imported late may be root's alone to read
            _outcome(use, home)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    for line in sys.stdin:
        use, base = json.loads(line)
        # a message that some part writes itself would not be an answer
        with contextlib.redirect_stdout(sys.stderr):
            outcome = _outcome(use, Path(base))
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
