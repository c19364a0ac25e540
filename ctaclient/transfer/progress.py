"""Telling somebody how far a transfer is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears of one file after the other."""

    def start(self, name: str, size_bytes: int | None) -> None:
        """A file begins; called again when it has to begin anew."""
        ...

    def advance(self, size_bytes: int) -> None:
        """So many bytes more have passed."""
        ...

    def finish(self) -> None:
        """The file is done, well or not."""
        ...


class NoProgress:
    """Says nothing."""

    def start(self, name: str, size_bytes: int | None) -> None:
        pass

    def advance(self, size_bytes: int) -> None:
        pass

    def finish(self) -> None:
        pass
