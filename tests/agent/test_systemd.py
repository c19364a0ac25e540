"""A user manager whose answers do not come, or make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient_agent.commands.systemd import UserManager

if TYPE_CHECKING:
    from pathlib import Path


def test_a_loginctl_that_cannot_be_started_is_one_that_does_not_know(tmp_path: Path) -> None:
    program = tmp_path / "loginctl"
    program.write_bytes(b"no program")
    program.chmod(0o700)
    manager = UserManager({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert manager.lingers() is None
