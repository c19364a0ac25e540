"""From arguments to an exit code: the one place where errors become lines on stderr."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from ctaclient._util.redact import printable, redact
from ctaclient.cli.app import app
from ctaclient.errors import CtaError, Interrupted, NoSpace, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM or SIGHUP came."""


def _terminate(*_: object) -> None:
    raise Terminated


def run(args: Sequence[str]) -> int:
    """The exit code of `ctaclient ARGS`. A traceback is shown with `--debug` only, and redacted."""
    # What follows `--` is another program's, or a name.
    debug = "--debug" in itertools.takewhile(lambda word: word != "--", args)
    _open_missing_streams()
    if debug:
        from ctaclient.cli.debugging import log_to_stderr

        log_to_stderr()
    if threading.current_thread() is threading.main_thread():
        # Batch systems send the one, lost connections the other: clean up as after Ctrl-C.
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, _terminate)
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
    except Terminated:
        click.echo("ctaclient: terminated", err=True)
        return TERMINATED
    except (BrokenPipeError, SystemExit):
        # The reader has seen enough (`| head`); click exits then. Nothing to say, but not "ok" either: what was to be
        # done may not all be done.
        _give_up_stdout()
        return 1
    except OSError as error:
        _show_traceback(debug)
        return _tell_of_files(error)
    except Exception as error:  # noqa: BLE001 - the last resort before the user
        _show_traceback(debug)
        what = redact(printable(f"{type(error).__name__}: {error}", limit=200))
        click.echo(f"ctaclient: internal error: {what}\n  try: the same with --debug, and report it", err=True)
        return 1
    return code if isinstance(code, int) else 0


def _open_missing_streams() -> None:
    """With `>&-` or `2>&-` a stream is None, and what is said to it goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the process's life


def _tell_of_files(error: OSError) -> int:
    """Say which file or that the output is in trouble; the exit code."""
    what = f"{printable(str(error.filename), limit=1000)}: " if error.filename else ""
    if _is_of_stdout(error):
        _give_up_stdout()
        what = "the output cannot be written: "
    click.echo(f"ctaclient: {what}{error.strerror or type(error).__name__}", err=True)
    return NoSpace.exit_code if error.errno in (errno.ENOSPC, errno.EDQUOT) else CtaError.exit_code


def _is_of_stdout(error: OSError) -> bool:
    """Whether our output could not be written: it has no name, and what is left of it still cannot."""
    if error.filename is not None:
        return False
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _give_up_stdout() -> None:
    """The interpreter must not try to flush again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_error(error: CtaError, *, about: str = "") -> None:
    """One or two lines: what failed and why; what to type next."""
    click.echo(f"ctaclient: {about}{redact(printable(str(error), limit=1000))}", err=True)
    if error.hint:
        click.echo(f"  try: {printable(error.hint, limit=1000)}", err=True)


def _show_traceback(debug: bool) -> None:
    if debug:
        from ctaclient.cli.debugging import show_traceback

        show_traceback()
