"""Data on stdout: names, lines, JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ctaclient._util.redact import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.storage.entry import Entry


def write_json(document: Mapping[str, Any]) -> None:
    """One object on one line. Names that are no UTF-8 keep their bytes as \\udcXX."""
    click.echo(json.dumps(document))


def write_line(text: str) -> None:
    """A line with a name in it: exact bytes into pipes and files, harmless on a terminal."""
    click.echo(printable(text, limit=100_000) if sys.stdout.isatty() else text.encode("utf-8", "surrogateescape"))


def entry_line(entry: Entry, name: str, *, long: bool) -> str:
    """An entry as `ls` shows it; directories end in a slash."""
    shown = name + "/" if entry.is_dir else name
    if not long:
        return shown
    size = "-" if entry.size_bytes is None else str(entry.size_bytes)
    time = entry.mtime.astimezone().strftime("%Y-%m-%d %H:%M") if entry.mtime else "-"
    return f"{size:>14}  {time:16}  {shown}"
