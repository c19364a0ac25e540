"""`ctaclient ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctaclient.cli.options import Context, as_json, shared
from ctaclient.cli.output import entry_line, write_json, write_line
from ctaclient.cli.run import show_error
from ctaclient.errors import SomeItemsFailed

if TYPE_CHECKING:
    from ctaclient.errors import CtaError
    from ctaclient.storage.entry import Entry
    from ctaclient.storage.path import RemotePath


@click.command("ls")
@click.argument("remote", default="/")
@click.option("-l", "--long", is_flag=True, help="Show size in bytes and time of modification.")
@click.option("-R", "--recursive", is_flag=True, help="List everything below, as it arrives.")
@as_json
@shared
def command(remote: str, long: bool, recursive: bool, as_json: bool, context: Context) -> None:
    """List a directory (default: /), or one file."""
    failed: list[CtaError] = []

    def report(_: RemotePath, error: CtaError) -> None:
        failed.append(error)
        show_error(error)

    with context.client() as client:
        entries = client.scan(remote, recursive=recursive, on_error=report)
        top = remote_top(remote)
        for entry in entries if recursive else sorted(entries, key=lambda entry: entry.path):
            if as_json:
                write_json(entry.to_dict())
            else:
                write_line(entry_line(entry, relative_name(entry, top), long=long))
    if failed:
        raise SomeItemsFailed(f"{len(failed)} directories could not be listed; the others are complete")


def remote_top(remote: str) -> int:
    """How many segments of an entry's path belong to what was listed."""
    from ctaclient.storage.remote import parse_remote

    return len(parse_remote(remote).path.segments)


def relative_name(entry: Entry, top: int) -> str:
    """The entry's path below what was listed; its name if it is that itself."""
    return "/".join(entry.path.segments[top:]) or entry.name
