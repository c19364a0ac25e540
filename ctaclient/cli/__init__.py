"""The program. Data on stdout, all else on stderr; every failure has its exit code and says what to type."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    from ctaclient.cli.run import run

    sys.exit(run(sys.argv[1:] if args is None else list(args)))
