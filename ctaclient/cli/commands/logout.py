"""`ctaclient logout`: end a login."""

from __future__ import annotations

import click

from ctaclient.cli.agent_process import run_agent_program
from ctaclient.cli.options import opens_key


@click.command("logout")
@click.option("--profile", metavar="NAME", help="Profile to log out of, instead of the default one.")
@click.option("--ca-bundle", metavar="FILE", help="PEM file of CAs to trust besides the system's.")
@opens_key
@click.option("--debug", is_flag=True, help="Show tracebacks, without secrets.")
def command(debug: bool, **options: str | int | None) -> int:
    """End a login: at its issuer, and here.

    Revokes the tokens, deletes the client if one was registered for you, and deletes the files of the login. Without
    network the files are deleted all the same; the exit code is not 0 if the refresh token may still work at the
    issuer. The profile stays in the configuration: start-agent logs in to it again.
    """
    arguments = ["logout"]
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    return run_agent_program([*arguments, "--debug"] if debug else arguments)
