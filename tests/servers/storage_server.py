"""`StorageServer`: one running server as the conformance tests see it, whatever its make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as a server noted it; a header that did not come is None."""

    method: str
    status: int
    accept_encoding: str | None
    cookie: str | None
    depth: str | None
    overwrite: str | None


@dataclass(frozen=True, slots=True)
class StorageServer:
    """`root` is the directory that holds the stored files under their real names.

    `notes` reads what each of its processes has noted so far, in order.
    """

    name: str
    url: str
    ca_file: Path
    token: str = field(repr=False)
    root: Path
    notes: Callable[[], list[list[Seen]]] = field(repr=False)

    def since(self, before: list[list[Seen]]) -> list[Seen]:
        """What was noted after `before`, an earlier value of `notes()`."""
        return [seen for now, then in zip(self.notes(), before, strict=True) for seen in now[len(then) :]]
