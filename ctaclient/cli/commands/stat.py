"""`ctaclient stat`."""

from __future__ import annotations

import click

from ctaclient.cli.options import Context, as_json, shared
from ctaclient.cli.output import write_json, write_line


@click.command("stat")
@click.argument("remote")
@as_json
@shared
def command(remote: str, as_json: bool, context: Context) -> None:
    """Show what the server knows of a file or directory."""
    with context.client() as client:
        entry = client.stat(remote)
    if as_json:
        write_json(entry.to_dict())
        return
    for name, value in entry.to_dict().items():
        if isinstance(value, dict):
            for algorithm, digest in value.items():
                write_line(f"{algorithm + ':':12} {digest}")
        elif value is not None:
            write_line(f"{name + ':':12} {value}")
