"""`ctaclient start-agent`: log in if needed, then keep the login alive in the background."""

from __future__ import annotations

import click

from ctaclient.cli.agent_process import become_agent_program, run_agent_program
from ctaclient.cli.options import opens_key

_HELP = {
    "profile": "Name of the profile to log in to, or to save what is given under.",
    "issuer": "The identity provider's URL.",
    "client-id": "The client registered there.",
    "client-secret-file": "File with the secret of a confidential client; without it you may be asked.",
    "scope": "What to ask for.",
    "storage-url": "The storage that the tokens are for.",
    "flow": "Approve on any device, or in a browser on this machine.",
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
@click.option("--flow", type=click.Choice(["device", "code"]), help=_HELP["flow"])
@opens_key
@click.option("--keyring", is_flag=True, help="Keep this machine's key in the system's keyring.")
@click.option("--no-qr", is_flag=True, help="Show no QR code of the page.")
@click.option("--new-login", is_flag=True, help="Log in anew even if the login still works.")
@click.option("--foreground", is_flag=True, help="Stay, and log to stderr too, until SIGTERM or Ctrl-C.")
@click.option("--debug", is_flag=True, help="Show tracebacks, without secrets.")
def command(
    keyring: bool, no_qr: bool, new_login: bool, foreground: bool, debug: bool, **options: str | int | None
) -> int:
    """Log in, if needed, and keep the login alive in the background.

    Prints a page and a code: open the page on any device and approve. It returns when the first token is there; then
    all machines that share this home can use it. A second start-agent finds the first and says so. Where `agent
    install` has made the agent a service, that is started.

    \b
    ctaclient start-agent                        # the built-in profile cta-cscs
    ctaclient start-agent --issuer https://… --client-id … --storage-url https://…
    """
    arguments = ["start"]
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    flags = {
        "--keyring": keyring,
        "--no-qr": no_qr,
        "--new-login": new_login,
        "--foreground": foreground,
        "--debug": debug,
    }
    arguments += [flag for flag, given in flags.items() if given]
    if foreground:
        become_agent_program(arguments)
    return run_agent_program(arguments)
