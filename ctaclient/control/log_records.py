"""The agent's log as records: a line that begins with a time, and what follows it (a traceback). Pure."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BEGIN = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")
_MAX_LINE = 10_000


def begins_record(line: bytes) -> bool:
    """Whether a record begins with this line."""
    return _BEGIN.match(line) is not None


def records(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines of each record. What comes before the first beginning is a record, too: nothing is hidden."""
    record: list[bytes] = []
    for line in lines:
        if record and begins_record(line):
            yield record
            record = []
        record.append(line)
    if record:
        yield record


def last_records(lines: Iterable[bytes], count: int) -> list[list[bytes]]:
    """The last `count` records."""
    return list(deque(records(lines), maxlen=count))


def shown(line: bytes) -> str:
    """A line as it may be printed: no control characters, whatever wrote them."""
    text = line.rstrip(b"\r\n").expandtabs().decode("utf-8", "backslashreplace")
    return printable(text, limit=_MAX_LINE)
