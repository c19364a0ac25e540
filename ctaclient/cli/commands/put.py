"""`ctaclient put`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctaclient.cli.options import Context, as_json, shared
from ctaclient.cli.progress import progress_for
from ctaclient.cli.results import Shower, for_each
from ctaclient.errors import UsageError
from ctaclient.transfer.targets import local_name

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    A REMOTE that ends in / or is a directory gets it under its own name; missing parents are made. With the slash the
    same command can be given again: what is there and the same is not sent twice. Size and checksum are compared before
    a file gets its name.
    """
    if len(local) > 1:
        remote = remote.removesuffix("/") + "/"
        _check_names_differ(local)
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


def _check_names_differ(sources: Sequence[str]) -> None:
    """Two sources of one name would become one file."""
    seen: dict[str, str] = {}
    for source in sources:
        name = local_name(source)
        if name in seen:
            raise UsageError(f"{seen[name]} and {source} would both become {name}", hint="put them one by one")
        seen[name] = source
