"""What a server saw: one JSON line per request, without any secret, for tests to read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ctaclient._util.redact import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SHOWN = frozenset(
    {"accept", "accept-encoding", "brief", "connection", "depth", "destination", "expect", "host", "overwrite", "range"}
    | {"te", "transfer-encoding", "user-agent", "want-digest", "want-repr-digest", "x-oc-mtime"}
)
_SHOWN_PREFIXES = ("content-", "if-")
_SHOWN_PARAMETERS = ("dcache-http-ref", "type")


@dataclass(frozen=True, slots=True)
class Record:
    """One request as a server saw it.

    `path` is percent-encoded as received, with the values of its query removed. `authorization` is the fingerprint of
    the bearer token (or of the whole header, for other schemes). `headers` has the harmless ones, keys in lower case;
    `header_names` has all, in the case received. `status` is 0 when no answer was sent.
    """

    server: str
    method: str
    path: str
    header_names: tuple[str, ...]
    headers: dict[str, str]
    authorization: str | None
    status: int
    body_bytes: int
    sent_bytes: int

    def header(self, name: str) -> str | None:
        """The value of a harmless header, however its name is written."""
        return self.headers.get(name.lower())

    def has(self, name: str) -> bool:
        """Whether the header was there at all, also one whose value is kept secret."""
        return name.lower() in {known.lower() for known in self.header_names}


class RecordLog:
    """The writing side: one `write` with O_APPEND per line, so that threads need no lock."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, record: Record) -> None:
        os.write(self._fd, json.dumps(asdict(record)).encode() + b"\n")


def read_records(path: Path) -> list[Record]:
    """All records so far, in the order in which the answers were completed."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    return [Record(**{**fields, "header_names": tuple(fields["header_names"])}) for fields in map(json.loads, lines)]


def harmless_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those headers whose values tests look at and that carry no secret, keys in lower case."""
    shown = {}
    for name, value in headers:
        key = name.lower()
        if key in _SHOWN or key.startswith(_SHOWN_PREFIXES):
            shown[key] = hide_query(value) if key == "destination" else value
    return shown


def hide_query(target: str) -> str:
    """`target` with the values of its query removed: one-use ids, codes and tokens travel there (storage.md 1.4)."""
    path, mark, query = target.partition("?")
    return path + mark + "&".join(_hide(pair) for pair in query.split("&")) if mark else target


def _hide(pair: str) -> str:
    name, mark, _ = pair.partition("=")
    return pair if name in _SHOWN_PARAMETERS else name + mark


def name_credential(authorization: str | None) -> str | None:
    """The fingerprint that stands for an Authorization header."""
    if authorization is None:
        return None
    scheme, _, credential = authorization.partition(" ")
    return fingerprint(credential if scheme == "Bearer" else authorization)
