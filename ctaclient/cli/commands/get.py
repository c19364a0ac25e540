"""`ctaclient get`."""

from __future__ import annotations

import click

from ctaclient.cli.options import Context, as_json, shared
from ctaclient.cli.progress import progress_for
from ctaclient.cli.results import Shower
from ctaclient.errors import UsageError


@click.command("get")
@click.argument("remote")
@click.argument("local", default=".")
@click.option("-r", "--recursive", is_flag=True, help="Get a directory with all that is in it.")
@click.option("--overwrite", is_flag=True, help="Replace local files that differ.")
@as_json
@shared
def command(remote: str, local: str, recursive: bool, overwrite: bool, as_json: bool, context: Context) -> None:
    """Download REMOTE to LOCAL (default: the current directory).

    A LOCAL that ends in / or is a directory gets it under its own name. With the slash the same command can be given
    again: what is there and the same is not fetched twice. Size and checksum are compared before a file gets its name.
    """
    if local == "-":
        raise UsageError("standard output is no target yet", hint="./- for a file of that name")
    with context.client() as client:
        client.get(
            remote,
            local,
            recursive=recursive,
            overwrite=overwrite,
            progress=progress_for(quiet=context.quiet or as_json),
            on_result=Shower(context, as_json=as_json).show,
        )
