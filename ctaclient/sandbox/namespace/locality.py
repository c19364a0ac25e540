"""Where a file's bytes are: ONLINE unless a test has said otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctaclient._util.private import write_private
from ctaclient.errors import UsageError

if TYPE_CHECKING:
    import pathlib

# SRM's words as dCache uses them (storage.md 3.2).
LOCALITIES = ("ONLINE", "NEARLINE", "ONLINE_AND_NEARLINE", "LOST", "NONE", "UNAVAILABLE")


class Localities:
    """A small file that the test writes and the door reads."""

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file

    def put(self, name: str, locality: str) -> None:
        """`name` is the decoded path, from `/`. Raises UsageError for an unknown word."""
        if locality not in LOCALITIES:
            raise UsageError(f"no such locality: {locality}", hint=f"one of {', '.join(LOCALITIES)}")
        write_private(self._file, json.dumps({**self._load(), name: locality}).encode())

    def of(self, name: str) -> str:
        """The locality of a file."""
        return self._load().get(name, "ONLINE")

    def _load(self) -> dict[str, str]:
        try:
            loaded: dict[str, str] = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        return loaded
