"""From arguments to an exit code: the one place where errors become lines on stderr."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING

import click

from ctaclient._util.redact import printable, redact
from ctaclient.cli.app import app
from ctaclient.errors import CtaError, Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


TERMINATED = 128 + signal.SIGTERM


class _Terminated(BaseException):
    """SIGTERM came."""


def _terminate(*_: object) -> None:
    raise _Terminated


def run(args: Sequence[str]) -> int:
    """The exit code of `ctaclient ARGS`. A traceback is shown with `--debug` only, and redacted."""
    debug = "--debug" in args
    if debug:
        _log_to_stderr()
    if threading.current_thread() is threading.main_thread():
        # Batch systems send it at the end of the wall time: clean up as after Ctrl-C.
        signal.signal(signal.SIGTERM, _terminate)
    try:
        code = app.main(args=list(args), prog_name="ctaclient", standalone_mode=False)
        sys.stdout.flush()
    except CtaError as error:
        _show_traceback(debug)
        show_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return UsageError.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("ctaclient: interrupted", err=True)
        return Interrupted.exit_code
    except _Terminated:
        click.echo("ctaclient: terminated", err=True)
        return TERMINATED
    except (BrokenPipeError, SystemExit):
        # The reader has seen enough (`| head`); click exits then. Nothing to say, but not "ok" either: what was to be
        # done may not all be done. The interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort before the user
        _show_traceback(debug)
        what = redact(printable(f"{type(error).__name__}: {error}", limit=200))
        click.echo(f"ctaclient: internal error: {what}\n  try: the same with --debug, and report it", err=True)
        return 1
    return code if isinstance(code, int) else 0


def show_error(error: CtaError, *, about: str = "") -> None:
    """One or two lines: what failed and why; what to type next."""
    click.echo(f"ctaclient: {about}{redact(printable(str(error), limit=1000))}", err=True)
    if error.hint:
        click.echo(f"  try: {printable(error.hint, limit=1000)}", err=True)


def _show_traceback(debug: bool) -> None:
    if debug:
        click.echo(redact(traceback.format_exc()), err=True, nl=False)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(name)s %(message)s"))
    logger = logging.getLogger("ctaclient")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG)
