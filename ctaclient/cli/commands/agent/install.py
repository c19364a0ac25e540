"""`ctaclient agent install` and `uninstall`."""

from __future__ import annotations

import click

from ctaclient.cli.agent_process import run_agent_program


@click.command("install")
@click.option("--passphrase-command", metavar="COMMAND", help="What prints the passphrase of this machine's key.")
@click.option("--debug", is_flag=True, help="Have the service log more, and show tracebacks, without secrets.")
def install(passphrase_command: str | None, debug: bool) -> int:
    """Have systemd run the agent as a service of yours.

    It is started when you log in (or at boot, after `loginctl enable-linger`) and again should it fail. Doing this
    again changes nothing; after an update of ctaclient's place it writes the service anew.
    """
    given = ["--passphrase-command", passphrase_command] if passphrase_command else []
    return run_agent_program(["install", *given, *(["--debug"] if debug else [])])


@click.command("uninstall")
@click.option("--debug", is_flag=True, help="Show tracebacks, without secrets.")
def uninstall(debug: bool) -> int:
    """Stop and remove the service. Logins stay."""
    return run_agent_program(["uninstall", *(["--debug"] if debug else [])])
