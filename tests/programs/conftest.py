"""A home with a login and no agent, and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.user_home import UserHome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> UserHome:
    return UserHome(tmp_path / "user")


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Writes an executable file: `script("name", text)`."""

    def write(name: str, text: str, mode: int = 0o755) -> Path:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path

    return write
