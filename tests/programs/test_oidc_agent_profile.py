"""A profile whose tokens come from oidc-agent: where it stands among the others, and what is said when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient import Client
from ctaclient.config.file import load, save_profile
from ctaclient.config.profiles import Profile
from ctaclient.control.address import new_socket, socket_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.user_home import UserHome

STORAGE = "https://here.example:2880"


class OidcAgent:
    """Answers every request at `socket` with `answer`, and counts them."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {
            "status": "success",
            "access_token": "of-oidc-agent",
            "expires_at": 4_000_000_000,
        }
        self._listener = new_socket()
        with socket_address(socket) as address:
            self._listener.bind(address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection = self._listener.accept()[0]
            with connection:
                message = connection.recv(4096)
                if message == b"stop":
                    return
                self.asked.append(json.loads(message))
                connection.sendall(json.dumps(self.answer).encode())

    def stop(self) -> None:
        with new_socket() as caller, socket_address(self.socket) as address:
            caller.connect(address)
            caller.sendall(b"stop")
            self._thread.join()
        self._listener.close()


@pytest.fixture
def oidc_agent(tmp_path: Path) -> Iterator[OidcAgent]:
    agent = OidcAgent(tmp_path / "socket")
    yield agent
    agent.stop()


@pytest.fixture
def user(home: UserHome, oidc_agent: OidcAgent) -> UserHome:
    """A home with a login of its own, too, which does not count."""
    home.log_in("of-our-own-store", storage_url=STORAGE)
    profile = Profile("here", storage_url=STORAGE, oidc_agent_account="cta")
    save_profile(home.paths.config_file, profile, make_default=True)
    home.environ["OIDC_SOCK"] = str(oidc_agent.socket)
    return home


def run(home: UserHome, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "ctaclient", *words],
        env={**home.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_stands_in_for_the_store(user: UserHome, oidc_agent: OidcAgent, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("of-a-file")
    assert run(user, "token", BEARER_TOKEN="of-the-caller").stdout == "of-the-caller\n"
    assert run(user, "token", BEARER_TOKEN_FILE=str(tmp_path / "file")).stdout == "of-a-file\n"
    assert oidc_agent.asked == []
    done = run(user, "token", "--min-ttl", "10m")
    assert (done.returncode, done.stdout, done.stderr) == (0, "of-oidc-agent\n", "")
    assert oidc_agent.asked == [
        {"request": "access_token", "account": "cta", "min_valid_period": 600, "application_hint": "ctaclient"}
    ]


def test_it_is_asked_once_in_a_process(user: UserHome, oidc_agent: OidcAgent) -> None:
    client = Client(environ=user.environ)
    assert {client.token().value for _ in range(5)} == {"of-oidc-agent"}
    assert len(oidc_agent.asked) == 1


def test_it_does_not_go_where_a_variable_points(user: UserHome, oidc_agent: OidcAgent) -> None:
    done = run(user, "token", CTACLIENT_STORAGE_URL="https://elsewhere.example", CTACLIENT_PROFILE="here")
    assert (done.returncode, done.stdout) == (4, "")
    assert oidc_agent.asked == []


def test_config_show_tells(user: UserHome) -> None:
    assert "oidc_agent_account cta  (config.toml)\n" in run(user, "config", "show").stdout


def test_a_refusal(user: UserHome, oidc_agent: OidcAgent) -> None:
    oidc_agent.answer = {"status": "failure", "error": "Could not decrypt"}
    done = run(user, "token")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "ctaclient: no token from oidc-agent's account cta: Could not decrypt\n  try: oidc-add cta\n"
    )


@pytest.mark.parametrize("socket", ["", "/nonexistent/oidc-agent"])
def test_no_oidc_agent(user: UserHome, socket: str) -> None:
    done = run(user, "token", OIDC_SOCK=socket)
    assert (done.returncode, done.stdout) == (4, "")
    assert "oidc-agent" in done.stderr
    assert "  try: eval" in done.stderr


@pytest.mark.parametrize("words", [("exec", "--", "echo", "it ran"), ("token", "--format", "file"), ("agent", "link")])
def test_there_is_no_file(user: UserHome, words: tuple[str, ...]) -> None:
    done = run(user, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the token from oidc-agent's account cta lies in no file" in done.stderr


def test_a_narrower_token_is_oidc_agents_business(user: UserHome) -> None:
    done = run(user, "token", "--scope", "storage.read:/")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has its tokens from oidc-agent" in done.stderr


def test_start_agent_says_that_nothing_is_to_be_started(user: UserHome) -> None:
    before = user.paths.config_file.read_bytes()
    done = run(user, "start-agent")
    assert (done.returncode, done.stdout) == (2, "")
    assert "profile here has its tokens from oidc-agent's account cta" in done.stderr
    assert user.paths.config_file.read_bytes() == before


def test_saving_another_profile_keeps_the_key(user: UserHome) -> None:
    save_profile(user.paths.config_file, Profile("more", storage_url="https://more.example"), make_default=False)
    assert load(user.paths.config_file).profiles["here"].oidc_agent_account == "cta"
