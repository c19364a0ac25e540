"""What the agent says to a person, and the one thing it asks. All of it on stderr; stdout belongs to nobody."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from typing import TYPE_CHECKING, TextIO

from ctaclient._util.origin import Origin
from ctaclient._util.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.errors import CtaError
    from ctaclient_agent.login.code_flow import Browse
    from ctaclient_agent.login.device import Prompt


class Terminal:
    """Writes to `stream`, stderr by default. `hide` takes secrets out of what comes from errors."""

    def __init__(self, stream: TextIO | None = None, *, hide: Callable[[str], str] = redact) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._hide = hide

    def say(self, text: str) -> None:
        """One line."""
        # A closed stderr (`2>&-`, `2>&1 | head`), a full disk, a terminal that hung up: nobody listens, which must not
        # end a login.
        if self._stream is not None:
            with contextlib.suppress(OSError):
                print(text, file=self._stream, flush=True)

    def show(self, prompt: Prompt, profile: str, issuer: str, *, qr: bool = False) -> None:
        """How to approve the login. No browser is opened: the address is the issuer's text, not ours."""
        host = printable(Origin.of(issuer).host, limit=200)
        self.say(f"To log in to profile {profile}, open this address in a browser on any device:")
        self.say(f"    {prompt.verification_uri}")
        self.say(f"and enter the code {prompt.user_code} (asked for by the issuer {host}).")
        if prompt.complete_uri:
            self.say("Or open this one, and compare the code before you approve:")
            self.say(f"    {prompt.complete_uri}")
        if qr and (columns := self._columns()):
            from ctaclient_agent.login.qr import qr_lines

            for line in qr_lines(prompt.complete_uri or prompt.verification_uri, columns, self._stream.encoding):
                self.say(line)
        self.say(f"Waiting for your approval, at most {prompt.life_s / 60:.0f} min (Ctrl-C stops) ...")

    def show_address(self, browse: Browse, profile: str, issuer: str, *, opened: bool) -> None:
        """Where to approve the login in a browser of this machine."""
        host = printable(Origin.of(issuer).host, limit=200)
        self.say(f"To log in to profile {profile}, approve it in a browser on this machine (the issuer is {host}).")
        self.say("It is being opened; if not, open this address:" if opened else "Open this address:")
        self.say(f"    {browse.url}")
        self.say(f"Waiting for your approval, at most {browse.life_s / 60:.0f} min (Ctrl-C stops) ...")

    def _columns(self) -> int:
        """How wide the terminal is; 0 where there is none, or one that knows no colours."""
        if self._stream is None or not self._stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            return 0
        try:
            return os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            return 0

    def warn(self, message: str) -> None:
        """Something that went wrong."""
        self.say(f"ctaclient: {self._hide(message)}")

    def report(self, error: CtaError) -> None:
        """An error and its cure."""
        self.warn(error.message)
        if error.hint:
            self.say(f"  try: {error.hint}")


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def ask_secret(question: str) -> str | None:
    """A secret typed without echo on the terminal, or None when there is no terminal."""
    return getpass.getpass(question) if has_terminal() else None
