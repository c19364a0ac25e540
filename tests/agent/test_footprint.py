"""The daemon stays small: what it imports, what a request leaves behind, how much it has after some refreshes."""

from __future__ import annotations

import contextlib
import gc
import ssl
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import NetworkError
from ctaclient_agent.issuer.http import MAX_BODY_BYTES, HttpxHttp
from tests.agent.test_http import TalkingServer, answer
from tests.support.imports import modules_after
from tests.support.memory import resident_kib
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.agent_home import AgentHome

# The goal; the benchmarks tell how much it really is.
LIMIT_KIB = 45 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TalkingServer]:
    running = TalkingServer(tmp_path)
    yield running
    running.close()


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Garbage stays, as in a daemon whose every refresh makes few objects, and large ones."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def contexts() -> int:
    return sum(isinstance(each, ssl.SSLContext) for each in gc.get_objects())


def test_the_daemon_imports_nothing_for_terminals_or_logins(logged_in: AgentHome) -> None:
    # It finds the other agent, and ends.
    modules = modules_after("from ctaclient_agent.__main__ import main; main()", "run", environ=logged_in.environ)
    assert "ctaclient_agent.daemon.service" in modules
    roots = {name.partition(".")[0] for name in modules}
    assert not roots & {"click", "rich", "pygments", "joserfc", "authlib", "tomlkit", "webdav4", "tqdm", "asyncio"}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "said",
    [
        answer(b"{}"),
        answer(b"x" * (MAX_BODY_BYTES + 1)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"",
    ],
    ids=["good", "too large", "cut", "empty"],
)
def test_a_request_leaves_no_tls_context_to_the_garbage_collector(server: TalkingServer, said: bytes) -> None:
    server.say(said)
    before = contexts()
    with contextlib.suppress(NetworkError), HttpxHttp(str(server.ca_file)) as http:
        http.post(server.url, {"a": "b"}, {})
    assert server.seen
    del http
    # the thread of the deadline may still be ending
    eventually(lambda: contexts() == before)


def test_memory_after_some_refreshes(busy_home: AgentHome) -> None:
    busy_home.log_in()
    eventually(lambda: busy_home.generation() >= 3)
    resident = resident_kib(busy_home.pid())
    if resident is None:
        pytest.skip("this platform has no /proc/PID/status")
    assert resident < LIMIT_KIB
