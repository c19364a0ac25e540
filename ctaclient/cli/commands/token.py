"""`ctaclient token`: for other programs. Imports no HTTP stack."""

from __future__ import annotations

import os
import re

import click

from ctaclient.cli.options import Context, shared
from ctaclient.cli.output import write_json
from ctaclient.tokens.handover import token_file
from ctaclient.tokens.scoped import TokenRequest


def duration(text: str) -> float:
    """Seconds in `90`, `90s`, `30m`, `1h`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no duration: write 90, 90s, 30m or 1h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


@click.command("token")
@click.option("--min-ttl", type=duration, default="0", help="Life that the token must have left: 90, 30m, 1h.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["raw", "header", "json", "file"]),
    default="raw",
    help="What to print; file is the name of the file that holds it.",
    show_default=True,
)
@click.option("--scope", metavar="TEXT", help="Only these scopes of the login's, for a token that can do less.")
@click.option("--audience", metavar="NAME", help="Only for this audience.")
@shared
def command(min_ttl: float, form: str, scope: str | None, audience: str | None, context: Context) -> None:
    """Print the access token, for other programs.

    \b
    curl -H @<(ctaclient token --format header) https://…
    rclone lsd :webdav: --webdav-bearer-token-command "ctaclient token" …
    """
    identity = context.identity()
    if scope is None and audience is None:
        source = identity.token_source(identity.settings)
    else:
        source = identity.scoped_source(identity.settings, TokenRequest.of(scope, audience))
    token = source.get(min_ttl_s=min_ttl)
    if form == "json":
        write_json({"profile": identity.settings.name, "token": token.value, "expires_at": token.expires_at})
    elif form == "file":
        click.echo(os.fsencode(token_file(source)))
    else:
        click.echo(f"Authorization: Bearer {token.value}" if form == "header" else token.value)
