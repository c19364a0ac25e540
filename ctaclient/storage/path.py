"""Remote paths. The path is the name itself: never percent-decoded, never near `os.path`, quoted by us alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from ctaclient._util.redact import printable
from ctaclient.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class RemotePath:
    """The segments of an absolute path; none for the root.

    Empty, `.` and `..` segments, `/` and NUL are refused: httpx collapses `..`, servers resolve `%2e%2e`, and webdav4
    then deletes the parent (storage.md 9.6).
    """

    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for segment in self.segments:
            check_name(segment)

    @classmethod
    def parse(cls, text: str) -> Self:
        """`/a/b`, `a/b` or `a/b/`. Raises UsageError for names that cannot be meant."""
        inner = text.removeprefix("/").removesuffix("/")
        return cls(tuple(inner.split("/"))) if inner else cls()

    @property
    def name(self) -> str:
        """The last segment; empty for the root."""
        return self.segments[-1] if self.segments else ""

    @property
    def parent(self) -> RemotePath:
        """The directory it is in; the root's is the root."""
        return RemotePath(self.segments[:-1])

    def child(self, name: str) -> RemotePath:
        """The entry `name` in this directory."""
        return RemotePath((*self.segments, name))

    def quoted(self) -> str:
        """As it stands in a URL: each byte outside `A-Za-z0-9-_.~` escaped."""
        return "/" + "/".join(quote(_bytes_of(segment), safe="") for segment in self.segments)

    def __str__(self) -> str:
        return "/" + "/".join(self.segments)


def check_name(name: str) -> str:
    """`name`, if one entry of a directory can be called so. Raises UsageError otherwise."""
    if name in ("", ".", "..") or "/" in name or "\0" in name or not _has_bytes(name):
        raise UsageError(
            f"{printable(name)!r} cannot be a name in a path", hint="write paths as /a/b, without // or .."
        )
    return name


def _bytes_of(name: str) -> bytes:
    # UTF-8 whatever the locale. Local names that are none reach us with surrogates; their bytes go out as they were.
    return name.encode("utf-8", "surrogateescape")


def _has_bytes(name: str) -> bool:
    try:
        _bytes_of(name)
    except UnicodeEncodeError:
        return False
    return True
