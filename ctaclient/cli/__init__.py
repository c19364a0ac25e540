"""The program. Data on stdout, all else on stderr; every failure has its exit code and says what to type."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

# `ctaclient token`, for which there is a way without an option parser.
_QUICK = ("token", "print-token")


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    words = sys.argv[1:] if args is None else list(args)
    # Modules make thousands of objects that stay: looking through them for garbage every 700 costs 2 ms of 40.
    gc.set_threshold(50_000)
    code = _print_quickly(words)
    if code is None:
        code = _run(words)
    # The process ends: to look through all modules for garbage once more takes 10 ms and frees nothing of worth.
    gc.freeze()
    sys.exit(code)


def _print_quickly(words: Sequence[str]) -> int | None:
    if not words or words[0] not in _QUICK:
        return None
    from ctaclient.cli.quick import print_token

    return print_token(words)


def _run(words: Sequence[str]) -> int:
    from ctaclient.cli.run import run

    return run(words)
