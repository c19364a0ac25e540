"""The daemon's environment."""

from __future__ import annotations

import os

from ctaclient_agent.process.environment import daemon_environment


def test_only_what_is_needed_goes_to_the_daemon() -> None:
    kept = daemon_environment(
        {
            "PATH": "/bin",
            "HOME": "/home/me",
            "LC_ALL": "C",
            "XDG_RUNTIME_DIR": "/run/user/1",
            "CTACLIENT_PROFILE": "p",
            "HTTPS_PROXY": "http://proxy",
            "no_proxy": "localhost",
            "BEARER_TOKEN": "secret",
            "BEARER_TOKEN_FILE": "/f",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "LD_PRELOAD": "/evil.so",
        }
    )
    assert sorted(kept) == [
        *("CTACLIENT_PROFILE", "HOME", "HTTPS_PROXY", "LC_ALL", "PATH", "XDG_RUNTIME_DIR", "no_proxy"),
    ]


def test_relative_paths_are_said_in_full() -> None:
    kept = daemon_environment({"CTACLIENT_HOME": "home", "PYTHONPATH": f"a{os.pathsep}/b{os.pathsep}"})
    assert kept["CTACLIENT_HOME"] == os.path.abspath("home")
    assert daemon_environment({"CTACLIENT_HOME": "a:b", "TMPDIR": ""}) == {
        "CTACLIENT_HOME": os.path.abspath("a:b"),
        "TMPDIR": "",
    }
    assert kept["PYTHONPATH"] == os.pathsep.join([os.path.abspath("a"), "/b"])
