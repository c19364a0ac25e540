"""What the agent's tests share: answers from a list, a terminal, a private directory."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.machine import Machine
from tests.support.agent_home import Terminal
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ctaclient.errors import NetworkError
    from ctaclient_agent.issuer.send_limit import SendLimit


@dataclass
class FakeHttp:
    """Answers from a list, in order; remembers what was asked. The last answer stays."""

    answers: list[Reply | NetworkError]
    asked: list[tuple[str, Mapping[str, Any], Mapping[str, str]]] = field(default_factory=list)
    documents: dict[str, Reply] = field(default_factory=dict)

    def get(self, url: str) -> Reply:
        return self.documents.get(url, Reply(404, {}, b""))

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], *, limit: SendLimit | None = None
    ) -> Reply:
        self.asked.append((url, dict(form), dict(headers)))
        return self._next()

    def post_json(self, url: str, document: Mapping[str, Any]) -> Reply:
        self.asked.append((url, dict(document), {}))
        return self._next()

    def delete(self, url: str, headers: Mapping[str, str]) -> Reply:
        self.asked.append((url, {}, dict(headers)))
        return self._next()

    def _next(self) -> Reply:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not isinstance(answer, Reply):
            raise answer
        return answer

    def __enter__(self) -> FakeHttp:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def vault_in(directory: Path) -> Vault:
    """A vault below a private directory."""
    return Vault(directory / "store", Machine(directory / "machine", directory / "store"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def fake_http() -> Callable[..., FakeHttp]:
    return lambda *answers: FakeHttp(list(answers))


@pytest.fixture
def make_terminal() -> Iterator[Callable[[str], Terminal]]:
    """Makes a terminal at which a secret is typed."""
    with contextlib.ExitStack() as stack:

        def make(secret: str) -> Terminal:
            terminal = Terminal(secret)
            stack.callback(terminal.close)
            return terminal

        yield make


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """An empty private directory."""
    path = tmp_path / "private"
    path.mkdir(mode=0o700)
    return path
