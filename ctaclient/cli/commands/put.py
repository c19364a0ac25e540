"""`ctaclient put`."""

from __future__ import annotations

import click

from ctaclient.cli.options import Context, as_json, shared
from ctaclient.cli.progress import progress_for
from ctaclient.cli.results import Shower, for_each


@click.command("put")
@click.argument("local", nargs=-1, required=True)
@click.argument("remote")
@click.option("-r", "--recursive", is_flag=True, help="Put a directory with all that is in it.")
@click.option("--overwrite", is_flag=True, help="Replace remote files that differ.")
@as_json
@shared
def command(
    local: tuple[str, ...], remote: str, recursive: bool, overwrite: bool, as_json: bool, context: Context
) -> None:
    """Upload LOCAL, one or several, to REMOTE.

    A REMOTE that ends in / or is a directory gets it under its own name; missing parents are made. Size and checksum
    are compared before a file gets its name; a remote file that is the same already is left alone.
    """
    if len(local) > 1 and not remote.endswith("/"):
        remote += "/"
    with context.client() as client:

        def put(source: str) -> None:
            client.put(
                source,
                remote,
                recursive=recursive,
                overwrite=overwrite,
                progress=progress_for(quiet=context.quiet or as_json),
                on_result=Shower(context, as_json=as_json).show,
            )

        for_each(local, put)
