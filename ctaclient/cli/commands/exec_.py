"""`ctaclient exec`: become another program that finds the token. Imports no HTTP stack."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from ctaclient._util.redact import printable
from ctaclient.cli.commands.token import duration
from ctaclient.cli.options import Context, shared
from ctaclient.tokens.handover import caution, environment_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

# What shells answer for a command (POSIX, 2.8.2 Exit Status for Commands).
NOT_FOUND, NOT_EXECUTABLE = 127, 126


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option("--min-ttl", type=duration, default="0", help="Life that the token must have left: 90, 30m, 1h.")
@click.argument("words", metavar="[--] COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@shared
def command(min_ttl: float, words: tuple[str, ...], context: Context) -> int:
    """Run COMMAND with BEARER_TOKEN_FILE, which names a file with the access token that the agent keeps fresh.

    Exit code and signals are the command's own: it takes this program's place. Without a token it is not run, and the
    exit code is 4; 127 when there is no such command, 126 when it cannot be run. A token in BEARER_TOKEN is passed on
    as it is.

    \b
    ctaclient exec -- xrdcp roots://…/file .
    ctaclient exec --min-ttl 30m -- ./job.sh
    """
    identity = context.identity()
    source = identity.token_source(identity.settings)
    token = source.get(min_ttl_s=min_ttl)
    environ = environment_with(source, os.environ)
    if source.file is None:
        context.note(f"ctaclient: the token in {source.description} is passed on as it is; nobody renews it")
    if text := caution(token):
        context.note(f"ctaclient: {text}")
    try:
        _become(words, environ)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        click.echo(f"ctaclient: cannot run {printable(words[0])}: {(error.strerror or '').lower()}", err=True)
        return NOT_FOUND if missing else NOT_EXECUTABLE


def _become(words: tuple[str, ...], environ: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these from its start, and an ignored signal stays so through exec: `CMD | head` would not end.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(words[0], words, environ)  # noqa: S606 - no shell is what we want
