"""What it costs a Python program to get its token, in microseconds."""

from __future__ import annotations

import os
import timeit
from typing import TYPE_CHECKING

import ctaclient
from ctaclient._util.clock import SystemClock
from ctaclient.config.profiles import DEFAULT_PROFILE
from ctaclient.config.settings import Arguments
from ctaclient.identity import Identity
from tests.bench.result import Result, timed
from tests.bench.stored_login import environ_of, make_login

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ROUNDS, _CALLS = 30, 200
LIMIT_US = 50.0


def measure(home: Path) -> list[Result]:
    """`ctaclient.token()`, what lies below it, and a bare read of the file."""
    store = make_login(home)
    # in this process: it is ended when the benchmarks are
    for name in [name for name in os.environ if name.startswith(("CTACLIENT_", "BEARER_TOKEN"))]:
        del os.environ[name]
    os.environ.update(environ_of(home))
    identity = Identity(Arguments(), os.environ, SystemClock())
    source = identity.token_source(identity.settings)
    file = str(store.token_file(DEFAULT_PROFILE))

    def read_file() -> bytes:
        with open(file, "rb") as opened:  # noqa: PTH123 - what a program without us would do
            return opened.read()

    return [
        timed("`ctaclient.token()`", _samples_us(ctaclient.token), "µs", limit=LIMIT_US),
        timed("`TokenSource.get()`: record and token read and checked", _samples_us(source.get), "µs", limit=LIMIT_US),
        timed("the token file, `open` and `read` in Python", _samples_us(read_file), "µs"),
    ]


def _samples_us(call: Callable[[], object]) -> list[float]:
    call()
    return [timeit.timeit(call, number=_CALLS) / _CALLS * 1e6 for _ in range(_ROUNDS)]
