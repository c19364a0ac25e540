"""Results of transfers as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.cli.output import write_json
from ctaclient.cli.run import show_error
from ctaclient.errors import LOGIN_LOST, CtaError, SomeItemsFailed
from ctaclient.transfer.result import TransferFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctaclient.cli.options import Context
    from ctaclient.transfer.result import TransferResult


class Shower:
    """Failures always, the rest with `-v`, all of it as JSON with `--json`."""

    def __init__(self, context: Context, *, as_json: bool) -> None:
        self._context = context
        self._as_json = as_json

    def show(self, result: TransferResult) -> None:
        """One result."""
        if self._as_json:
            write_json(result.to_dict())
        if result.error:
            show_error(result.error)
        elif self._context.verbose and not self._as_json:
            self._context.note(_line(result))
        if result.left_behind:
            self._context.note(
                f"ctaclient: {printable(result.left_behind)} was left behind and may not be deleted by you"
            )


def for_each(names: Sequence[str], do: Callable[[str], None]) -> None:
    """Do it for each of the names on the command line: one that fails does not stop the others, a refused login does.

    Raises the error of a single name as it is, SomeItemsFailed for several.
    """
    failed = 0
    for name in names:
        try:
            do(name)
        except LOGIN_LOST:
            raise
        except CtaError as error:
            if len(names) == 1:
                raise
            failed += 1
            if not isinstance(error, TransferFailed):  # its items have been shown
                show_error(error)
    if failed:
        raise SomeItemsFailed(f"{failed} of {len(names)} failed, the others are done")


def _line(result: TransferResult) -> str:
    how = f", {result.verified} verified" if result.verified else ""
    way = ", put in place: others could see a part" if result.published == "put" else ""
    return printable(f"{result.source} -> {result.target}: {result.state}{how}{way}", limit=10_000)
