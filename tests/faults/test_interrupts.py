"""Ctrl-C, SIGTERM or a lost connection in the middle: the interrupt goes on its way, our temporaries do not stay."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Fault
from tests.conftest import eventually
from tests.faults.conftest import large, picture, unchanged
from tests.faults.program import finish_child, start_child
from tests.faults.test_uploads import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient import Client
    from tests.faults.conftest import Spot
    from tests.support.agent_home import AgentHome

# What a person, a batch system and a lost connection send, with exit code and word.
SIGNALS = [
    (signal.SIGINT, 130, "ctaclient: interrupted"),
    (signal.SIGTERM, 143, "ctaclient: terminated"),
    (signal.SIGHUP, 143, "ctaclient: terminated"),
]


def _interrupt() -> None:
    raise KeyboardInterrupt


class TestKeyboardInterrupt:
    @pytest.mark.parametrize("existing", [False, True])
    def test_put(self, client: Client, spot: Spot, here: Path, existing: bool) -> None:
        source = large(here)
        if existing:
            (spot.directory / "f").write_bytes(b"old")
        with unchanged(spot.directory, here), pytest.raises(KeyboardInterrupt):
            client.put(source, "/f", overwrite=existing, progress=Watcher(_interrupt))
        client.put(source, "/f", overwrite=existing)
        assert (spot.directory / "f").read_bytes() == source.read_bytes()

    @pytest.mark.parametrize("existing", [False, True])
    def test_get(self, client: Client, spot: Spot, here: Path, existing: bool) -> None:
        source = large(spot.directory)
        if existing:
            (here / "large").write_bytes(b"old")
        with unchanged(spot.directory, here), pytest.raises(KeyboardInterrupt):
            client.get("/large", here, overwrite=existing, progress=Watcher(_interrupt))
        client.get("/large", here, overwrite=existing)
        assert (here / "large").read_bytes() == source.read_bytes()


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(("number", "code", "said"), SIGNALS)
class TestSignals:
    """The pool takes nothing for a while, so that the program is caught in the middle of it."""

    def test_put(self, spot: Spot, here: Path, number: int, code: int, said: str) -> None:
        source = large(here, size_bytes=20_000_000)
        (spot.directory / "f").write_bytes(b"old")
        before = picture(spot.directory)
        spot.sandbox.fault("pool", Fault("delay", "PUT", spot.name, seconds=30))
        child = start_child("put", "--overwrite", source, "/f")
        eventually(lambda: any(spot.directory.glob(".ctaclient-*")) or child.poll() is not None)
        child.send_signal(number)
        outcome = finish_child(child)
        assert (outcome.code, outcome.out, outcome.err.strip()) == (code, "", said)
        assert picture(spot.directory) == before

    def test_get(self, spot: Spot, here: Path, number: int, code: int, said: str) -> None:
        large(spot.directory, "f", 20_000_000)
        (here / "f").write_bytes(b"old")
        before = picture(here)
        spot.sandbox.fault("pool", Fault("stall", "GET", spot.name, after_bytes=10_000_000, seconds=30))
        child = start_child("get", "--overwrite", "/f", here)
        eventually(lambda: any(here.glob(".ctaclient-*")) or child.poll() is not None)
        child.send_signal(number)
        outcome = finish_child(child)
        assert (outcome.code, outcome.out, outcome.err.strip()) == (code, "", said)
        assert picture(here) == before


class TestLogin:
    def test_ctrl_c_is_told_once(self, agent_home: AgentHome) -> None:
        """A terminal tells the whole group: the program, and the agent that it started."""
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "ctaclient", "start-agent", *agent_home.arguments()],
            env=agent_home.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert child.stderr is not None
        try:
            said = ""
            while "enter the code" not in said and (line := child.stderr.readline()):
                said += line
            os.killpg(child.pid, signal.SIGINT)
            _, rest = child.communicate(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert "enter the code" in said
        assert (child.returncode, rest.count("interrupted")) == (130, 1), rest
        assert "Traceback" not in rest
        assert not agent_home.runs()
