"""`ctaclient sandbox`: an identity provider and a storage on this machine, to try things on."""

from __future__ import annotations

import click

from ctaclient.cli.options import debuggable


@click.command("sandbox")
@debuggable
def command() -> None:
    """Run a local identity provider and storage until Ctrl-C, and print how to use them from another shell."""
    from ctaclient.sandbox.show import run

    run(None, click.echo)
