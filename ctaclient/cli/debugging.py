"""What `--debug` shows on stderr, without secrets. Apart from `run.py`, so that nobody else waits for these modules."""

from __future__ import annotations

import logging
import sys
import traceback

import click

from ctaclient._util.redact import redact


def log_to_stderr() -> None:
    """Show what this package logs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(name)s %(message)s"))
    logger = logging.getLogger("ctaclient")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG)


def show_traceback() -> None:
    """Show where the exception that is being handled came from."""
    click.echo(redact(traceback.format_exc()), err=True, nl=False)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
