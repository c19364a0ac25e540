"""`ctaclient start-agent`: log in if needed, then keep the login alive in the background."""

from __future__ import annotations

import os
import subprocess
import sys

import click

_HELP = {
    "profile": "Name of the profile to log in to, or to save what is given under.",
    "issuer": "The identity provider's URL.",
    "client-id": "The client registered there.",
    "client-secret-file": "File with the secret of a confidential client; without it you may be asked.",
    "scope": "What to ask for.",
    "storage-url": "The storage that the tokens are for.",
    "ca-bundle": "PEM file of CAs to trust besides the system's.",
}


@click.command("start-agent")
@click.option("--profile", metavar="NAME", help=_HELP["profile"])
@click.option("--issuer", metavar="URL", help=_HELP["issuer"])
@click.option("--client-id", metavar="ID", help=_HELP["client-id"])
@click.option("--client-secret-file", metavar="FILE", help=_HELP["client-secret-file"])
@click.option("--scope", metavar="TEXT", help=_HELP["scope"])
@click.option("--storage-url", metavar="URL", help=_HELP["storage-url"])
@click.option("--ca-bundle", metavar="FILE", help=_HELP["ca-bundle"])
@click.option("--debug", is_flag=True, help="Show tracebacks, without secrets.")
def command(debug: bool, **options: str | None) -> int:
    """Log in, if needed, and keep the login alive in the background.

    Prints a page and a code: open the page on any device and approve. It returns when the first token is there; then
    all machines that share this home can use it. A second start-agent finds the first and says so.

    \b
    ctaclient start-agent                        # the built-in profile cta-cscs
    ctaclient start-agent --issuer https://… --client-id … --storage-url https://…
    """
    # -P: a module of that name in the current directory is not ours. The agent is a program of its own: it is never
    # imported here, and the login, its questions and its messages are on this terminal.
    arguments = [sys.executable, "-P", "-m", "ctaclient_agent", "start"]
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", value]
    if debug:
        arguments.append("--debug")
    environment = {name: value for name, value in os.environ.items() if name != "BEARER_TOKEN"}
    process = subprocess.Popen(arguments, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal told the agent, too, and the agent says what becomes of it
        except BaseException:
            process.terminate()
            raise
