"""A transfer the door has promised and the pool is to carry out, known by a one-use id."""

from __future__ import annotations

import json
import os
import secrets
import time
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ctaclient._util.redact import fingerprint

if TYPE_CHECKING:
    import pathlib

    from ctaclient.sandbox.namespace.tree import Node


@dataclass(frozen=True, slots=True)
class Transfer:
    """`path` is the encoded path of the pool's URL, which must match exactly; inode and mtime name the very entry."""

    direction: str  # "get" or "put"
    path: str
    inode: int
    mtime_ns: int
    declared_bytes: int = 0  # Content-Length at the door; 0: unknown (storage.md 1.5)
    set_mtime_s: int | None = None

    def is_for(self, node: Node) -> bool:
        """Whether the entry is the one the door has seen; an inode number alone may be used again."""
        return (node.inode, node.mtime_ns) == (self.inode, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Inode and mtime of entries promised to somebody, inodes of those that a pool has open."""

    promised: frozenset[tuple[int, int]]
    begun: frozenset[int]

    def cover(self, node: Node) -> bool:
        """Whether the entry is still to be written: it has no length yet (storage.md 1.7)."""
        return node.inode in self.begun or (node.inode, node.mtime_ns) in self.promised


class TransferBook:
    """One file per transfer, named by the entry and the fingerprint of the id (the id itself is a secret)."""

    def __init__(self, directory: pathlib.Path, lifetime_s: float) -> None:
        self._directory = directory
        self._lifetime_s = lifetime_s

    def open(self, transfer: Transfer) -> str:
        """Promise it; returns the one-use id."""
        one_use_id = str(uuid.uuid4())
        name = f"{transfer.direction}-{transfer.inode}-{transfer.mtime_ns}-{fingerprint(one_use_id)}"
        temporary = self._directory / f".{secrets.token_hex(8)}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as stream:
            stream.write(json.dumps(asdict(transfer)).encode())
        temporary.rename(self._directory / name)
        return one_use_id

    def look(self, one_use_id: str) -> Transfer | None:
        """The transfer of that id, unless it is used, claimed or too old."""
        file = self._file(one_use_id)
        return None if file is None else _read(file)

    def claim(self, one_use_id: str) -> Transfer | None:
        """Take it, so that nobody else can; `close` ends it."""
        file = self._file(one_use_id)
        if file is None:
            return None
        taken = file.with_name(file.name + ".taken")
        try:
            file.rename(taken)
        except FileNotFoundError:
            return None
        return _read(taken)

    def close(self, one_use_id: str) -> None:
        """The id is worth nothing any more."""
        for file in self._directory.glob(f"*-{fingerprint(one_use_id)}*"):
            file.unlink(missing_ok=True)

    def uploads(self) -> Uploads:
        """Those promised and those begun."""
        promised, begun = set(), set()
        for file in self._directory.glob("put-*"):
            inode, mtime_ns = map(int, file.name.split("-")[1:3])
            if file.suffix:
                begun.add(inode)
            elif self._is_fresh(file):
                promised.add((inode, mtime_ns))
        return Uploads(frozenset(promised), frozenset(begun))

    def _file(self, one_use_id: str) -> pathlib.Path | None:
        found = list(self._directory.glob(f"*-{fingerprint(one_use_id)}"))
        return found[0] if found and self._is_fresh(found[0]) else None

    def _is_fresh(self, file: pathlib.Path) -> bool:
        try:
            return time.time() - file.stat().st_mtime < self._lifetime_s
        except FileNotFoundError:
            return False


def _read(file: pathlib.Path) -> Transfer | None:
    try:
        return Transfer(**json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
