"""What a person sees of a login, whatever the issuer says."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import termios
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ctaclient.errors import CtaError
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.device import Prompt, device_flow
from ctaclient_agent.login.terminal import Terminal
from ctaclient_agent.process.moments import local_time
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    import pytest

PROMPT = Prompt("ABCD-EFGH", "https://issuer.example/device", None, 600.0)
NASTY = st.sampled_from(
    ["$(id)", "`id`", ";id", "javascript:alert(1)", "\x1b]0;x\x07", "\x1b[2J", "\x00", "\u202e", "https://i.example/"]
)
TEXT = st.lists(NASTY | st.text(max_size=20), max_size=4).map("".join)


def shown(body: Any, status: int) -> str:
    """What the terminal gets, up to the first poll or the error."""
    stream = io.StringIO()
    terminal = Terminal(stream)
    flow = device_flow("openid", FakeClock(), pkce=None)
    next(flow)
    try:
        step = flow.send(Reply(status, {}, json.dumps(body).encode()))
        assert isinstance(step, Prompt)
        terminal.show(step, "mine", "https://issuer.example", qr=True)
    except CtaError as error:
        terminal.report(error)
    return stream.getvalue()


@given(
    body=st.fixed_dictionaries(
        {
            "device_code": TEXT,
            "user_code": TEXT,
            "verification_uri": TEXT.map(lambda text: "https://i.example/" + text),
        },
        optional={"verification_uri_complete": TEXT, "expires_in": st.integers(), "interval": TEXT},
    )
    | st.fixed_dictionaries({"error": TEXT, "error_description": TEXT}),
    status=st.sampled_from([200, 400, 500]),
)
@settings(deadline=None)
def test_nothing_raw_reaches_the_terminal(body: Any, status: int) -> None:
    for line in shown(body, status).splitlines():
        assert line.isprintable(), line
        assert len(line) < 5000
        if re.match(r" {4}\S", line):
            assert line.startswith("    https://")


def test_ten_megabytes_are_cut() -> None:
    huge = "A" * 10_000_000
    assert len(shown({"device_code": "d", "user_code": huge, "verification_uri": "https://i.example/"}, 200)) < 2000
    assert len(shown({"error": "invalid_request", "error_description": huge}, 400)) < 2000


def on_terminal(columns: int, *, qr: bool) -> str:
    """What appears on a terminal so wide."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("4H", 50, columns, 0, 0))
    with os.fdopen(there, "w", encoding="utf-8") as stream:
        Terminal(stream).show(PROMPT, "mine", "https://issuer.example", qr=qr)
    seen = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed, and all has been read
        while part := os.read(here, 65536):
            seen += part
    os.close(here)
    return seen.decode()


def test_a_qr_code_on_a_terminal_with_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert "█" in on_terminal(80, qr=True)
    assert "ABCD-EFGH" in on_terminal(80, qr=True)
    assert "█" not in on_terminal(20, qr=True)
    assert "█" not in on_terminal(80, qr=False)
    monkeypatch.setenv("TERM", "dumb")
    assert "█" not in on_terminal(80, qr=True)


def test_no_qr_code_where_nobody_looks() -> None:
    stream = io.StringIO()
    Terminal(stream).show(PROMPT, "mine", "https://issuer.example", qr=True)
    assert "█" not in stream.getvalue()


def test_a_full_disk_ends_nothing() -> None:
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:  # noqa: PTH123 - a device
        Terminal(full).say("nobody reads this")
        with contextlib.suppress(OSError):
            full.close()


@given(st.floats() | st.integers(-(10**20), 10**20))
def test_any_time_can_be_said(seconds: float) -> None:
    assert local_time(seconds).isprintable()
