"""`ctaclient token`: for other programs. Imports no HTTP stack."""

from __future__ import annotations

import re

import click

from ctaclient.cli.options import Context, shared
from ctaclient.cli.output import write_json


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
    type=click.Choice(["raw", "header", "json"]),
    default="raw",
    help="What to print.",
    show_default=True,
)
@shared
def command(min_ttl: float, form: str, context: Context) -> None:
    """Print the access token, for other programs.

    \b
    curl -H @<(ctaclient token --format header) https://…
    rclone lsd :webdav: --webdav-bearer-token-command "ctaclient token" …
    """
    identity = context.identity()
    token = identity.token_source(identity.settings).get(min_ttl_s=min_ttl)
    if form == "json":
        write_json({"profile": identity.settings.name, "token": token.value, "expires_at": token.expires_at})
    else:
        click.echo(f"Authorization: Bearer {token.value}" if form == "header" else token.value)
