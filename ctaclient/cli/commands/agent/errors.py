"""`ctaclient agent errors`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ctaclient._util.redact import printable
from ctaclient.cli.moments import moment
from ctaclient.cli.options import as_json, debuggable
from ctaclient.cli.output import write_json
from ctaclient.config.paths import Paths
from ctaclient.errors import NotFound
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.error_list import acknowledged

if TYPE_CHECKING:
    from ctaclient.tokens.error_list import NotedError


@click.group("errors", invoke_without_command=True)
@click.option("--unread", is_flag=True, help="Only those that were not acknowledged.")
@as_json
@debuggable
@click.pass_context
def errors(context: click.Context, unread: bool, as_json: bool) -> None:
    """Show what went wrong: one line for each error, however often it came, oldest first."""
    if context.invoked_subcommand is not None:
        return
    shown = [error for error in _file().read().errors if not (unread and error.read)]
    if not shown:
        click.echo("no unread errors" if unread else "no errors", err=True)
    for error in shown:
        if as_json:
            write_json(error.to_dict())
        else:
            click.echo(error_line(error))


@errors.command("ack")
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@debuggable
def ack(ids: tuple[int, ...], everything: bool) -> None:
    """Acknowledge errors by their number, or all, and print how many were not acknowledged before."""
    if bool(ids) == everything:
        raise click.UsageError("give the numbers of errors, or --all")
    file = _file()
    missing = sorted(set(ids) - {error.id for error in file.read().errors})
    if missing:
        raise NotFound(f"there is no error {missing[0]}", hint="ctaclient agent errors")
    click.echo(file.change(lambda known: acknowledged(known, None if everything else ids)))


def error_line(error: NotedError) -> str:
    """`  12  2026-11-20 14:05  site  timeout  unread  no answer (3 times, last …)`."""
    often = f" ({error.count} times, last {moment(error.last_at)})" if error.count > 1 else ""
    mark = "read" if error.read else "unread"
    who = printable(error.profile or "-", limit=40)
    kind, text = printable(error.kind, limit=40), printable(error.message)
    return f"{error.id:>4}  {moment(error.first_at)}  {who}  {kind}  {mark:6}  {text}{often}"


def _file() -> ErrorFile:
    return ErrorFile(Paths.of(os.environ).state)
