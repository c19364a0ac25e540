"""`ctaclient agent link`: the token where other programs look without being told."""

from __future__ import annotations

import os

import click

from ctaclient.cli.options import Context, shared
from ctaclient.errors import LoginRequired
from ctaclient.tokens.handover import caution, token_file
from ctaclient.tokens.link import link_path, make_link, remove_link


@click.command("link")
@click.option("--remove", is_flag=True, help="Remove the link.")
@shared
def link(remove: bool, context: Context) -> None:
    """Link $XDG_RUNTIME_DIR/bt_uUID to the token, for programs that look nowhere else.

    The link leads to one profile's token file, which the agent keeps fresh; it goes with the directory when you log
    out of this machine. A file or link of another program is never touched.
    """
    identity = context.identity()
    if remove:
        path = link_path(os.environ)
        there = path is not None and remove_link(path, identity.store)
        context.note(f"{path} is removed" if there else "there is no link")
        return
    settings = identity.settings
    source = identity.login_source(settings)
    if source is None:
        raise LoginRequired(
            f"you are not logged in to profile {settings.name}", hint=f"ctaclient start-agent --profile {settings.name}"
        )
    token_file(source)
    path = make_link(os.environ, identity.store, settings.name)
    context.note(f"{path} leads to the token of profile {settings.name}")
    found = identity.store.read(settings.name)
    if found and found[1] and (text := caution(found[1])):
        context.note(f"ctaclient: {text}")
