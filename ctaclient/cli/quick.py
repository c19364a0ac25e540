"""`ctaclient token` as other programs call it: no option parser, no agent, nothing but a read of the store.

rclone calls it again and again, and click takes as long to load as all the rest. Whatever is not as plain as that is
left to the whole program, which also says what is wrong.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from ctaclient._util.clock import SystemClock
from ctaclient.config.settings import Arguments
from ctaclient.errors import CtaError, LoginRequired, NoSpace
from ctaclient.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMS = {
    ("token",): "{}\n",
    ("print-token",): "{}\n",
    ("token", "--format", "header"): "Authorization: Bearer {}\n",
}


def print_token(args: Sequence[str]) -> int | None:
    """Print the token if `args` ask for nothing else and it is there and alive; the exit code, or None.

    With None nothing has been written.
    """
    form = _FORMS.get(tuple(args))
    # A file that is a pipe can be read once, so the first who opens it must be able to say what is wrong with it.
    if form is None or sys.stdout is None or os.environ.get("BEARER_TOKEN_FILE"):
        return None
    try:
        identity = _Reader(Arguments(), os.environ, SystemClock())
        line = form.format(identity.token().value).encode()
        written = os.write(sys.stdout.fileno(), line)
    except (CtaError, OSError):
        return None
    try:
        while written < len(line):
            written += os.write(sys.stdout.fileno(), line[written:])
    except OSError as error:
        return _cut(error)
    return 0


def _cut(error: OSError) -> int:
    """Half a token is out, which another attempt would only make worse."""
    if sys.stderr is not None and error.errno != errno.EPIPE:
        sys.stderr.write(f"ctaclient: the output cannot be written: {error.strerror}\n")
    return NoSpace.exit_code if error.errno in (errno.ENOSPC, errno.EDQUOT) else CtaError.exit_code


class _Reader(Identity):
    """Reads, and asks nobody: that can take long, and must not be done twice."""

    def _ask_agent(self, profile: str) -> None:
        raise LoginRequired(f"there is no living token for profile {profile}")
