"""`ctaclient config`."""

from __future__ import annotations

import os

import click

from ctaclient.cli.options import Context, as_json, shared
from ctaclient.cli.output import write_json
from ctaclient.tokens.link import link_path, linked_profile


@click.group("config")
def command() -> None:
    """Settings and where they come from."""


@command.command("show")
@as_json
@shared
def show(as_json: bool, context: Context) -> None:
    """Show each setting in force and its origin."""
    identity = context.identity()
    settings = identity.settings.items()
    paths = {"config file": identity.paths.config_file, "token store": identity.paths.store}
    if as_json:
        for name, setting in settings:
            write_json({"setting": name, "value": setting.value, "origin": setting.origin})
        return
    for name, setting in settings:
        click.echo(f"{name:18} {setting.value or '-'}  ({setting.origin})")
    link = link_path(os.environ)
    if link and (profile := linked_profile(link, identity.store)):
        click.echo(f"{'token link':18} {link}  (to profile {profile})")
    for name, path in paths.items():
        click.echo(f"{name:18} {path}" + ("" if path.exists() else "  (not there yet)"))
