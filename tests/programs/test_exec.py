"""`ctaclient exec`: the command runs in our place, finds the token, and nobody hides it from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.address import new_socket, socket_address
from ctaclient.control.messages import encode_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.user_home import UserHome

PROGRAM = [sys.executable, "-P", "-m", "ctaclient", "exec"]
SHOW = 'echo "${BEARER_TOKEN-unset} $BEARER_TOKEN_FILE"'


def run(home: UserHome, *words: str, before: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
    """`ctaclient exec WORDS` as a process of its own."""
    return subprocess.run(
        [*before, *PROGRAM, *words],
        env={**home.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_finds_the_token_in_a_file(home: UserHome) -> None:
    file = home.log_in("token-of-here")
    done = run(home, "--", "sh", "-c", f'{SHOW}; cat "$BEARER_TOKEN_FILE"')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"unset {file}\ntoken-of-here"


def test_the_profile_is_chosen(home: UserHome) -> None:
    other = home.log_in("token-of-other", "other")
    home.log_in("token-of-here")
    done = run(home, "--profile", "other", "sh", "-c", SHOW)
    assert done.stdout == f"unset {other}\n"


def test_a_renewed_token_reaches_the_running_command(home: UserHome) -> None:
    home.log_in("first")
    shows = 'cat "$BEARER_TOKEN_FILE"; echo; read _; cat "$BEARER_TOKEN_FILE"'
    with subprocess.Popen(
        [*PROGRAM, "--", "sh", "-c", shows],
        env=home.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        home.log_in("second", generation=2)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.read() == "second"


def test_words_reach_the_command_as_they_are(home: UserHome) -> None:
    home.log_in("token")
    words = ["--debug", "-v", "a b", "*", "--", "--profile", "x", ""]
    for separator in ([], ["--"]):
        done = run(home, *separator, sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
        assert (done.stdout, done.stderr) == (f"{words}\n", "")


def test_the_exit_code_is_the_commands_own(home: UserHome) -> None:
    home.log_in("token")
    assert [run(home, "sh", "-c", f"exit {code}").returncode for code in (0, 1, 4, 255)] == [0, 1, 4, 255]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_the_commands_own(home: UserHome, number: signal.Signals) -> None:
    home.log_in("token")
    with subprocess.Popen(
        [*PROGRAM, "--", "sh", "-c", "echo $$; exec sleep 60"], env=home.environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{process.pid}\n"
        process.send_signal(number)
        assert process.wait(20) == -number


def test_under_nohup_the_command_lives_on(home: UserHome) -> None:
    home.log_in("token")
    done = run(home, "--", "sh", "-c", "kill -HUP $$; echo alive", before=("nohup",))
    assert done.stdout == "alive\n"


def test_a_command_whose_reader_has_gone_ends_silently(home: UserHome) -> None:
    """Python ignores SIGPIPE; the command must not inherit that."""
    home.log_in("token")
    done = run(home, "--", "bash", "-c", 'yes | head -n 1; echo "${PIPESTATUS[0]}"')
    assert (done.stdout, done.stderr) == (f"y\n{128 + signal.SIGPIPE}\n", "")


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (None, 0, 127),
        ("#!/bin/sh\n", 0o644, 126),
        ("no program at all", 0o755, 126),
        ("#!/nowhere/at/all\n", 0o755, 127),
    ],
)
def test_a_command_that_cannot_be_run(
    home: UserHome, script: Callable[..., Path], tmp_path: Path, text: str | None, mode: int, code: int
) -> None:
    home.log_in("token")
    path = tmp_path / "missing" if text is None else script("command", text, mode)
    done = run(home, "--", str(path))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"ctaclient: cannot run {path}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_is_not_on_the_path(home: UserHome) -> None:
    home.log_in("token")
    done = run(home, "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "ctaclient: cannot run no-such-command: no such file or directory\n")


def test_without_a_command(home: UserHome) -> None:
    home.log_in("token")
    for words in ([], ["--"]):
        assert run(home, *words).returncode == 2


@pytest.mark.parametrize("lives_s", [None, -5])
def test_without_a_login_the_command_is_not_run(home: UserHome, lives_s: float | None) -> None:
    if lives_s is not None:
        home.log_in("token", "cta-cscs", lives_s=lives_s)
    done = run(home, "--", "echo", "it ran")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.endswith("  try: ctaclient start-agent --profile cta-cscs\n")


def test_a_life_too_short(home: UserHome) -> None:
    home.log_in("token", lives_s=600)
    assert run(home, "--min-ttl", "5m", "--", "true").returncode == 0
    done = run(home, "--min-ttl", "30m", "--", "echo", "it ran")
    assert (done.returncode, done.stdout) == (4, "")
    assert "never 1800 s as wanted" in done.stderr


def test_a_life_too_short_makes_the_agent_renew_it_first(home: UserHome) -> None:
    home.log_in("old", lives_s=60)
    home.paths.runtime.mkdir(mode=0o700, parents=True)
    with new_socket() as listener, socket_address(home.paths.agent_socket) as address:
        listener.bind(address)
        listener.listen()
        with subprocess.Popen(
            [*PROGRAM, "--min-ttl", "5m", "--", "sh", "-c", 'cat "$BEARER_TOKEN_FILE"'],
            env=home.environ,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            with listener.accept()[0] as asked:
                assert b'"refresh"' in asked.recv(4096)
                home.log_in("new", lives_s=600, generation=2)
                asked.sendall(encode_answer(refreshes=True, last_error=None))
            assert process.stdout.read() == "new"
        assert process.returncode == 0


def test_a_token_in_the_environment_is_passed_on_with_a_word(home: UserHome) -> None:
    home.log_in("token-of-here")
    done = run(home, "--", "sh", "-c", SHOW, BEARER_TOKEN="handed-over")
    assert (done.returncode, done.stdout) == (0, "handed-over \n")
    assert done.stderr == "ctaclient: the token in BEARER_TOKEN is passed on as it is; nobody renews it\n"
    assert run(home, "-q", "--", "sh", "-c", SHOW, BEARER_TOKEN="handed-over").stderr == ""


def test_an_empty_variable_hides_nothing(home: UserHome) -> None:
    file = home.log_in("token-of-here")
    done = run(home, "--", "sh", "-c", SHOW, BEARER_TOKEN="", BEARER_TOKEN_FILE="")
    assert done.stdout == f"unset {file}\n"


def test_a_token_file_of_the_user_is_passed_on_by_its_full_name(home: UserHome, tmp_path: Path) -> None:
    home.log_in("token-of-here")
    (tmp_path / "mine").write_text("of-mine\n")
    relative = os.path.relpath(tmp_path / "mine")
    done = run(home, "--", "sh", "-c", f"cd /; {SHOW}", BEARER_TOKEN_FILE=relative)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("unset /")
    assert os.path.samefile(done.stdout.split()[1], tmp_path / "mine")


def test_a_pipe_cannot_be_passed_on(home: UserHome) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" -- echo "it ran"', "bash", *PROGRAM],
        env={**home.environ, "BEARER_TOKEN_FILE": "/dev/stdin"},
        input="of-a-pipe\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ctaclient: the token from /dev/stdin lies in no file\n")


@pytest.mark.parametrize(("size_bytes", "warned"), [(4096, False), (4097, True)])
def test_a_token_too_large_for_xrdcp(home: UserHome, size_bytes: int, warned: bool) -> None:
    home.log_in("x" * size_bytes)
    done = run(home, "--", "true")
    assert done.returncode == 0
    assert done.stderr == (
        "ctaclient: the token has 4097 bytes, and xrdcp reads no token file above 4096\n" if warned else ""
    )


def test_the_token_is_in_no_argument_and_no_environment(home: UserHome) -> None:
    home.log_in("a-very-secret-token")
    with subprocess.Popen(
        [*PROGRAM, "--", "sh", "-c", "echo ready; read _"],
        env=home.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for name in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{name}", "rb") as shown:  # noqa: PTH123
                content = shown.read()
            assert content
            assert b"a-very-secret-token" not in content
        process.stdin.close()
    assert process.returncode == 1  # `read` at the end of its input
